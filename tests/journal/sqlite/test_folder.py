"""The data folder: ours alone, one daemon at a time."""

import errno
import os
import stat
from pathlib import Path

import pytest

from replayd.errors import DiskError, JournalError
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.folder import Folder
from tests.support.journals import NOW, enqueue, row


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_0700_and_files_0600(folder: Path) -> None:
    before = os.umask(0)
    try:
        journal = open_sqlite(folder, NOW)
        enqueue(journal, "b1", [row(0, request_content=bytes(5 << 20))])
    finally:
        os.umask(before)
    found = {path.name: mode(path) for path in folder.rglob("*")}
    assert mode(folder) == found.pop("blobs") == 0o700
    assert set(found) > {"lock", "journal.db", "journal.db-wal"}
    assert set(found.values()) == {0o600}
    journal.close()


def test_a_second_daemon_is_told_who_holds_it(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    with pytest.raises(JournalError, match=rf"pid {os.getpid()}\); stop it") as caught:
        open_sqlite(folder, NOW)
    assert caught.value.metadata["pid"] == str(os.getpid())
    journal.close()
    open_sqlite(folder, NOW).close()


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_to_is_refused(folder: Path, bits: int) -> None:
    folder.mkdir()
    folder.chmod(bits)
    with pytest.raises(JournalError, match=f"chmod 700 {folder}"):
        Folder(folder)


def test_a_folder_of_somebody_else_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(JournalError, match=r"not to the one who runs the daemon \(12345\)"):
        Folder(folder)


@pytest.mark.parametrize("name", ["lock", "journal.db"])
def test_symlinks_are_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    folder.mkdir(mode=0o700)
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (folder / name).symlink_to(precious)
    with pytest.raises(JournalError, match="can't be used"):
        Folder(folder)
    assert precious.read_text() == "keep me"


def test_a_file_is_no_folder(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(JournalError, match="choose another one with --data-dir"):
        Folder(folder)


def test_what_fails_to_open_lets_go_of_the_lock(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    database = folder / "journal.db"
    database.write_bytes(b"not a database" * 1000)
    for _ in range(2):
        with pytest.raises(JournalError, match="damaged"):
            open_sqlite(folder, NOW)
    database.unlink()
    open_sqlite(folder, NOW).close()


def test_orphans_are_removed(folder: Path) -> None:
    opened = Folder(folder)
    for name in ("kept", "orphan"):
        (opened.blobs / name).write_text(name)
    opened.remove_orphans({"kept"})
    assert [path.name for path in opened.blobs.iterdir()] == ["kept"]
    opened.close()
    opened.close()


def test_a_folder_that_can_not_be_synced_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskError, match=f"{folder} can't be synced .*: Input/output error"):
        open_sqlite(folder, NOW)


@pytest.mark.parametrize("left", ["journal.db-wal", "blobs/a"])
def test_a_database_that_is_gone_is_asked_for(tmp_path: Path, left: str) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data/blobs").mkdir(mode=0o700)
    (tmp_path / "data" / left).write_bytes(b"x")
    for _ in range(2):
        with pytest.raises(JournalError, match=r"journal\.db is missing, and other files"):
            Folder(tmp_path / "data")
    assert (tmp_path / "data" / left).exists()
