"""The way onto the queue: request ids, staged rows, acceptance. See `Journal`."""

from collections.abc import Sequence

from replayd.codec.event import update_event
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Receipt
from replayd.journal.ledger import Commit, Ledger, call_all
from replayd.journal.store import Figures, Remembered, StoredBatch
from replayd.model.event import PendingEvent, UpdateKind
from replayd.model.replay import ReplayRange, Row
from replayd.reasons import Reason

REMEMBERED_NANOSECONDS = 24 * 3600 * 10**9
"""How long the answer to a request_id is remembered."""

_STAGE_ROWS = 512
_STAGE_BYTES = 4 * 1024 * 1024
"""How much one commit stages, so that the replay thread never waits long for its turn."""

_DISCARD_ROWS = 512


class _Staged:
    """A batch that is not accepted yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0
        self.first = 0
        self.last = -1

    def add(self, rows: Sequence[Row]) -> None:
        if rows:
            self.first = self.first if self.count else rows[0].flow_index
            self.last = rows[-1].flow_index
            self.count += len(rows)


class Enqueues:
    """Enqueues under way."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._claims: set[str] = set()
        """Request ids of Enqueues under way; guarded by the ledger's `state` lock."""
        self._staged: dict[str, _Staged] = {}
        """Guarded by the ledger's `writing` lock."""

    def reserve(self, request_id: str, content_hash: bytes | None) -> Receipt | None:
        """Claims a request_id or returns its receipt."""
        with self._ledger.state:
            if request_id in self._claims:
                raise ReplaydError(
                    Reason.REQUEST_IN_PROGRESS,
                    f"an Enqueue with request_id {request_id!r} is under way; try again later",
                    request_id=request_id,
                )
            self._claims.add(request_id)
        answered = self._answered(request_id)
        if answered is None:
            return None
        self.release(request_id)
        if content_hash is not None and content_hash != answered.content_hash:
            raise ReplaydError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id!r} was used for other content; choose a new one",
                request_id=request_id,
            )
        return Receipt(answered.answer, answered.sequence, duplicate=True)

    def release(self, request_id: str) -> None:
        """Gives up a claim."""
        with self._ledger.state:
            self._claims.discard(request_id)

    def stage(self, batch_id: str, rows: Sequence[Row]) -> None:
        """Stores rows of a batch that is not accepted yet, in slices."""
        self._begin(batch_id)
        for some in _slices(rows):
            with self._ledger.writing:
                self._ledger.check()
                staged = self._staged[batch_id]
                self._ledger.store.stage(staged.number, batch_id, some)
                staged.add(some)

    def accept(
        self,
        batch_id: str,
        *,
        now: int,
        answer: bytes,
        notes: Sequence[PendingEvent] = (),
        label: str = "",
        request_id: str = "",
        content_hash: bytes = b"",
    ) -> Receipt:
        """Queues a staged batch."""
        ledger = self._ledger
        accepted: list[StoredBatch] = []
        sequence = 0

        def prepare(commit: Commit) -> None:
            nonlocal sequence
            sequence = commit.latest
            batch = self._batch(batch_id, label, ledger.books.next_position)
            accepted.append(batch)
            commit.change.accepted = batch
            commit.log(notes)
            if batch.accepted:
                commit.log([_queued_event(batch, now)])
            commit.change.forget_before = now
            if request_id:
                expires = now + REMEMBERED_NANOSECONDS
                commit.change.remembered = Remembered(
                    request_id, content_hash, answer, sequence, expires
                )

        def done() -> None:
            ledger.books.accept(accepted[-1])
            del self._staged[batch_id]
            self._claims.discard(request_id)

        ledger.commit(prepare, done)
        if accepted[-1].accepted:
            call_all(ledger.on_runnable)
        return Receipt(answer, sequence)

    def discard(self, batch_id: str) -> None:
        """Deletes what was staged, in slices."""
        with self._ledger.writing:
            staged = self._staged.pop(batch_id, None)
        more = staged is not None
        while staged is not None and more:
            with self._ledger.writing:
                self._ledger.check()
                more = self._ledger.store.discard(staged.number, _DISCARD_ROWS)

    def _answered(self, request_id: str) -> Remembered | None:
        try:
            with self._ledger.writing:
                self._ledger.check_open()
                return self._ledger.store.remembered(request_id)
        except JournalError:
            self.release(request_id)
            raise

    def _begin(self, batch_id: str) -> None:
        with self._ledger.writing:
            self._ledger.check()
            if batch_id not in self._staged:
                number = self._ledger.books.next_number
                self._ledger.store.stage(number, batch_id, ())
                self._ledger.books.next_number = number + 1
                self._staged[batch_id] = _Staged(number)

    def _batch(self, batch_id: str, label: str, position: int) -> StoredBatch:
        staged = self._staged.get(batch_id)
        if staged is None:
            raise not_found(batch_id)
        figures = Figures(staged.number, staged.first, 0, 0, 0, 0, 0)
        return StoredBatch(
            staged.number,
            batch_id,
            position,
            label,
            staged.count,
            staged.first,
            staged.last,
            figures,
        )


def not_found(batch_id: str) -> ReplaydError:
    """Says that there is no such batch."""
    return ReplaydError(
        Reason.BATCH_NOT_FOUND,
        f"no batch {batch_id!r}; Enqueue's answer has the id",
        batch_id=batch_id,
    )


def _queued_event(batch: StoredBatch, now: int) -> PendingEvent:
    return update_event(
        UpdateKind.QUEUED,
        now,
        ranges=[ReplayRange(batch.batch_id, 0, batch.first, batch.last)],
        count=batch.accepted,
        batch_id=batch.batch_id,
        label=batch.label,
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
