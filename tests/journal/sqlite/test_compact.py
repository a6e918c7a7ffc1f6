"""What lies free is given back, and the journal is the same as before."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Limits
from replayd.journal.sqlite import identity, open_sqlite
from replayd.journal.sqlite.compact import compact
from tests.journal.sqlite.test_check import check
from tests.support.journals import NOW, drain, enqueue, row


@pytest.fixture
def emptied(folder: Path, home_of: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal that was large."""
    monkeypatch.setattr(identity, "home_of", home_of)
    monkeypatch.setattr("replayd.journal.sqlite.compact.home_of", home_of)
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(index, request_content=bytes(200_000)) for index in range(9)])
    drain(journal)
    enqueue(journal, "b2", [row(0)])
    list(journal.retain(Limits(age=1), NOW + 10**12))
    journal.close()
    return folder


def test_what_is_free_is_given_back_and_the_rest_goes_on(emptied: Path) -> None:
    journal = open_sqlite(emptied, NOW)
    before = journal.info
    journal.close()
    sizes = compact(emptied)
    assert sizes.before > 1_500_000
    assert sizes.after == (emptied / "journal.db").stat().st_size < 300_000
    assert (emptied / "journal.db").stat().st_mode & 0o777 == 0o600
    assert check(emptied) == []
    journal = open_sqlite(emptied, NOW)
    assert journal.info == before
    assert journal.count("").queued == 1
    assert len(drain(journal)) == 1
    journal.close()


def test_a_journal_that_was_killed_is_started_first(lived_in: Path) -> None:
    with pytest.raises(JournalError, match="was not closed by this version"):
        compact(lived_in)


def test_without_room_it_says_how_much(emptied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((4096, 4096, 100, 3, 3, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(JournalError, match=r"needs \d+ bytes beside .*, and there are 12288"):
        compact(emptied)


def test_what_an_earlier_attempt_left_is_no_hindrance(emptied: Path) -> None:
    (emptied / "journal.db.compact").write_bytes(b"half")
    compact(emptied)
    assert not (emptied / "journal.db.compact").exists()
