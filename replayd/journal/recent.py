"""The recent events, in memory: watchers that keep up never touch the store.

Plain data: no lock, no store.
"""

from collections.abc import Iterator, Sequence

from replayd.journal.store import StoredEvent

MAX_BYTES = 16 * 1024 * 1024
MAX_EVENTS = 65_536


class Recent:
    """The latest events, without gaps, bounded by count and bytes."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_events: int = MAX_EVENTS) -> None:
        self._max_bytes = max_bytes
        self._max_events = max_events
        self._events: dict[int, StoredEvent] = {}
        self._bytes = 0
        self._first = 0
        """The oldest sequence that is kept."""

    def append(self, events: Sequence[StoredEvent]) -> None:
        """Adds the next events; drops the oldest ones that are over the bounds."""
        if events and not self._events:
            self._first = events[0].sequence
        for event in events:
            self._events[event.sequence] = event
            self._bytes += len(event.body)
        while self._bytes > self._max_bytes or len(self._events) > self._max_events:
            self._drop_first()

    def after(self, sequence: int, until: int) -> Iterator[StoredEvent] | None:
        """Yields the events after a sequence up to another; None: not all are here."""
        if not self._events or sequence + 1 < self._first:
            return None
        events = self._events
        return (events[number] for number in range(sequence + 1, until + 1))

    def trim(self, last: int) -> None:
        """Drops the events up to a sequence."""
        while self._events and self._first <= last:
            self._drop_first()

    def _drop_first(self) -> None:
        event = self._events.pop(self._first)
        self._bytes -= len(event.body)
        self._first += 1
