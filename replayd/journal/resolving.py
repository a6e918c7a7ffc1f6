"""Parked replays: those that a crash interrupted and nobody has resolved yet. See `Journal`.

What is to be sent again is staged first, as an Enqueue's rows are, so that no commit is large;
one last commit queues it and closes the old ones. Who resolves the same ones meanwhile, or
removes their batch, is seen in that commit.
"""

from collections.abc import Sequence

from replayd.codec.event import resolved_event
from replayd.errors import ReplaydError
from replayd.journal.enqueues import Enqueues
from replayd.journal.history import state_of, taken_of
from replayd.journal.interface import Resolved
from replayd.journal.ledger import Commit, Ledger
from replayd.journal.resending import stage_copies, stored_batch
from replayd.journal.store import (
    LAST_INDEX,
    StoredBatch,
    StoredResolution,
    place_of,
    split_place,
)
from replayd.model.replay import ReplayKey, ReplayState, Resolution, ranges_of
from replayd.reasons import Reason

_LOOKED_AT = 1024
"""How many replays are looked at in one turn at the store."""

_EVENT_RANGES = 1000
"""How many ranges one event holds."""


class Resolving:
    """Sends parked replays again, or drops them."""

    def __init__(self, ledger: Ledger, enqueues: Enqueues) -> None:
        self._ledger = ledger
        self._enqueues = enqueues

    def resolve(
        self,
        batch_id: str,
        flow_indices: Sequence[int] | None,
        resolution: Resolution,
        *,
        resent_as: str,
        now: int,
    ) -> Resolved:
        """Resolves parked replays of a batch."""
        batch = stored_batch(self._ledger, batch_id)
        indices = self._parked(batch) if flow_indices is None else sorted(set(flow_indices))
        with self._ledger.writing:
            self._check_all(batch_id, indices)
        ranges = ranges_of(batch_id, indices)
        resends = resent_as if indices and resolution is Resolution.RESEND else ""
        before = self._ledger.latest

        def close(commit: Commit) -> None:
            nonlocal before
            before = commit.latest
            self._check_all(batch_id, indices)
            commit.change.resolved = [
                StoredResolution(place_of(batch.number, index), resolution, resends)
                for index in indices
            ]
            for at in range(0, len(ranges), _EVENT_RANGES):
                some = ranges[at : at + _EVENT_RANGES]
                commit.log([resolved_event(some, resolution, resends, now)])

        def closed() -> None:
            self._ledger.books.resolve(batch_id, len(indices))

        if resends:
            stage_copies(self._ledger, self._enqueues, batch, indices, resends)
            try:
                self._enqueues.resend(resends, batch, now=now, close=close, closed=closed)
            except BaseException:
                self._enqueues.discard(resends)
                raise
        elif indices:
            self._ledger.commit(close, closed)
        return Resolved(len(indices), tuple(ranges), resends, before)

    # Finding

    def _parked(self, batch: StoredBatch) -> list[int]:
        """Returns the flow indices of all parked replays of a batch; raises ALREADY_RESOLVED
        when there were some, and are none.
        """
        parked: list[int] = []
        done: StoredResolution | None = None
        after = batch.first - 1 if batch.figures.interrupted else batch.last
        while after < batch.last:
            with self._ledger.writing:
                self._ledger.check()
                store = self._ledger.store
                looked_at = store.states(batch.number, after + 1, batch.last, _LOOKED_AT)
                for index, state in looked_at:
                    if state is ReplayState.INTERRUPTED:
                        found = store.resolution(place_of(batch.number, index))
                        if found is None:
                            parked.append(index)
                        done = found or done
            after = looked_at[-1].flow_index if looked_at else batch.last
        if done is not None and not parked:
            raise already_resolved(batch.batch_id, done)
        return parked

    def _check_all(self, batch_id: str, flow_indices: Sequence[int]) -> None:
        """Raises ReplaydError unless each is of a parked replay. Call it with `writing` held."""
        batch = self._ledger.batch(batch_id)
        for index in flow_indices:
            self._check(batch, index)

    def _check(self, batch: StoredBatch, flow_index: int) -> None:
        store = self._ledger.store
        key = ReplayKey.at(batch.batch_id, flow_index)
        known = 0 <= flow_index <= LAST_INDEX
        found = store.states(batch.number, flow_index, flow_index, 1) if known else ()
        if not found:
            raise ReplaydError(
                Reason.REPLAY_NOT_FOUND,
                f"no replay {key.replay_id!r}; ListReplays has the ids",
                replay_id=key.replay_id,
            )
        if found[0].state is not ReplayState.INTERRUPTED:
            taken = taken_of(self._ledger, batch.batch_id)
            state = state_of(batch, taken, flow_index, found[0].state).name
            raise ReplaydError(
                Reason.NOT_PARKED,
                f"replay {key.replay_id!r} is {state}; only INTERRUPTED ones are resolved",
                replay_id=key.replay_id,
                state=state,
            )
        done = store.resolution(place_of(batch.number, flow_index))
        if done is not None:
            raise already_resolved(batch.batch_id, done)


def already_resolved(batch_id: str, done: StoredResolution) -> ReplaydError:
    """Says what was done with a replay before."""
    replay_id = ReplayKey.at(batch_id, split_place(done.place)[1]).replay_id
    resent = done.resolution is Resolution.RESEND
    what = f"sent again as batch {done.resent_as!r}" if resent else "dropped"
    return ReplaydError(
        Reason.ALREADY_RESOLVED,
        f"replay {replay_id!r} was {what} before",
        replay_id=replay_id,
        resolution=done.resolution.name,
        resent_batch_id=done.resent_as,
    )
