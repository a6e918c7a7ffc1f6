"""The way onto the queue: staged rows, acceptance, and batches that are open meanwhile. See
`Journal`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from replayd.codec.controls import decode_controls, encode_controls
from replayd.codec.event import update_event
from replayd.codec.pace import repeats_of, without_repeats
from replayd.errors import ReplaydError
from replayd.journal.batch import Batch
from replayd.journal.interface import Kept, Receipt
from replayd.journal.ledger import Commit, Ledger, call_all, not_found
from replayd.journal.repeating import stage_repeats
from replayd.journal.request_ids import RequestIds
from replayd.journal.store import Figures, Remembered, StoredBatch, ranges_in
from replayd.model.batch import DEFAULT_TERMS, Terms
from replayd.model.event import PendingEvent, UpdateKind
from replayd.model.replay import Row
from replayd.reasons import Reason

REMEMBERED_NANOSECONDS = 24 * 3600 * 10**9
"""How long the answer to a request_id is remembered."""

_STAGE_ROWS = 512
_STAGE_BYTES = 4 * 1024 * 1024
"""How much one commit stages, so that the replay thread never waits long for its turn."""


class Answer(NamedTuple):
    """What a call is answered, and under which request_id that is remembered."""

    encoded: bytes = b""
    request_id: str = ""
    """Empty: it is not."""
    content_hash: bytes = b""


NO_ANSWER = Answer()


@dataclass(frozen=True, slots=True)
class _Incoming:
    """A batch that is being read: staged, or open once some of it was queued."""

    number: int
    count: int = 0
    first: int = 0
    last: int = -1
    batch: Batch | None = None
    """None: it is staged."""
    sequence: int = 0
    """The place in the log before the first event of an open batch."""

    def plus(self, rows: Sequence[Row]) -> "_Incoming":
        """Returns what it is with more rows."""
        if not rows:
            return self
        first = self.first if self.count else rows[0].flow_index
        return replace(self, count=self.count + len(rows), first=first, last=rows[-1].flow_index)

    def stored(self, batch_id: str, terms: Terms, position: int) -> StoredBatch:
        """Returns the batch as the store keeps it."""
        if self.batch is not None:
            position, cursor = self.batch.position, self.batch.cursor
            # They may have been changed meanwhile.
            controls = self.batch.controls
        else:
            cursor, controls = self.first, terms.controls
        figures = Figures(self.number, cursor, 0, 0, 0, 0, 0)
        return StoredBatch(
            self.number,
            batch_id,
            position,
            terms.label,
            self.count,
            self.first,
            self.last,
            figures,
            on_interrupt=terms.on_interrupt,
            options=terms.options,
            controls=encode_controls(controls),
        )


class Enqueues:
    """Enqueues under way."""

    def __init__(self, ledger: Ledger, request_ids: RequestIds) -> None:
        self._ledger = ledger
        self._request_ids = request_ids
        self._incoming: dict[str, _Incoming] = {}
        """Guarded by the ledger's `writing` lock."""

    def stage(self, batch_id: str, rows: Sequence[Row]) -> None:
        """Stages rows of a batch that is not accepted yet, in slices."""
        self._begin(batch_id)
        for some in _slices(rows):
            with self._ledger.writing:
                self._ledger.check()
                incoming = self._incoming[batch_id]
                self._ledger.store.stage(incoming.number, batch_id, some)
                self._incoming[batch_id] = incoming.plus(some)

    def extend(
        self,
        batch_id: str,
        rows: Sequence[Row],
        *,
        now: int,
        terms: Terms = DEFAULT_TERMS,
        request_id: str = "",
    ) -> None:
        """Queues rows of a batch that is still being read, in slices."""
        self._begin(batch_id)
        terms = _accepted(terms, now)
        for some in _slices(rows):
            self._extend(batch_id, some, now, terms, request_id)
            call_all(self._ledger.on_runnable)

    def accept(
        self,
        batch_id: str,
        *,
        now: int,
        answer: bytes,
        notes: Sequence[PendingEvent] = (),
        terms: Terms = DEFAULT_TERMS,
        request_id: str = "",
        content_hash: bytes = b"",
    ) -> Receipt:
        """Queues a staged batch, or closes an open one."""
        ledger = self._ledger
        terms = _accepted(terms, now)
        if (repeats := repeats_of(terms.options)) > 1:
            self._repeat(batch_id, repeats)
        receipts: list[Receipt] = []
        accepted: list[StoredBatch] = []

        def prepare(commit: Commit) -> None:
            incoming = self._of(batch_id)
            sequence = incoming.sequence if incoming.batch else commit.latest
            commit.log(notes)
            if incoming.batch is None:
                batch = incoming.stored(batch_id, terms, ledger.books.next_position)
                accepted.append(batch)
                commit.change.accepted = batch
                if batch.accepted:
                    commit.log([_queued_event(batch, batch.first, batch.accepted, now)])
            _remember(commit, Answer(answer, request_id, content_hash), sequence, now)
            receipts.append(Receipt(answer, sequence))

        def done() -> None:
            batch = self._incoming.pop(batch_id).batch
            if batch is None:
                ledger.books.accept(accepted[-1])
            else:
                ledger.books.close(batch)
            self._request_ids.forget(request_id)

        ledger.commit(prepare, done)
        if not accepted:
            self._closed()
        elif accepted[-1].accepted:
            call_all(ledger.on_runnable)
        return receipts[-1]

    def resend(
        self,
        batch_id: str,
        source: StoredBatch,
        *,
        now: int,
        close: Callable[[Commit], None],
        closed: Callable[[], None],
        answer: Answer = NO_ANSWER,
    ) -> Receipt:
        """Queues a staged batch that sends replays of another one again, as that one said, in
        one commit with what `close` adds; `closed` then changes what is in memory.
        """
        ledger = self._ledger
        controls = decode_controls(source.controls)._replace(paused=False, front=0)
        options = without_repeats(source.options)
        terms = _accepted(Terms(source.label, source.on_interrupt, options, controls), now)
        accepted: list[StoredBatch] = []
        receipts: list[Receipt] = []

        def prepare(commit: Commit) -> None:
            receipts.append(Receipt(answer.encoded, commit.latest))
            close(commit)
            batch = self._of(batch_id).stored(batch_id, terms, ledger.books.next_position)
            accepted.append(batch)
            commit.change.accepted = batch
            first, count = batch.first, batch.accepted
            commit.log([_queued_event(batch, first, count, now, resends=source.batch_id)])
            _remember(commit, answer, receipts[-1].sequence, now)

        def done() -> None:
            del self._incoming[batch_id]
            ledger.books.accept(accepted[-1])
            self._request_ids.forget(answer.request_id)
            closed()

        ledger.commit(prepare, done)
        call_all(ledger.on_runnable)
        return receipts[-1]

    def discard(self, batch_id: str, notes: Sequence[PendingEvent] = ()) -> Kept | None:
        """Gives up what was staged, or closes an open batch."""
        ledger = self._ledger
        with ledger.writing:
            incoming = self._incoming.pop(batch_id, None)
            if incoming is None:
                return None
            if incoming.batch is None:
                ledger.check()
                ledger.store.discard(incoming.number)
                return None
        self._close(incoming.batch, notes)
        return Kept(incoming.count, incoming.last)

    def holds_up(self, batch_id: str) -> bool:
        """Tells whether others wait for nothing but the end of an open batch."""
        with self._ledger.state:
            return not self._ledger.paused and self._ledger.books.holds_up(batch_id)

    def _repeat(self, batch_id: str, repeats: int) -> None:
        """Stages the other runs of a batch of which the first one is staged."""
        with self._ledger.writing:
            incoming = self._of(batch_id)
        if incoming.batch is None:
            stage_repeats(
                self._ledger,
                incoming.number,
                incoming.last,
                repeats,
                lambda rows: self.stage(batch_id, rows),
            )

    def _begin(self, batch_id: str) -> None:
        with self._ledger.writing:
            self._ledger.check()
            self._ledger.store.check_room()
            if batch_id not in self._incoming:
                number = self._ledger.books.next_number
                self._ledger.store.stage(number, batch_id, ())
                self._ledger.books.next_number = number + 1
                self._incoming[batch_id] = _Incoming(number)

    def _extend(
        self, batch_id: str, rows: Sequence[Row], now: int, terms: Terms, request_id: str
    ) -> None:
        """Queues rows in one commit."""
        ledger = self._ledger
        made: list[tuple[_Incoming, StoredBatch]] = []

        def prepare(commit: Commit) -> None:
            longer = self._of(batch_id).plus(rows)
            if longer.batch is None:
                longer = replace(longer, sequence=commit.latest)
            batch = longer.stored(batch_id, terms, ledger.books.next_position)
            made.append((longer, batch))
            commit.change.accepted, commit.change.rows = batch, rows
            commit.log([_queued_event(batch, rows[0].flow_index, len(rows), now)])
            if request_id:
                expires = now + REMEMBERED_NANOSECONDS
                commit.change.remembered = Remembered(
                    request_id, b"", b"", longer.sequence, expires, unanswered=batch_id
                )

        def done() -> None:
            longer, stored = made[-1]
            batch = longer.batch
            if batch is None:
                batch = ledger.books.open(stored)
            else:
                ledger.books.extend(batch, stored)
            self._incoming[batch_id] = replace(longer, batch=batch)

        ledger.commit(prepare, done)

    def _of(self, batch_id: str) -> _Incoming:
        """Returns a batch that may take more."""
        incoming = self._incoming.get(batch_id)
        if incoming is None:
            raise not_found(batch_id)
        if incoming.batch is not None and not incoming.batch.open_ended:
            raise ReplaydError(
                Reason.BATCH_CLEARED,
                f"batch {batch_id!r} was cleared while it was still being read; nothing more of "
                "it is taken",
                batch_id=batch_id,
            )
        return incoming

    def _close(self, batch: Batch, notes: Sequence[PendingEvent]) -> None:
        ledger = self._ledger
        try:
            ledger.commit(lambda commit: commit.log(notes), lambda: ledger.books.close(batch))
        finally:
            # Also when nothing can be stored: it has nothing that needs to be.
            with ledger.writing, ledger.state:
                ledger.books.close(batch)
            self._closed()

    def _closed(self) -> None:
        """An open batch ended: what is behind it may run, who waits for its end may look."""
        call_all(self._ledger.on_append)
        call_all(self._ledger.on_runnable)


def _remember(commit: Commit, answer: Answer, sequence: int, now: int) -> None:
    """Remembers an answer, and forgets those whose time has passed."""
    commit.change.forget_before = now
    if answer.request_id:
        commit.change.remembered = Remembered(
            answer.request_id,
            answer.content_hash,
            answer.encoded,
            sequence,
            now + REMEMBERED_NANOSECONDS,
        )


def _accepted(terms: Terms, now: int) -> Terms:
    """Notes when a batch is accepted."""
    return terms._replace(controls=terms.controls._replace(accepted=now))


def _queued_event(
    batch: StoredBatch, first: int, count: int, now: int, *, resends: str = ""
) -> PendingEvent:
    """Encodes the event of the last `count` replays of a batch, from the index `first` on."""
    return update_event(
        UpdateKind.QUEUED,
        now,
        ranges=ranges_in(batch, first, batch.last),
        count=count,
        batch_id=batch.batch_id,
        label=batch.label,
        resends=resends,
        owner=decode_controls(batch.controls).owner,
    )


def _slices(rows: Sequence[Row]) -> list[list[Row]]:
    """Cuts rows into slices for one commit each."""
    slices: list[list[Row]] = []
    size = 0
    for row in rows:
        if not slices or len(slices[-1]) == _STAGE_ROWS or size > _STAGE_BYTES:
            slices.append([])
            size = 0
        slices[-1].append(row)
        size += len(row.plan) + len(row.flow)
        size += len(row.request_content) + len(row.recorded_content)
    return slices
