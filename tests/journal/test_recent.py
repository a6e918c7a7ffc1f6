"""The recent events in memory."""

from replayd.journal.recent import Recent
from replayd.journal.store import StoredEvent
from replayd.model.event import EventKind


def events(first: int, last: int, size: int = 10) -> list[StoredEvent]:
    return [
        StoredEvent(sequence, EventKind.LOG, "", b"x" * size) for sequence in range(first, last + 1)
    ]


def sequences(recent: Recent, after: int, until: int) -> list[int] | None:
    found = recent.after(after, until)
    return None if found is None else [event.sequence for event in found]


def test_it_has_nothing_at_first() -> None:
    assert Recent().after(0, 0) is None


def test_it_tells_when_it_has_not_all() -> None:
    recent = Recent()
    recent.append(events(5, 9))
    assert sequences(recent, 4, 9) == [5, 6, 7, 8, 9]
    assert sequences(recent, 6, 8) == [7, 8]
    assert sequences(recent, 9, 9) == []
    assert sequences(recent, 3, 9) is None


def test_it_is_bounded_by_count_and_bytes() -> None:
    recent = Recent(max_bytes=100, max_events=5)
    recent.append(events(1, 8))
    assert sequences(recent, 3, 8) == [4, 5, 6, 7, 8]
    assert sequences(recent, 2, 8) is None
    recent.append(events(9, 9, size=80))
    assert sequences(recent, 6, 9) == [7, 8, 9]
    assert sequences(recent, 5, 9) is None


def test_one_event_over_the_bound_is_not_kept() -> None:
    recent = Recent(max_bytes=100)
    recent.append(events(1, 1, size=101))
    assert recent.after(0, 1) is None
    recent.append(events(2, 2))
    assert sequences(recent, 1, 2) == [2]


def test_trim() -> None:
    recent = Recent()
    recent.append(events(1, 5))
    recent.trim(3)
    assert sequences(recent, 3, 5) == [4, 5]
    assert recent.after(2, 5) is None
    recent.trim(9)
    recent.append(events(6, 6))
    assert sequences(recent, 5, 6) == [6]
