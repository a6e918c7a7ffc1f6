"""Reading ahead: from the store's rows to the schedule.

Replays are read in the order of the queue, without what sending them takes, until enough
sessions are ready: so a long session doesn't hide the others behind it, up to a bound of
memory. When it fills the bound, the others of its batch wait until it has moved on; of each
other batch some more are read. In strict order those behind a batch that is still open wait
for its end. What sending takes is read some rows at a time, once the first of them is wanted.
"""

from collections.abc import Sequence
from operator import lt

from replayd.errors import JournalError
from replayd.journal.batch import Batch
from replayd.journal.ledger import Ledger, Taken
from replayd.journal.pacing import AHEAD, Pacing
from replayd.journal.schedule import Entry
from replayd.journal.store import Ahead, Prepared, place_of

MAX_AHEAD = 65_536
"""How many replays are read ahead at most, but for a few of each batch that would have none."""

_FEW = 32
"""So many; or, when more are wanted at once, those."""

_READ_STEP = 256
_READ_LIMIT = 1024
_READ_COST = 16
"""One take reads at most 1024 rows, a query counting as 16, so that it never holds the
thread for long: some 2 ms."""

_TIMED_COST = 4
"""What a row counts as of which it is asked when it was captured."""

_LAST_ROWS = 64
"""How far back the flow is looked for that ran last: others may have been refused."""

_PREPARE_ROWS = 64
_PREPARE_BYTES = 1024 * 1024
_PREPARED_LIMIT = 32 * 1024 * 1024
"""How much of what sending takes is kept for replays that wait."""


class ReadAhead:
    """Reads on where the schedule runs short."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def read(self, limit: int) -> bool:
        """Reads until enough replays are ready; True: there is more to read, later."""
        budget = _READ_LIMIT
        while True:
            with self._ledger.state:
                wanted = self._next(limit) is not None
            if not wanted or budget <= 0:
                return wanted
            budget -= self._step(limit) + _READ_COST

    def _next(self, limit: int) -> Batch | None:
        """Returns the batch to read on; None: nothing more is to be read now."""
        ledger = self._ledger
        batch = ledger.steps.to_read(limit, self._room) if ledger.steps is not None else None
        if batch is not None or ledger.paused:
            return batch
        return ledger.line.to_read(limit, self._room)

    def _room(self, batch: Batch, limit: int) -> int:
        """How many rows of a batch may be read now."""
        free = MAX_AHEAD - len(self._ledger.schedule.entries)
        if batch.pacing is not None:
            free = min(free, AHEAD - batch.ahead)
        return min(max(free, max(_FEW, limit) - batch.ahead), _READ_STEP)

    def _step(self, limit: int) -> int:
        """Reads on in one batch; returns how many rows it looked at."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            with ledger.state:
                batch = self._next(limit)
                if batch is None:
                    return 0
                step = self._room(batch, limit)
                ledger.books.begin(batch, ledger.latest)
                batch.skip_cleared()
                first, last = batch.next_index, batch.next_cleared
            timed = batch.pacing is not None and batch.pacing.pace.speed != 0
            if batch.pacing is not None and batch.pacing.wants_last:
                self._resume(batch, batch.pacing, first)
            rows = ledger.store.read_ahead(batch.number, first, last, step, timed=timed)
            if not _in_order(first, rows, last):
                self._fail(batch, 1)
            left = batch.unread - sum(not row.ended for row in rows)
            read_on = len(rows) == step
            if left < 0 or (left and not read_on and last == batch.last):
                self._fail(batch, left)
            with ledger.state:
                batch.unread = left
                self._add(batch, rows)
                if not read_on:
                    batch.next_index = last + 1
            return len(rows) * (_TIMED_COST if timed else 1)

    def _fail(self, batch: Batch, left: int) -> None:
        """Ends the journal's use: without what is lost, replays would never end, or be sent
        twice.
        """
        lost = f"{left} flows" if left > 0 else f"{-left} outcomes"
        self._ledger.store.failure = (
            f"the journal is damaged: of batch {batch.batch_id!r} {lost} are lost; "
            "`replayd journal check` says what else is"
        )
        raise JournalError(self._ledger.store.failure)

    def _add(self, batch: Batch, rows: Sequence[Ahead]) -> None:
        first_place = place_of(batch.number, 0)
        add = self._ledger.schedule.add
        pacing = batch.pacing
        for row in rows:
            index = row.flow_index
            batch.opened(index, ended=row.ended)
            if not row.ended:
                entry = Entry(first_place + index, batch, row)
                if pacing is not None:
                    entry.position = pacing.read(row.captured, batch.key(index).repeat, ended=False)
                add(entry)
            elif pacing is not None:
                pacing.read(row.captured, batch.key(index).repeat, ended=True)

    def _resume(self, batch: Batch, pacing: Pacing, first: int) -> None:
        """Tells a schedule that goes on of what ran last, as it stands in the capture."""
        pacing.wants_last = False
        before = max(first - _LAST_ROWS, 0)
        rows = self._ledger.store.read_ahead(
            batch.number, before, first - 1, _LAST_ROWS, timed=True
        )
        if rows:
            pacing.read(rows[-1].captured, batch.key(rows[-1].flow_index).repeat, ended=True)

    def prepare(self, taken: Taken) -> Sequence[Prepared]:
        """Reads what sending one replay takes, and of those that follow it."""
        ledger = self._ledger
        place = taken.entry.place
        with ledger.state:
            full = ledger.schedule.prepared_bytes > _PREPARED_LIMIT
        limit = 1 if full else _PREPARE_ROWS
        last = place_of(taken.batch.number, taken.batch.last)
        with ledger.writing:
            ledger.check_open()
            found = ledger.store.prepared(place, last, limit, _PREPARE_BYTES)
        with ledger.state:
            for prepared in found:
                ledger.schedule.prepare(prepared)
        return found


def _in_order(first: int, rows: Sequence[Ahead], last: int) -> bool:
    """Whether rows are those that were asked for: one whose index is damaged would have another
    flow sent, again.
    """
    indices = [row.flow_index for row in rows]
    between = not indices or (first <= indices[0] and indices[-1] <= last)
    return between and all(map(lt, indices, indices[1:]))
