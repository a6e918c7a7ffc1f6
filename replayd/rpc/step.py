"""Step: has some replays taken that are paused, and waits until they were."""

import asyncio
from collections.abc import Callable, Sequence

from flowreplay.v1 import replay_pb2

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason

MAX_REPLAYS = 1000
"""How many replays one call takes at most."""


class Stepper:
    """Takes steps. Lives on one event loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: set[asyncio.Future[Sequence[ReplayKey]]] = set()

    async def step(self, request: replay_pb2.StepRequest) -> list[str]:
        """Returns the ids of the replays that were taken. A call that is given up takes back
        what was not taken. Raises ReplaydError: INVALID_OPTIONS, or as the journal does.
        """
        count = request.replay_count or 1
        if not 0 < count <= MAX_REPLAYS:
            raise ReplaydError(
                Reason.INVALID_OPTIONS,
                f"replay_count is {count}; it has to be from 1 to {MAX_REPLAYS}",
                field="replay_count",
            )
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[Sequence[ReplayKey]] = loop.create_future()

        def told(keys: Sequence[ReplayKey]) -> None:
            loop.call_soon_threadsafe(_settle, taken, keys)

        # Known to a stop from here on, also while the journal is asked.
        self._waiting.add(taken)
        try:
            withdraw = await self._ask(request.batch_id, count, told)
            try:
                return [key.replay_id for key in await taken]
            finally:
                withdraw()
        finally:
            self._waiting.discard(taken)

    async def _ask(
        self, batch_id: str, count: int, told: Callable[[Sequence[ReplayKey]], object]
    ) -> Callable[[], None]:
        asked = asyncio.create_task(asyncio.to_thread(self._journal.step, batch_id, count, told))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(_withdraw)
            raise

    def stop(self) -> None:
        """Ends the calls that wait: nothing more is taken."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(
                    ReplaydError(Reason.DAEMON_STOPPING, "the daemon stops; nothing more is taken")
                )


def _settle(taken: "asyncio.Future[Sequence[ReplayKey]]", keys: Sequence[ReplayKey]) -> None:
    """Ends a wait, unless its call was given up."""
    if not taken.done():
        taken.set_result(keys)


def _withdraw(asked: "asyncio.Task[Callable[[], None]]") -> None:
    """Takes back a step whose call was given up before it was known to the journal."""
    if asked.exception() is None:
        asked.result()()
