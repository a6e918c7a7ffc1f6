"""When a log may have been rolled back, cursors of before are of another epoch."""

import shutil
from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Journal
from replayd.journal.sqlite import open_sqlite, rollback
from replayd.journal.sqlite.transaction import Synchronous
from tests.support.journals import NOW, enqueue, row


@pytest.fixture
def boot_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that tells one start of the system from another."""
    path = tmp_path / "boot_id"
    path.write_text("first\n")
    monkeypatch.setattr(rollback, "BOOT_ID", path)
    return path


def crashed(journal: Journal, folder: Path) -> Path:
    """What a crash at this moment leaves."""
    left = folder.with_name(folder.name + "+")
    shutil.copytree(folder, left)
    journal.close()
    return left


@pytest.mark.parametrize(
    ("synchronous", "boot", "epoch"),
    [("NORMAL", "second", 2), ("NORMAL", "first", 1), ("FULL", "second", 1)],
)
@pytest.mark.parametrize("then", ["FULL", "NORMAL"])
def test_a_new_epoch_begins_when_the_system_went_down_under_normal_commits(
    folder: Path,
    boot_id: Path,
    synchronous: Synchronous,
    boot: str,
    epoch: int,
    then: Synchronous,
) -> None:
    journal = open_sqlite(folder, NOW, synchronous)
    assert journal.info.epoch == 1
    enqueue(journal, "b1", [row(0)])
    left = crashed(journal, folder)
    boot_id.write_text(boot)
    for _ in range(2):
        again = open_sqlite(left, NOW, then)
        assert (again.info.epoch, again.count("").queued) == (epoch, 1)
        again.close()


def test_after_a_clean_end_the_epoch_goes_on(folder: Path, boot_id: Path) -> None:
    for number in range(3):
        boot_id.write_text(f"start {number}")
        journal = open_sqlite(folder, NOW, "NORMAL")
        enqueue(journal, f"b{number}", [row(0)])
        assert journal.info.epoch == 1
        journal.close()


def test_what_was_synced_by_an_opening_in_the_same_boot_is_safe(
    folder: Path, boot_id: Path
) -> None:
    journal = open_sqlite(folder, NOW, "NORMAL")
    enqueue(journal, "b1", [row(0)])
    left = crashed(journal, folder)
    after = crashed(open_sqlite(left, NOW, "FULL"), left)
    boot_id.write_text("second")
    again = open_sqlite(after, NOW, "FULL")
    assert again.info.epoch == 1
    again.close()


def test_a_log_that_lost_commits_begins_a_new_epoch(folder: Path, boot_id: Path) -> None:
    journal = open_sqlite(folder, NOW)
    for number in range(3):
        enqueue(journal, f"b{number}", [row(0)])
    left = crashed(journal, folder)
    log = left / "journal.db-wal"
    data = bytearray(log.read_bytes())
    data[data.index(b"b1")] ^= 1
    log.write_bytes(data)
    again = open_sqlite(left, NOW)
    assert again.info.epoch == 2
    assert again.count("").queued < 3
    again.close()
    again = open_sqlite(left, NOW)
    assert again.info.epoch == 2
    again.close()


@pytest.mark.parametrize("gone", [True, False])
def test_a_log_that_is_gone_is_asked_for(folder: Path, boot_id: Path, gone: bool) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0)])
    left = crashed(journal, folder)
    log = left / "journal.db-wal"
    data = log.read_bytes()
    log.unlink() if gone else log.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(JournalError, match=r"wal is missing, and with it .*; put it back"):
            open_sqlite(left, NOW)
    log.write_bytes(data)
    again = open_sqlite(left, NOW)
    assert again.count("").queued == 1
    again.close()


def test_after_a_clean_end_there_is_no_log_to_miss(folder: Path, boot_id: Path) -> None:
    open_sqlite(folder, NOW).close()
    assert not (folder / "journal.db-wal").exists()
    open_sqlite(folder, NOW).close()


def test_a_start_that_fails_leaves_the_log(
    folder: Path, boot_id: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0)])
    left = crashed(journal, folder)
    for what in ("schema.check_version", "store.check_log", "store.load"):
        with monkeypatch.context() as patched:
            patched.setattr(f"replayd.journal.sqlite.{what}", fail)
            with pytest.raises(JournalError, match="not today"):
                open_sqlite(left, NOW)
    again = open_sqlite(left, NOW)
    assert again.count("").queued == 1
    again.close()


def fail(*_: object, **__: object) -> None:
    raise JournalError("not today")
