"""Sending replays that have ended once more, as a new batch. See `Journal`.

They are copied as the rows of an Enqueue are staged; one last commit queues them. An outcome
never changes, so that only what is parked is looked at again there: sending it again is what
resolves it.
"""

from collections.abc import Collection, Iterator, Sequence

from replayd.codec.event import resolved_event
from replayd.errors import ReplaydError
from replayd.journal.enqueues import Answer, Enqueues
from replayd.journal.history import state_of, taken_of
from replayd.journal.interface import Receipt
from replayd.journal.ledger import Commit, Ledger, not_found
from replayd.journal.resending import stage_copies, stored_batch
from replayd.journal.resolving import already_resolved
from replayd.journal.store import (
    LAST_INDEX,
    StoredBatch,
    StoredResolution,
    StoredState,
    place_of,
)
from replayd.model.replay import OUTCOMES, ReplayKey, ReplayState, Resolution, ranges_of
from replayd.reasons import Reason

_LOOKED_AT = 1024
"""How many replays are looked at in one turn at the store."""

_EVENT_RANGES = 1000
"""How many ranges one event holds."""


class Retrying:
    """Sends replays that have ended once more."""

    def __init__(self, ledger: Ledger, enqueues: Enqueues) -> None:
        self._ledger = ledger
        self._enqueues = enqueues

    def ended(
        self, batch_id: str, flow_indices: Sequence[int] | None, states: Collection[ReplayState]
    ) -> list[int]:
        """Returns the flow indices of what has ended, in order."""
        batch = stored_batch(self._ledger, batch_id)
        if flow_indices is None:
            return list(self._in_states(batch, states))
        indices = sorted(set(flow_indices))
        for index in indices:
            self._check(batch, index)
        return indices

    def retry(
        self,
        batch_id: str,
        flow_indices: Sequence[int],
        *,
        retried_as: str,
        now: int,
        answer: bytes = b"",
        request_id: str = "",
        content_hash: bytes = b"",
    ) -> Receipt:
        """Queues copies of replays that have ended."""
        ledger = self._ledger
        batch = stored_batch(ledger, batch_id)
        parked = self._parked(batch, flow_indices)
        stage_copies(ledger, self._enqueues, batch, flow_indices, retried_as)

        def close(commit: Commit) -> None:
            if parked and ledger.store.batch(batch_id) is None:
                raise not_found(batch_id)
            for index in parked:
                self._check_unresolved(batch, index)
            commit.change.resolved = [
                StoredResolution(place_of(batch.number, index), Resolution.RESEND, retried_as)
                for index in parked
            ]
            ranges = ranges_of(batch_id, parked)
            for at in range(0, len(ranges), _EVENT_RANGES):
                some = ranges[at : at + _EVENT_RANGES]
                commit.log([resolved_event(some, Resolution.RESEND, retried_as, now)])

        def closed() -> None:
            ledger.books.resolve(batch_id, len(parked))

        try:
            return self._enqueues.resend(
                retried_as,
                batch,
                now=now,
                close=close,
                closed=closed,
                answer=Answer(answer, request_id, content_hash),
            )
        except BaseException:
            self._enqueues.discard(retried_as)
            raise

    # Finding

    def _in_states(self, batch: StoredBatch, states: Collection[ReplayState]) -> Iterator[int]:
        """Yields what is in one of these states; of what was interrupted, what is parked."""
        ledger = self._ledger
        after = batch.first - 1
        while after < batch.last:
            found: list[int] = []
            taken = taken_of(ledger, batch.batch_id)
            with ledger.writing:
                ledger.check()
                looked_at = ledger.store.states(batch.number, after + 1, batch.last, _LOOKED_AT)
                for index, stored in looked_at:
                    state = state_of(batch, taken, index, stored)
                    if state in states and not self._resolved(batch, index, state):
                        found.append(index)
            yield from found
            after = looked_at[-1].flow_index if looked_at else batch.last

    def _resolved(self, batch: StoredBatch, index: int, state: ReplayState) -> bool:
        if state is not ReplayState.INTERRUPTED:
            return False
        return self._ledger.store.resolution(place_of(batch.number, index)) is not None

    def _check(self, batch: StoredBatch, index: int) -> None:
        """Raises ReplaydError unless a replay has ended, and was not resolved."""
        key = ReplayKey.at(batch.batch_id, index)
        taken = taken_of(self._ledger, batch.batch_id)
        found: Sequence[StoredState] = ()
        if 0 <= index <= LAST_INDEX:
            with self._ledger.writing:
                self._ledger.check()
                found = self._ledger.store.states(batch.number, index, index, 1)
        if not found:
            raise ReplaydError(
                Reason.REPLAY_NOT_FOUND,
                f"no replay {key.replay_id!r}; ListReplays has the ids",
                replay_id=key.replay_id,
            )
        state = state_of(batch, taken, index, found[0].state)
        if state not in OUTCOMES:
            raise ReplaydError(
                Reason.NOT_ENDED,
                f"replay {key.replay_id!r} is {state.name}; only what has ended is sent once more",
                replay_id=key.replay_id,
                state=state.name,
            )
        if state is ReplayState.INTERRUPTED:
            with self._ledger.writing:
                self._check_unresolved(batch, index)

    def _parked(self, batch: StoredBatch, flow_indices: Sequence[int]) -> list[int]:
        """Which of them are parked; those are resolved by being sent again."""
        if not batch.figures.interrupted:
            return []
        parked = []
        for index in flow_indices:
            with self._ledger.writing:
                self._ledger.check()
                (found,) = self._ledger.store.states(batch.number, index, index, 1)
            if found.state is ReplayState.INTERRUPTED:
                parked.append(index)
        return parked

    def _check_unresolved(self, batch: StoredBatch, index: int) -> None:
        """Call it with `writing` held."""
        done = self._ledger.store.resolution(place_of(batch.number, index))
        if done is not None:
            raise already_resolved(batch.batch_id, done)
