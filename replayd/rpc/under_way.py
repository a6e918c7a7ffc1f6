"""Calls that work on something, and what a stop of the daemon does to them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from replayd.errors import ReplaydError
from replayd.reasons import Reason

T = TypeVar("T")

MAX_CALLS = 64
"""Calls of one kind at once, of all clients. Each may hold a message of 8 MiB, and what gRPC
has read ahead, while it waits for a decoder.
"""


class UnderWay(Generic[T]):
    """The work of all calls of one kind; empty (false) when there is none."""

    def __init__(self, lost: str) -> None:
        """`lost`: what a stop leaves undone, for people."""
        self._lost = lost
        self._tasks: set[asyncio.Task[T]] = set()
        self.stopping = False
        """Whether a stop gives everything up."""

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begins a call's work; raises ReplaydError TOO_MANY_CALLS."""
        if len(self._tasks) >= MAX_CALLS:
            work.close()
            raise ReplaydError(
                Reason.TOO_MANY_CALLS,
                f"{MAX_CALLS} calls of this kind are under way, which is the limit; try again "
                "when some have ended",
                limit=MAX_CALLS,
            )
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def result(self, task: asyncio.Task[T]) -> T:
        """Waits for what was begun; raises ReplaydError DAEMON_STOPPING if a stop ended it."""
        try:
            return await task
        except asyncio.CancelledError as error:
            if not self.stopping:
                raise
            raise ReplaydError(Reason.DAEMON_STOPPING, self._lost) from error

    async def stop(self) -> None:
        """Gives up all that is under way and waits until nothing of it is left."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
