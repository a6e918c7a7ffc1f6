"""Clear, count and pause. See `Journal`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from replayd.codec.event import update_event
from replayd.journal.batch import Batch, Tally, ended_of
from replayd.journal.interface import Cleared
from replayd.journal.ledger import Commit, Ledger, call_all
from replayd.journal.runs import Runs
from replayd.journal.store import ClearedRange, StoredBatch, ranges_in
from replayd.model.event import PendingEvent, UpdateKind
from replayd.model.replay import Counts, ReplayRange, ReplayState

EVENT_RANGES = 1000
"""How many ranges one event holds; a clear of more batches logs more events."""


class Control:
    """What changes or counts the queue as a whole."""

    def __init__(self, ledger: Ledger, runs: Runs) -> None:
        self._ledger = ledger
        self._runs = runs

    def count(self, batch_id: str) -> Counts:
        """Counts replays by state."""
        ledger = self._ledger
        with ledger.state:
            parked = ledger.books.parked_of(batch_id)
            if not batch_id:
                return ledger.books.total.counts()._replace(parked=parked)
            counts = ledger.books.counts(batch_id)
        return (counts or self._stored_counts(batch_id))._replace(parked=parked)

    def pause(self, on: bool, now: int) -> bool:
        """Pauses or resumes the queue."""
        ledger = self._ledger
        changed = False

        def prepare(commit: Commit) -> None:
            nonlocal changed
            changed = ledger.paused != on
            if changed:
                commit.change.paused = on
                kind = UpdateKind.PAUSED if on else UpdateKind.RESUMED
                commit.log([update_event(kind, now)])

        def done() -> None:
            ledger.paused = on
            if changed:
                ledger.schedule.hold(on, ledger.books.live.values())

        ledger.commit(prepare, done)
        if changed and not on:
            call_all(ledger.on_runnable)
        return changed

    def clear(self, batch_id: str, now: int) -> Cleared:
        """Takes all that is QUEUED off the queue."""
        ledger = self._ledger
        self.count(batch_id)  # raises BATCH_NOT_FOUND
        queued: list[_Queued] = []

        def prepare(commit: Commit) -> None:
            queued.extend(self._queued(batch_id))
            for each in queued:
                commit.count(each.batch, ReplayState.CLEARED, each.count)
                commit.change.cleared += each.ranges
            commit.log(_cleared_events(queued, batch_id, now))

        def done() -> None:
            waiting = set(ledger.schedule.entries)
            for batch in self._in_scope(batch_id):
                ledger.books.close(batch)
            for each in queued:
                ledger.books.clear(each.batch, waiting, each.ranges)
                ledger.schedule.drop(each.batch)

        with self._runs.hold():
            ledger.commit(prepare, done)
        # Also without an event: an open batch that had nothing queued may be finished now.
        call_all(ledger.on_append)
        ranges = (named for each in queued for named in each.named())
        return Cleared(sum(each.count for each in queued), tuple(ranges))

    def options(self, batch_id: str) -> bytes:
        """Returns the options of a batch."""
        with self._ledger.state:
            batch = self._ledger.books.live.get(batch_id)
        return self._stored(batch_id).options if batch is None else batch.options

    def _queued(self, batch_id: str) -> list["_Queued"]:
        ledger = self._ledger
        found = []
        for batch in self._in_scope(batch_id):
            if batch.tally.queued:
                ended = ledger.store.ended_between(batch.number, batch.next_index, batch.last)
                with ledger.state:
                    ranges = batch.queued_ranges(ledger.schedule.entries, ended)
                found.append(_Queued(batch, batch.tally.queued, ranges))
        return found

    def _in_scope(self, batch_id: str) -> list[Batch]:
        live = self._ledger.books.live.values()
        return [batch for batch in live if batch_id in ("", batch.batch_id)]

    def _stored_counts(self, batch_id: str) -> Counts:
        stored = self._stored(batch_id)
        return Tally(stored.accepted, ended_of(stored.figures)).counts()

    def _stored(self, batch_id: str) -> StoredBatch:
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            return ledger.batch(batch_id)


@dataclass(frozen=True, slots=True)
class _Queued:
    """What is queued of a batch."""

    batch: Batch
    count: int
    ranges: Sequence[ClearedRange]

    def named(self) -> list[ReplayRange]:
        ranges = (ranges_in(self.batch, each.first, each.last) for each in self.ranges)
        return [each for some in ranges for each in some]


def _cleared_events(queued: Iterable[_Queued], batch_id: str, now: int) -> list[PendingEvent]:
    """Encodes one event; of very many batches more, so that none is too large to send."""
    groups: list[list[_Queued]] = []
    room = 0
    for each in queued:
        if len(each.ranges) > room:
            groups.append([])
            room = EVENT_RANGES
        groups[-1].append(each)
        room -= len(each.ranges)
    return [
        update_event(
            UpdateKind.CLEARED,
            now,
            ranges=[named for each in group for named in each.named()],
            count=sum(each.count for each in group),
            batch_id=batch_id,
        )
        for group in groups
    ]
