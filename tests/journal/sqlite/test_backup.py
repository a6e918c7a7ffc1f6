"""A backup holds all that was durable, and opens as a store of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Part
from replayd.journal.sqlite import identity, open_sqlite
from replayd.journal.sqlite.backup import back_up
from replayd.model.replay import ReplayKey
from tests.journal.sqlite.test_check import check
from tests.journal.sqlite.test_stopped import contents
from tests.support.frozen_journals import LARGE, thaw
from tests.support.journals import NOW, read_all


def test_what_a_killed_daemon_had_is_in_it(
    lived_in: Path,
    tmp_path: Path,
    home_of: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(lived_in)
    size = back_up(lived_in, tmp_path / "copy", lambda: None)
    assert contents(lived_in) == before
    assert check(tmp_path / "copy") == []
    assert size > 2 * len(LARGE)
    original = open_sqlite(lived_in, NOW)
    monkeypatch.setattr(identity, "home_of", home_of)
    copy = open_sqlite(tmp_path / "copy", NOW)
    assert (copy.info.copied, copy.paused) == (True, True)
    assert copy.count("") == original.count("")
    assert read_all(copy)[: original.latest] == read_all(original)
    assert b"".join(copy.content(ReplayKey("ended", 0, 2), Part.REQUEST)) == LARGE
    copy.close()
    original.close()


def test_of_an_old_journal(folder: Path, tmp_path: Path) -> None:
    thaw("4", folder)
    back_up(folder, tmp_path / "copy", lambda: None)
    assert check(tmp_path / "copy") == []


def test_a_damaged_file_is_told(lived_in: Path, tmp_path: Path) -> None:
    for path in (lived_in / "blobs").iterdir():
        path.write_bytes(LARGE[1:])
    with pytest.raises(JournalError, match="is damaged at byte"):
        back_up(lived_in, tmp_path / "copy", lambda: None)


def test_a_log_that_is_gone_is_asked_for(lived_in: Path, tmp_path: Path) -> None:
    open_sqlite(lived_in, NOW).close()
    journal = open_sqlite(lived_in, NOW)
    saved = (lived_in / "journal.db").read_bytes()
    journal.close()
    (lived_in / "journal.db").write_bytes(saved)
    with pytest.raises(JournalError, match="wal is missing"):
        back_up(lived_in, tmp_path / "copy", lambda: None)


def test_where_something_is_nothing_is_written(lived_in: Path) -> None:
    with pytest.raises(JournalError, match="is not empty"):
        back_up(lived_in, lived_in / "blobs", lambda: None)
