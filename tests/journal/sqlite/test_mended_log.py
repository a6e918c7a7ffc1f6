"""A salvaged log has no gaps, and says where it had some."""

from collections.abc import Callable
from pathlib import Path

from replayd.journal.sqlite import open_sqlite
from tests.journal.sqlite.test_salvage import rescue
from tests.support.journals import NOW, kinds, read_all


def test_a_note_stands_in_the_place_of_each_lost_event(
    lived_in: Path, harm: Callable[[str], None]
) -> None:
    harm("DELETE FROM event WHERE sequence IN (3, 4, 11)")
    new, counts = rescue(lived_in)
    assert (counts["events"], counts["lost_events"]) == (8, 2)
    journal = open_sqlite(new, NOW)
    events = read_all(journal)
    assert [event.sequence for event in events] == list(range(1, journal.latest + 1))
    assert [event.sequence for event in events if "was lost here" in event.log.message] == [3, 4]
    assert kinds(events)[10:12] == ["log", "paused"]
    assert events[10].log.message == "the journal was salvaged"
    (past, _) = journal.history("ended", -1, 9)
    assert past.event
    journal.close()


def test_the_oldest_events_are_as_if_removed(lived_in: Path, harm: Callable[[str], None]) -> None:
    harm("DELETE FROM event WHERE sequence < 4")
    new, counts = rescue(lived_in)
    assert counts["events"] == 8
    journal = open_sqlite(new, NOW)
    assert read_all(journal, 3)[0].sequence == 4
    journal.close()


def test_a_log_that_is_all_lost_goes_on_behind_it(
    lived_in: Path, harm: Callable[[str], None]
) -> None:
    harm("DELETE FROM event")
    new, _ = rescue(lived_in)
    journal = open_sqlite(new, NOW)
    assert journal.latest > 6, "the last one that an outcome names"
    journal.close()
