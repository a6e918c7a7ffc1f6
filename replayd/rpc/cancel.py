"""Cancel: what waits is taken off the queue, what runs is killed.

A replay that the journal finds running may end, or be queued again, before the replay thread
hears of it: then the journal is asked once more, until each has an outcome.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from flowreplay.v1 import event_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import ReplayKey, ReplayState
from replayd.reasons import Reason
from replayd.rpc.replay_ids import replay_keys
from replayd.rpc.told import told_by_thread

if TYPE_CHECKING:
    from replayd.rpc.service import Thread

MAX_REPLAYS = 1000
"""How many replays one call cancels at most."""


class Done(NamedTuple):
    """What a Cancel did."""

    replays: list[replay_pb2.CancelledReplay]
    sequence: int
    """The place in the log just before the first event of it."""


class Canceller:
    """Cancels replays."""

    def __init__(self, journal: Journal, thread: "Thread") -> None:
        self._journal = journal
        self._thread = thread

    async def cancel(self, request: replay_pb2.CancelRequest) -> Done:
        """Raises ReplaydError: INVALID_OPTIONS, REPLAY_NOT_FOUND, DAEMON_STOPPING while some were
        running, or as the journal does.
        """
        keys = list(dict.fromkeys(replay_keys(request.replay_ids)))
        if not 0 < len(keys) <= MAX_REPLAYS:
            raise ReplaydError(
                Reason.INVALID_OPTIONS,
                f"replay_ids has {len(keys)} replays; name from 1 to {MAX_REPLAYS}",
                field="replay_ids",
            )
        ended: dict[ReplayKey, ReplayState] = {}
        changed: set[ReplayKey] = set()
        before: list[int] = []
        while left := [key for key in keys if key not in ended]:
            found = await asyncio.to_thread(self._journal.cancel, left, time.time_ns())
            before.append(found.sequence)
            states = dict(zip(left, found.states, strict=True))
            queued = [key for key in left if states[key] is ReplayState.QUEUED]
            running = [key for key in left if states[key] is ReplayState.RUNNING]
            ended |= {key: states[key] for key in left if key not in running}
            ended |= dict.fromkeys(queued, ReplayState.CLEARED)
            changed.update(queued)
            if running:
                killed = await self._kill(running)
                ended |= dict.fromkeys(killed, ReplayState.KILLED)
                changed.update(killed)
        # What was killed is only handed over yet, and so may be what was found ended.
        await asyncio.to_thread(self._journal.commit)
        return Done([_message(key, ended[key], key in changed) for key in keys], before[0])

    async def _kill(self, keys: Sequence[ReplayKey]) -> Sequence[ReplayKey]:
        return await told_by_thread(partial(self._thread.cancel, frozenset(keys)))


def _message(key: ReplayKey, state: ReplayState, changed: bool) -> replay_pb2.CancelledReplay:
    return replay_pb2.CancelledReplay(
        replay_id=key.replay_id,
        state=event_pb2.ReplayState.ValueType(state.value),
        changed=changed,
    )
