"""Parked replays: those that a crash interrupted and nobody has resolved yet. See `Journal`.

What is to be sent again is staged first, as an Enqueue's rows are, so that no commit is large;
one last commit queues it and closes the old ones. Who resolves the same ones meanwhile, or
removes their batch, is seen in that commit.
"""

from collections.abc import Sequence

from replayd.codec.event import resolved_event
from replayd.codec.plan import decode_plan, encode_plan
from replayd.errors import ReplaydError
from replayd.journal.body import pieces_of
from replayd.journal.enqueues import Enqueues, not_found
from replayd.journal.history import state_of, taken_of
from replayd.journal.interface import Part, Resolved
from replayd.journal.ledger import Commit, Ledger
from replayd.journal.store import (
    LAST_INDEX,
    StoredBatch,
    StoredResolution,
    place_of,
    split_place,
)
from replayd.model.replay import ReplayKey, ReplayState, Resolution, Row, ranges_of
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
        batch = self._batch(batch_id)
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
            self._stage(batch, indices, resends)
            try:
                self._enqueues.resend(resends, batch, now=now, close=close, closed=closed)
            except BaseException:
                self._enqueues.discard(resends)
                raise
        elif indices:
            self._ledger.commit(close, closed)
        return Resolved(len(indices), tuple(ranges), resends, before)

    def _batch(self, batch_id: str) -> StoredBatch:
        ledger = self._ledger
        with ledger.writing:
            ledger.check()
            batch = ledger.store.batch(batch_id)
        if batch is None:
            raise not_found(batch_id)
        return batch

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
            raise _already_resolved(batch.batch_id, done)
        return parked

    def _check_all(self, batch_id: str, flow_indices: Sequence[int]) -> None:
        """Raises ReplaydError unless each is of a parked replay. Call it with `writing` held."""
        batch = self._ledger.store.batch(batch_id)
        if batch is None:
            raise not_found(batch_id)
        for index in flow_indices:
            self._check(batch, index)

    def _check(self, batch: StoredBatch, flow_index: int) -> None:
        store = self._ledger.store
        key = ReplayKey(batch.batch_id, 0, flow_index)
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
            raise _already_resolved(batch.batch_id, done)

    # Copying

    def _stage(self, batch: StoredBatch, flow_indices: Sequence[int], resent_as: str) -> None:
        """Stages copies of replays, one at a time: each may hold large contents."""
        try:
            for index in flow_indices:
                self._enqueues.stage(resent_as, [self._copy(batch, index)])
        except BaseException:
            self._enqueues.discard(resent_as)
            raise

    def _copy(self, batch: StoredBatch, flow_index: int) -> Row:
        """Returns the row that sends a replay again."""
        ledger = self._ledger
        place = place_of(batch.number, flow_index)
        with ledger.writing:
            ledger.check()
            found = ledger.store.past(place, place, 1, 1)
            if not found:
                raise not_found(batch.batch_id)  # it was removed meanwhile
            requested, recorded = (
                pieces_of(ledger.store.content(place, part))
                for part in (Part.REQUEST, Part.RECORDED)
            )
        (past,) = found
        replay_id = ReplayKey(batch.batch_id, 0, flow_index).replay_id
        plan = decode_plan(past.plan)._replace(resends_replay_id=replay_id)
        return Row(
            flow_index,
            past.session,
            past.idempotent,
            encode_plan(plan),
            past.flow,
            b"".join(requested),
            b"".join(recorded),
            # Found out when it is sent: only there all names of secrets are known.
            shown_plan=None,
        )


def _already_resolved(batch_id: str, done: StoredResolution) -> ReplaydError:
    replay_id = ReplayKey(batch_id, 0, split_place(done.place)[1]).replay_id
    resent = done.resolution is Resolution.RESEND
    what = f"sent again as batch {done.resent_as!r}" if resent else "dropped"
    return ReplaydError(
        Reason.ALREADY_RESOLVED,
        f"replay {replay_id!r} was {what} before",
        replay_id=replay_id,
        resolution=done.resolution.name,
        resent_batch_id=done.resent_as,
    )
