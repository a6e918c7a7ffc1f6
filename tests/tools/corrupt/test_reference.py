"""What is known of a journal before it is damaged."""

from replayd.journal.interface import Part
from replayd.model.replay import ReplayKey
from tools.corrupt.reference import Reference, keys


def test_a_killed_journal_has_replays_in_every_state(whole: list[Reference]) -> None:
    killed, closed = whole
    assert (killed.folder / "journal.db-wal").stat().st_size > 0
    assert not (closed.folder / "journal.db-wal").exists()
    for reference in whole:
        assert len(keys(reference)) == 72
        # What the opening settles of the two that had begun.
        assert reference.written < len(reference.events)
        assert 0 < len(reference.waiting) < 72
        asked = ReplayKey("batch0", 0, 5), Part.REQUEST
        assert len(reference.contents[asked]) > 256 * 1024
