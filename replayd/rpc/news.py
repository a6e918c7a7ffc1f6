"""Where watchers wait for the log's next events: one place for all of them.

However many wait and however fast events come, the event loop stays free for other calls:
those who wait are woken a few at a time, and not again before each can have been served.
Whoever commits only rings; many commits may share one wake-up.
"""

import asyncio
from collections import deque

SLICE = 16
"""Watchers that are woken in one pass of the event loop: some milliseconds of work."""

PACE = 0.0004
"""Seconds between two wake-ups for each that waits: some four times what it costs to serve one,
so that a crowd takes a quarter of a core at most.
"""


class News:
    """Wakes those who wait. Lives on one event loop; `ring` may be called in any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Future[bool], None] = {}
        self._woken: deque[asyncio.Future[bool]] = deque()
        self._rung = False
        self._next = 0.0
        """The earliest time of the next wake-up."""
        self.number = 0
        """How often there were news."""

    def ring(self) -> None:
        """Says that there is something new."""
        if not self._rung:
            self._rung = True
            self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        if self._loop.time() >= self._next:
            self._wake()
        else:
            self._loop.call_at(self._next, self._wake)

    def _wake(self) -> None:
        self._rung = False
        self.number += 1
        self._next = self._loop.time() + PACE * len(self._waiting)
        waking = bool(self._woken)
        self._woken.extend(self._waiting)
        self._waiting.clear()
        if not waking:
            self._wake_some()

    def _wake_some(self) -> None:
        for _ in range(min(SLICE, len(self._woken))):
            _settle(self._woken.popleft(), news=True)
        if self._woken:
            self._loop.call_soon(self._wake_some)

    async def wait(self, number: int, until: float) -> bool:
        """Waits for news after the `number`th, which is taken before the log is read: what
        comes later counts. False: `until`, of the loop's clock, came first.
        """
        if number != self.number:
            return True
        waiter: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[waiter] = None
        timer = self._loop.call_at(until, lambda: _settle(waiter, news=False))
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiting.pop(waiter, None)


def _settle(waiter: "asyncio.Future[bool]", *, news: bool) -> None:
    """Ends a wait, unless it has ended: its call was given up, or the time came."""
    if not waiter.done():
        waiter.set_result(news)
