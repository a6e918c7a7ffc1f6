"""Retention: what is oldest goes, so that the log and the store stay bounded. See
`Journal.retain`.

The log is cut from its oldest event on. A batch goes as a whole once its last event has: its
row first, so that nobody is served half of it, then what it held. What is queued or running
stays, with all that was logged since the oldest such batch was first read from; and so does,
against a bound of size, the batch that ended last, for whoever waits for its results.

Everything is done in slices of about a millisecond, between which others get the store. None
of them waits for the disk but the one that removes batches' rows: a power cut must not bring
back the row of a batch whose files are gone.
"""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing, suppress

from replayd.codec.event import time_of
from replayd.errors import JournalError
from replayd.journal.body import remove
from replayd.journal.interface import Limits, Removed, Size
from replayd.journal.ledger import Ledger, call_all

_BATCHES = 64
"""How many batches one slice removes the rows of."""

_MARGIN = 16
"""Of a store that is too large, a sixteenth more is removed: not a little at each look."""

_SPARE = 16 * 1024 * 1024
"""Bytes that may lie free in the store's file; it would soon grow by them again."""

_DAMAGED = 64
"""How many damaged events are passed over to learn how old they are."""


class Retention:
    """Removes what is over the limits."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def retain(self, limits: Limits, now: int) -> Iterator[Removed]:
        """Yields what went in each slice."""
        for removed in self._slices(limits, now):
            self._settle()
            yield removed
            if self._ledger.copying:
                return

    def _slices(self, limits: Limits, now: int) -> Iterator[Removed]:
        self._note_ended()
        if self._ledger.copying:
            return
        # What was left when it ended on its way.
        yield from self._erase()
        yield from self._remove_batches()
        if limits.age:
            yield from self.cut(self._last_before(now - limits.age))
        if limits.size and self.size().used > limits.size:
            yield from self._cut_to(limits.size - limits.size // _MARGIN)
        yield from self._shrink(limits.size)

    def size(self) -> Size:
        """Returns how large the store is."""
        with self._ledger.writing:
            self._ledger.check_open()
            return self._ledger.store.size()

    def regain_room(self) -> bool:
        """Looks whether a full disk has room again."""
        regained = self._ledger.store.regain_room()
        if regained:
            call_all(self._ledger.on_runnable)
        return regained

    def cut(self, last: int) -> Iterator[Removed]:
        """Removes the events up to a sequence, and the batches that had ended by then."""
        while self._ledger.trimmed < last:
            yield self._trim(last)
            yield from self._remove_batches()

    def _cut_to(self, size: int) -> Iterator[Removed]:
        """Removes the oldest batches until the store is small enough: as many at once as hold
        half of what is too much if all events stand for the same, one at last.
        """
        last = self._last_removable(against_size=True)
        while (trimmed := self._ledger.trimmed) < last and (used := self.size().used) > size:
            half = (self._ledger.latest - trimmed) * (used - size) // (2 * used)
            yield from self.cut(min(last, self._next_end(trimmed + half) or last))

    def _note_ended(self) -> None:
        """Tells the store which batches have ended."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check()
            if ledger.books.ended:
                ledger.store.note_ended(ledger.books.ended)
                with ledger.state:
                    ledger.books.ended = []

    def _last_removable(self, *, against_size: bool = False) -> int:
        """Returns the last event that may go."""
        books = self._ledger.books
        with self._ledger.state:
            last = self._ledger.latest
            oldest = next(iter(books.begun), None)
            if oldest is not None:
                last = min(last, oldest.begin - 1)
            if against_size and books.ended_last:
                last = min(last, books.ended_last - 1)
        return last

    def _settle(self) -> None:
        """Writes what a slice changed to the disk, that nobody else has to wait for it."""
        ledger = self._ledger
        if ledger.store.sync():
            with ledger.writing:
                ledger.check()
                ledger.store.settle()

    def _next_end(self, at_most: int) -> int:
        """Returns the last event up to one that a batch ended with, else that of the batch that
        ended first; 0: there is none.
        """
        with self._ledger.writing:
            self._ledger.check()
            return self._ledger.store.next_end(at_most)

    def _last_before(self, time: int) -> int:
        """Returns the last event before a time, of those that may go; clocks that were set
        back aside, the log is in order of time.
        """
        first, last = self._ledger.trimmed + 1, self._last_removable()
        older = bisect_left(range(first, last + 1), time, key=self._time)
        return first - 1 + older

    def _time(self, sequence: int) -> int:
        """Returns when an event happened; of a damaged one, when the next one did."""
        ledger = self._ledger
        last = min(sequence + _DAMAGED, ledger.latest)
        for at in range(sequence, last + 1):
            with ledger.writing:
                ledger.check()
                with (
                    suppress(JournalError),
                    closing(ledger.store.events(at - 1, at, frozenset(), "")) as events,
                ):
                    return time_of(next(events).body)
        raise JournalError(
            f"the events from {sequence} to {last} are damaged; restore the data folder from a "
            "backup"
        )

    def _trim(self, last: int) -> Removed:
        ledger = self._ledger
        with ledger.writing:
            ledger.check()
            before = ledger.trimmed
            trimmed = ledger.store.trim(last)
            with ledger.state:
                ledger.trimmed = trimmed
                ledger.recent.trim(trimmed)
        return Removed(events=trimmed - before)

    def _remove_batches(self) -> Iterator[Removed]:
        """Removes the batches whose last event has gone."""
        ledger = self._ledger
        while True:
            with ledger.writing:
                ledger.check()
                if ledger.copying:
                    return
                batch_ids = ledger.store.remove_batches(ledger.trimmed, _BATCHES)
                with ledger.state:
                    parked = ledger.books.forget(batch_ids)
            if not batch_ids:
                return
            if parked and ledger.holding is not None:
                ledger.holding.look_again()
            yield Removed(batches=len(batch_ids), parked=parked)
            yield from self._erase()

    def _erase(self) -> Iterator[Removed]:
        """Deletes what removed batches held."""
        ledger = self._ledger
        while True:
            with ledger.writing:
                ledger.check()
                erased = None if ledger.copying else ledger.store.erase()
            if erased is None:
                return
            for path in erased:
                remove(path)
            yield Removed()

    def _shrink(self, limit: int) -> Iterator[Removed]:
        """Gives free pages back, but for what will soon be used again."""
        ledger = self._ledger
        while True:
            with ledger.writing:
                ledger.check()
                size = ledger.store.size()
                spare = 0 if ledger.store.full else size.used // 4 + _SPARE
                if limit:
                    spare = min(spare, max(limit - size.used, 0))
                if size.free <= spare or not ledger.store.shrink():
                    return
            yield Removed()
