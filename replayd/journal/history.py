"""Reading back: what became of replays. See `Journal`."""

from collections.abc import Sequence

from replayd.errors import JournalError
from replayd.journal.batch import ended_of
from replayd.journal.interface import Ends, Listed, Past, Place, Wanted, Withheld
from replayd.journal.ledger import Ledger
from replayd.journal.store import (
    StoredBatch,
    StoredPast,
    StoredState,
    place_of,
    split_place,
)
from replayd.model.replay import OUTCOMES, ReplayKey, ReplayState

_STEP_BYTES = 1024 * 1024
"""What one step reads at most, a few milliseconds in which nobody else can commit."""

_STEP_ENDS = 128
"""How many replays one step through their ends looks at."""

_STEP_ROWS = 1024
"""How many replays one step of a listing looks at."""


class History:
    """The readers of batches."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def history(self, batch_id: str, after_index: int, limit: int) -> Sequence[Past]:
        """Reads the replays of a batch, a step at a time."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            batch = ledger.batch(batch_id)
            if after_index >= batch.last:
                return ()
            stored = ledger.store.past(*_places(batch, after_index), limit, _STEP_BYTES)
            _check_complete(batch, after_index, list(map(_stored_state, stored)))
            taken = taken_of(ledger, batch_id)
        return [self._past(batch, taken, each) for each in stored]

    def ends(self, batch_id: str, after: int = -1) -> Ends:
        """Reads some more of the events that ended replays."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            batch = ledger.batch(batch_id)
            if after >= batch.last:
                return Ends((), after, more=False)
            # Only those that there are: what is sent again of runs, or of a large batch, has
            # long gaps between its indices.
            looked_at = ledger.store.states(batch.number, after + 1, batch.last, _STEP_ENDS)
            _check_complete(batch, after, looked_at)
            if not looked_at:
                return Ends((), batch.last, more=False)
            begin, end = looked_at[0].flow_index, looked_at[-1].flow_index
            places = place_of(batch.number, begin), place_of(batch.number, end)
            found = ledger.store.ends(*places, _STEP_BYTES)
        if found.more:
            end = split_place(found.last)[1]
        return Ends(found.events, end, end < batch.last)

    def withheld(self, batch_id: str, after_index: int, limit: int) -> Sequence[Withheld]:
        """Reads the replays of a batch of whose end something was withheld."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            batch = ledger.batch(batch_id)
            if after_index >= batch.last:
                return ()
            stored = ledger.store.withheld(*_places(batch, after_index), limit, _STEP_BYTES)
        return [
            Withheld(ReplayKey.at(batch_id, split_place(each.place)[1]), *each[1:])
            for each in stored
        ]

    def replays(self, place: Place, wanted: Wanted, limit: int) -> Listed:
        """Looks through some more replays."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            batch = self._next_batch(place, wanted)
            if batch is None:
                return Listed((), place, more=False)
            behind = Listed((), Place(batch.position + 1), more=not wanted.batch_id)
            after = place.flow_index if place.position == batch.position else -1
            if after >= batch.last or not self._may_have(batch, wanted):
                return behind
            return self._some_of(batch, after, wanted, limit) or behind

    def _next_batch(self, place: Place, wanted: Wanted) -> StoredBatch | None:
        store = self._ledger.store
        if not wanted.batch_id:
            return store.batch_from(place.position)
        batch = self._ledger.batch(wanted.batch_id)
        return batch if place.position <= batch.position else None

    def _may_have(self, batch: StoredBatch, wanted: Wanted) -> bool:
        """Tells by its counts whether a batch may have any that is wanted."""
        if wanted.parked:
            with self._ledger.state:
                return self._ledger.books.parked_of(batch.batch_id) > 0
        ended = ended_of(batch.figures)
        waits = sum(ended.values()) < batch.accepted
        return not wanted.states or any(ended.get(state, waits) for state in wanted.states)

    def _some_of(self, batch: StoredBatch, after: int, wanted: Wanted, limit: int) -> Listed | None:
        """Looks through some more of a batch; None: there are no more."""
        store = self._ledger.store
        looked_at = store.states(batch.number, after + 1, batch.last, _STEP_ROWS)
        _check_complete(batch, after, looked_at)
        if not looked_at:
            return None
        taken = taken_of(self._ledger, batch.batch_id)
        found: list[Past] = []
        size = 0
        for flow_index, state in looked_at:
            if len(found) == limit or size > _STEP_BYTES:
                break
            after = flow_index
            if wanted.states and state_of(batch, taken, flow_index, state) not in wanted.states:
                continue
            if wanted.parked and state is not ReplayState.INTERRUPTED:
                continue
            at = place_of(batch.number, flow_index)
            past = self._past(batch, taken, store.past(at, at, 1, _STEP_BYTES)[0])
            if past.parked or not wanted.parked:
                found.append(past)
                size += sum(len(part) for part in past if isinstance(part, bytes))
        return Listed(found, Place(batch.position, after), more=True)

    def _past(self, batch: StoredBatch, taken: set[int], stored: StoredPast) -> Past:
        past = _past(batch, taken, stored)
        holding = self._ledger.holding
        if holding is None or past.state is not ReplayState.QUEUED:
            return past
        return past._replace(awaited=holding.awaited_by((batch.number, stored.session)))


def taken_of(ledger: Ledger, batch_id: str) -> set[int]:
    """Returns the flow indices of what runs of a batch."""
    with ledger.state:
        return {each.slot for each in ledger.taken if each.batch_id == batch_id}


def state_of(
    batch: StoredBatch, taken: set[int], flow_index: int, stored: ReplayState | None
) -> ReplayState:
    """Tells the state of a replay: a row may say no more than that an attempt began, or is to
    be repeated.
    """
    if stored is not None and stored in OUTCOMES:
        return stored
    if flow_index in taken:
        return ReplayState.RUNNING
    cleared = any(first <= flow_index <= last for first, last in batch.cleared)
    return ReplayState.CLEARED if cleared else ReplayState.QUEUED


def _places(batch: StoredBatch, after_index: int) -> tuple[int, int]:
    """The first and the last place of a batch's replays after an index."""
    return place_of(batch.number, after_index + 1), place_of(batch.number, batch.last)


def _check_complete(batch: StoredBatch, after_index: int, found: Sequence[StoredState]) -> None:
    """Raises JournalError when replays, or outcomes, are not there that must be."""
    indices = [each.flow_index for each in found]
    begin = max(after_index + 1, batch.first)
    if batch.is_dense and indices != list(range(begin, begin + max(len(indices), 1))):
        raise _lost(batch, begin, "a flow")
    for index, state in found:
        if state is None and batch.has_ended(index):
            raise _lost(batch, index, "an outcome")


def _stored_state(past: StoredPast) -> StoredState:
    return StoredState(split_place(past.place)[1], past.state)


def _lost(batch: StoredBatch, index: int, what: str) -> JournalError:
    return JournalError(
        f"the journal is damaged: of batch {batch.batch_id!r} {what} is lost, at flow {index} or "
        "after it; `replayd journal check` says what else is"
    )


def _past(batch: StoredBatch, taken: set[int], stored: StoredPast) -> Past:
    _, flow_index = split_place(stored.place)
    state = state_of(batch, taken, flow_index, stored.state)
    done = stored.resolution
    return Past(
        ReplayKey.at(batch.batch_id, flow_index),
        state,
        _begun(stored, state),
        stored.plan,
        stored.flow,
        stored.request_content,
        stored.recorded_content,
        stored.response_content,
        stored.event,
        done.resolution if done else None,
        done.resent_as if done else "",
        stored.withheld,
    )


def _begun(stored: StoredPast, state: ReplayState) -> int:
    """The last attempt that began: a QUEUED row has the next one, no row says the first."""
    if state is ReplayState.RUNNING:
        return stored.attempt or 1
    return stored.attempt - 1 if stored.state is ReplayState.QUEUED else stored.attempt
