"""What is whole is copied, of a journal in any state, into one that is whole."""

import random
from collections import Counter
from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Part
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.salvage import salvage
from replayd.model.replay import Counts, ReplayKey
from tests.journal.sqlite.test_check import check
from tests.journal.sqlite.test_stopped import contents
from tests.support.frozen_journals import LARGE, thaw
from tests.support.journals import NOW, drain, enqueue, finish, indices, read_all, row


def rescue(folder: Path) -> tuple[Path, Counter[str]]:
    """Salvages; what was there stays as it was, and what was made is whole."""
    before = contents(folder)
    new = folder.with_name("new")
    counts = salvage(folder, new, NOW, lambda: None)
    assert contents(folder) == before
    assert check(new) == []
    return new, +counts


def lose(part: Path, begin: int, end: int) -> None:
    data = bytearray(part.read_bytes())
    data[begin:end] = bytes(len(data[begin:end]))
    part.write_bytes(data)


def test_of_a_whole_journal_nothing_is_lost(lived_in: Path) -> None:
    new, counts = rescue(lived_in)
    assert counts == Counter(batches=4, flows=12, queued=6, events=11)
    old_journal, journal = open_sqlite(lived_in, NOW), open_sqlite(new, NOW)
    assert journal.paused
    assert journal.count("") == old_journal.count("")
    assert journal.info.store_id != old_journal.info.store_id
    assert journal.info.epoch > old_journal.info.epoch
    assert read_all(journal)[:11] == read_all(old_journal)[:11]
    assert [event.sequence for event in read_all(journal)] == list(range(1, journal.latest + 1))
    for part in (Part.REQUEST, Part.RESPONSE):
        assert b"".join(journal.content(ReplayKey("ended", 0, 2), part)) == LARGE
    again = journal.reserve("again", b"hash")
    assert again is not None
    assert again.duplicate
    journal.pause(False, NOW)
    assert indices(drain(journal)) == indices(drain(old_journal))
    journal.close()
    old_journal.close()


def test_an_old_journal_has_no_checksums_of_batches(folder: Path) -> None:
    """Then nobody knows what was cleared, or waits: nothing is sent."""
    thaw("1", folder)
    new, counts = rescue(folder)
    assert (counts["lost_batches"], counts["queued"]) == (4, 0)
    journal = open_sqlite(new, NOW)
    assert [past.key.flow_index for past in journal.history("ended", -1, 9)] == [0, 2]
    assert journal.count("") == Counts(succeeded=2, failed=2, interrupted=8, parked=8)
    journal.close()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_zeroed_the_rest_is_saved(lived_in: Path, seed: int) -> None:
    open_sqlite(lived_in, NOW).close()
    path = lived_in / "journal.db"
    page = random.Random(seed).randrange(path.stat().st_size // 8192)
    lose(path, page * 8192, page * 8192 + 8192)
    new, counts = rescue(lived_in)
    journal = open_sqlite(new, NOW)
    assert journal.paused
    assert counts.total() > 20
    journal.close()


@pytest.mark.parametrize("kept", [0, 50, 8192, 60_000, 100_001])
def test_of_a_file_that_is_cut_the_rest_is_saved(lived_in: Path, kept: int) -> None:
    open_sqlite(lived_in, NOW).close()
    path = lived_in / "journal.db"
    path.write_bytes(path.read_bytes()[:kept])
    new, _ = rescue(lived_in)
    open_sqlite(new, NOW).close()


def test_without_its_log(lived_in: Path) -> None:
    (lived_in / "journal.db-wal").unlink()
    new, _ = rescue(lived_in)
    open_sqlite(new, NOW).close()


def test_without_its_files(lived_in: Path) -> None:
    """The flow whose request is lost goes, with its outcome."""
    for path in (lived_in / "blobs").iterdir():
        lose(path, 100, 200)
    new, counts = rescue(lived_in)
    assert (counts["lost_files"], counts["lost_flows"]) == (2, 1)
    assert not list((new / "blobs").iterdir())


def test_where_something_is_nothing_is_written(lived_in: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").touch()
    with pytest.raises(JournalError, match="is not empty"):
        salvage(lived_in, tmp_path / "new", NOW, lambda: None)


def test_a_running_daemon_is_left_alone(lived_in: Path, tmp_path: Path) -> None:
    journal = open_sqlite(lived_in, NOW)
    with pytest.raises(JournalError, match="is used by another daemon"):
        salvage(lived_in, tmp_path / "new", NOW, lambda: None)
    journal.close()


def test_what_can_not_be_written_is_told(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("replayd.journal.sqlite.salvage.copy_file", full)
    with pytest.raises(JournalError, match="can't be read or written: No space left"):
        salvage(lived_in, tmp_path / "new", NOW, lambda: None)


def test_what_is_kept_because_of_secrets_is_saved_or_found_out_again(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0, shown_plan=b"shown"), row(1)])
    (first,) = journal.take(1, NOW)
    journal.begin([first])
    finish(journal, first, withheld=b"withheld")
    journal.close()
    new, _ = rescue(folder)
    journal = open_sqlite(new, NOW)
    assert [past.withheld for past in journal.history("b1", -1, 9)] == [b"withheld", b""]
    assert journal.info.redacted_after >= 2
    enqueue(journal, "b2", [row(0)])
    journal.pause(False, NOW)
    assert [each.shown_plan for each in journal.take(9, NOW)] == [None, b""]
    journal.close()
