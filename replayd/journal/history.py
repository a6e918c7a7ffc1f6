"""Reading back: what became of the replays of a batch. See `Journal`."""

from collections.abc import Sequence

from replayd.errors import JournalError
from replayd.journal.enqueues import not_found
from replayd.journal.interface import Past
from replayd.journal.ledger import Ledger
from replayd.journal.store import StoredBatch, StoredPast, place_of, split_place
from replayd.model.replay import OUTCOMES, ReplayKey, ReplayState

_STEP_BYTES = 1024 * 1024
"""What one step reads at most, a few milliseconds in which nobody else can commit."""


class History:
    """The readers of batches."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def history(self, batch_id: str, after_index: int, limit: int) -> Sequence[Past]:
        """Reads the replays of a batch, a step at a time."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            batch = ledger.store.batch(batch_id)
            if batch is None:
                raise not_found(batch_id)
            if after_index >= batch.last:
                return ()
            first, last = (
                place_of(batch.number, after_index + 1),
                place_of(batch.number, batch.last),
            )
            stored = ledger.store.past(first, last, limit, _STEP_BYTES)
            _check_complete(batch, after_index, stored)
            with ledger.state:
                taken = {each.flow_index for each in ledger.taken if each.batch_id == batch_id}
        return [_past(batch, taken, each) for each in stored]


def _check_complete(batch: StoredBatch, after_index: int, stored: Sequence[StoredPast]) -> None:
    """Raises JournalError when replays, or outcomes, are not there that must be."""
    found = [split_place(each.place)[1] for each in stored]
    begin = max(after_index + 1, batch.first)
    if batch.is_dense and found != list(range(begin, begin + max(len(found), 1))):
        raise _lost(batch, begin, "a flow")
    for index, each in zip(found, stored, strict=True):
        if each.state is None and batch.has_ended(index):
            raise _lost(batch, index, "an outcome")


def _lost(batch: StoredBatch, index: int, what: str) -> JournalError:
    return JournalError(
        f"the journal is damaged: of batch {batch.batch_id!r} {what} is lost, at flow {index} or "
        "after it; `replayd journal check` says what else is"
    )


def _past(batch: StoredBatch, taken: set[int], stored: StoredPast) -> Past:
    _, flow_index = split_place(stored.place)
    state = stored.state
    if state not in OUTCOMES:
        # A row may say no more than that an attempt began, or is to be repeated.
        cleared = any(first <= flow_index <= last for first, last in batch.cleared)
        waits = ReplayState.CLEARED if cleared else ReplayState.QUEUED
        state = ReplayState.RUNNING if flow_index in taken else waits
    return Past(
        ReplayKey(batch.batch_id, 0, flow_index),
        state,
        _begun(stored, state),
        stored.plan,
        stored.flow,
        stored.request_content,
        stored.recorded_content,
        stored.response_content,
        stored.event,
    )


def _begun(stored: StoredPast, state: ReplayState) -> int:
    """The last attempt that began: a QUEUED row has the next one, no row says the first."""
    if state is ReplayState.RUNNING:
        return stored.attempt or 1
    return stored.attempt - 1 if stored.state is ReplayState.QUEUED else stored.attempt
