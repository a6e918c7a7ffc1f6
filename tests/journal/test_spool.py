"""Files are made durable beside whoever wrote them."""

import errno
import os
import threading
from pathlib import Path

import pytest

from replayd.journal.spool import Spool
from tests.support.disks import Disk
from tests.support.processes import DEADLINE


def file(folder: Path, size: int) -> int:
    path = folder / str(size)
    path.write_bytes(bytes(size))
    return os.open(path, os.O_WRONLY)


def test_a_file_is_durable_with_its_name(tmp_path: Path, disk: Disk) -> None:
    spool, told = Spool(tmp_path), threading.Event()
    descriptor = file(tmp_path, 7)
    sync = spool.sync(descriptor, told.set)
    assert told.wait(DEADLINE)
    assert sync.done
    assert (disk.synced, sync.error) == (["file 7", "folder"], "")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    spool.close()


def test_files_written_at_once_share_the_write_of_their_names(tmp_path: Path, disk: Disk) -> None:
    spool = Spool(tmp_path)
    disk.go_on.clear()
    first = spool.sync(file(tmp_path, 1))
    assert disk.entered.wait(DEADLINE)
    later = [spool.sync(file(tmp_path, size)) for size in (2, 3)]
    assert not first.done
    disk.go_on.set()
    spool.close()
    assert all(sync.done for sync in (first, *later))
    assert disk.synced == ["file 1", "folder", "file 2", "file 3", "folder"]


def test_a_disk_that_is_far_behind_is_waited_for(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file on its way has a descriptor, and there are not many."""
    monkeypatch.setattr("replayd.journal.spool._AT_ONCE", 2)
    spool = Spool(tmp_path)
    disk.go_on.clear()
    for size in (1, 2):
        spool.sync(file(tmp_path, size))
    third = threading.Thread(target=spool.sync, args=(file(tmp_path, 3),))
    third.start()
    assert disk.entered.wait(DEADLINE)
    assert not spool._room.acquire(blocking=False)
    assert third.is_alive()
    disk.go_on.set()
    third.join(DEADLINE)
    spool.close()
    assert "file 3" in disk.synced


@pytest.mark.parametrize("failing", ["fdatasync", "fsync"])
def test_a_failure_is_told(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "seeded")

    monkeypatch.setattr(os, failing, fail)
    spool = Spool(tmp_path)
    sync = spool.sync(file(tmp_path, 1))
    sync.wait()
    assert sync.error == "seeded"
    spool.close()


def test_closes_without_a_file_and_twice(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.close()
    spool.sync(file(tmp_path, 1)).wait()
    spool.close()
    spool.close()
