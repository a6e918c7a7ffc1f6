"""Waiting for what the replay thread tells a call."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from replayd.errors import ReplaydError
from replayd.reasons import Reason

Told = TypeVar("Told")


async def told_by_thread(
    ask: Callable[[Callable[[Told], object], Callable[[], object]], None],
) -> Told:
    """Asks the replay thread and returns what it tells. `ask` is called with two functions: one
    for the thread to tell it with, the other for a thread that has ended. Both may be called from
    any thread.

    Raises ReplaydError DAEMON_STOPPING: the thread has ended.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Told] = loop.create_future()

    # The call may have been given up before either.
    def tell(told: Told) -> None:
        if not answer.done():
            answer.set_result(told)

    def miss() -> None:
        if not answer.done():
            answer.set_exception(
                ReplaydError(
                    Reason.DAEMON_STOPPING,
                    "the daemon stops, and nothing is replayed any more; ask again when it is back",
                )
            )

    ask(
        lambda told: loop.call_soon_threadsafe(tell, told),
        lambda: loop.call_soon_threadsafe(miss),
    )
    return await answer
