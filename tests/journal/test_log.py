"""Reading the log, on every journal."""

import pytest

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.journal.recent import Recent
from replayd.model.event import EventKind
from replayd.reasons import Reason
from tests.support.journals import NOW, decoded, drain, enqueue, kinds, note, read_all, row, trim

BIG = 1 << 20


@pytest.fixture(params=["recent", "stored"])
def journal(
    request: pytest.FixtureRequest, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> Journal:
    """A journal that reads from memory, and one that has to look in its store."""
    if request.param == "stored":
        monkeypatch.setattr(Recent, "after", lambda *_: None)
    return journal


def notes(journal: Journal, count: int, batch_id: str = "") -> None:
    journal.emit([note(f"note {number}", batch_id) for number in range(count)])
    journal.commit()


def test_an_empty_log(journal: Journal) -> None:
    page = journal.read(0, limit=10, max_bytes=BIG)
    assert (list(page.events), page.last, page.oldest, page.latest) == ([], 0, 0, 0)
    assert journal.latest == 0


def test_events_come_once_committed(journal: Journal) -> None:
    journal.emit([note("waits")])
    assert journal.latest == 0
    assert read_all(journal) == []
    journal.commit()
    assert [event.log.message for event in read_all(journal)] == ["waits"]


def test_a_page_has_at_most_limit_events(journal: Journal) -> None:
    notes(journal, 5)
    page = journal.read(1, limit=2, max_bytes=BIG)
    assert [event.sequence for event in decoded(page)] == [2, 3]
    assert (page.last, page.oldest, page.latest) == (3, 1, 5)
    page = journal.read(3, limit=2, max_bytes=BIG)
    assert [event.sequence for event in decoded(page)] == [4, 5]
    assert journal.read(5, limit=2, max_bytes=BIG).last == 5


def test_a_page_has_at_most_max_bytes_but_one_event(journal: Journal) -> None:
    notes(journal, 4)
    size = len(journal.read(0, limit=1, max_bytes=BIG).events[0])
    assert len(journal.read(0, limit=9, max_bytes=2 * size).events) == 2
    assert len(journal.read(0, limit=9, max_bytes=2 * size - 1).events) == 1
    assert len(journal.read(0, limit=9, max_bytes=0).events) == 1


def test_filters_by_kind_and_batch(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)], notes=[note("one", "b1")])
    enqueue(journal, "b2", [row(0)], notes=[note("two", "b2")])
    journal.pause(True, NOW)
    assert kinds(read_all(journal, kinds=frozenset({EventKind.LOG}))) == ["log", "log"]
    mine = read_all(journal, batch_id="b2")
    assert kinds(mine) == ["log", "queued", "paused"]
    both = read_all(journal, kinds=frozenset({EventKind.UPDATE}), batch_id="b1")
    assert kinds(both) == ["queued", "paused"]


def test_last_moves_on_where_nothing_matches(journal: Journal) -> None:
    notes(journal, 9000)
    after = pages = 0
    while after < journal.latest:
        page = journal.read(after, limit=10, max_bytes=BIG, kinds=frozenset({EventKind.UPDATE}))
        assert list(page.events) == []
        assert page.last > after
        after = page.last
        pages += 1
    assert after == 9000
    assert pages > 1


def test_last_stops_at_the_page(journal: Journal) -> None:
    for number in range(3):
        notes(journal, 3, "b1")
        notes(journal, 1, f"b{number + 2}")
    page = journal.read(0, limit=2, max_bytes=BIG, batch_id="b3")
    assert [event.sequence for event in decoded(page)] == [8]
    assert page.last == 12
    page = journal.read(0, limit=2, max_bytes=BIG, batch_id="b1")
    assert page.last == 2


def test_every_event_once_in_order(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index) for index in range(700)])
    drain(journal, 16)
    assert [event.sequence for event in read_all(journal)] == list(range(1, 702))


def test_recent_is_what_needs_no_store(journal: Journal, request: pytest.FixtureRequest) -> None:
    assert journal.is_recent(0)
    notes(journal, 3)
    in_memory = "stored" not in request.node.name
    assert [journal.is_recent(after) for after in (0, 2, 3)] == [in_memory, in_memory, True]


def test_trimmed_events_are_refused(journal: Journal) -> None:
    notes(journal, 2500)
    trim(journal, 2001)
    page = journal.read(2000, limit=1, max_bytes=BIG)
    assert (page.oldest, decoded(page)[0].sequence) == (2001, 2001)
    with pytest.raises(ReplaydError) as caught:
        journal.read(1999, limit=1, max_bytes=BIG)
    assert caught.value.reason is Reason.SEQUENCE_COMPACTED
    assert caught.value.metadata == {"oldest_sequence": "2001", "latest_sequence": "2500"}


def test_sequences_go_on_after_everything_was_trimmed(journal: Journal) -> None:
    notes(journal, 3)
    trim(journal, 100)
    trim(journal, 100)
    page = journal.read(3, limit=1, max_bytes=BIG)
    assert (page.oldest, page.latest, list(page.events)) == (0, 3, [])
    with pytest.raises(ReplaydError):
        journal.read(2, limit=1, max_bytes=BIG)
    notes(journal, 1)
    assert [event.sequence for event in read_all(journal, 3)] == [4]


def test_on_append_comes_once_a_commit_with_events(journal: Journal) -> None:
    seen: list[int] = []
    journal.on_append(lambda: seen.append(journal.latest))
    notes(journal, 3)
    journal.commit()
    notes(journal, 1)
    assert seen == [3, 4]
