"""How the daemon is told to stop: the first signal drains, the second one ends all waiting."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """What was asked for so far. Lives on one event loop."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._at_once = asyncio.Event()

    def catch_signals(self) -> None:
        """From here on signals do not kill the process."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal)

    @property
    def hurried(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self._at_once.is_set()

    def at_once(self) -> None:
        """Asks to stop without waiting for anything."""
        self._asked.set()
        self._at_once.set()

    async def asked(self) -> None:
        """Waits until somebody asks to stop."""
        await self._asked.wait()

    async def before(self, step: Coroutine[Any, Any, None]) -> bool:
        """Does a step of the start; False: a signal came first, and it was given up."""
        doing = asyncio.create_task(step)
        await _first(doing, self._asked)
        if doing.done():
            await doing
            return not self._asked.is_set()
        doing.cancel()
        await asyncio.wait({doing})
        return False

    async def unless_hurried(self, step: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        """Waits for a step of the stop; returns it undone once nothing is to be waited for."""
        doing = asyncio.create_task(step)
        await _first(doing, self._at_once)
        return doing

    def _on_signal(self) -> None:
        if self._asked.is_set():
            self._at_once.set()
        self._asked.set()


async def _first(doing: asyncio.Task[Any], event: asyncio.Event) -> None:
    """Waits until a task is done or an event happened."""
    happened = asyncio.create_task(event.wait())
    await asyncio.wait({doing, happened}, return_when=asyncio.FIRST_COMPLETED)
    happened.cancel()
