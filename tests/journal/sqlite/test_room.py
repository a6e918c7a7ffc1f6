"""Room on the disk: the floor, the ballast, and when it comes back."""

import errno
import os
from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.body import NotDurableError
from replayd.journal.sqlite.room import BALLAST_BYTES, Room
from replayd.reasons import Reason

MIB = 1 << 20


class FakeDisk:
    """A disk of a size, of which so much is free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = self.size = 100 * MIB
        self._fallocate = os.posix_fallocate
        monkeypatch.setattr(os, "statvfs", self._statvfs)
        monkeypatch.setattr(os, "posix_fallocate", self._allocate)

    def _statvfs(self, _: Path) -> os.statvfs_result:
        blocks, free = self.size // 512, self.free // 512
        return os.statvfs_result((4096, 512, blocks, free + 9, free, 0, 0, 0, 0, 255))

    def _allocate(self, descriptor: int, offset: int, length: int) -> None:
        if self.free < length:
            raise OSError(errno.ENOSPC, "seeded")
        self._fallocate(descriptor, offset, length)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDisk:
    return FakeDisk(monkeypatch)


def refused(room: Room) -> JournalError:
    with pytest.raises(JournalError) as caught:
        room.check()
    assert caught.value.reason is Reason.DISK_FULL
    return caught.value


@pytest.mark.parametrize(
    ("floor", "size", "needed"),
    [(3 * MIB, 100 * MIB, 3 * MIB), (None, 100 * MIB, 2 * MIB), (None, 1 << 40, 64 * MIB)],
)
def test_below_the_floor_nothing_more_is_queued(
    fake: FakeDisk, tmp_path: Path, floor: int | None, size: int, needed: int
) -> None:
    fake.size = size
    room = Room(tmp_path, floor)
    fake.free = needed
    room.check()
    fake.free = needed - 512
    error = refused(room)
    assert error.metadata == {"free_bytes": str(fake.free), "floor_bytes": str(needed)}
    assert f"{needed >> 10} KiB are needed" in error.message
    assert not room.full, "what is queued goes on"


def test_no_floor(fake: FakeDisk, tmp_path: Path) -> None:
    room = Room(tmp_path, 0)
    fake.free = 0
    room.check()


def test_the_ballast_is_given_once_and_made_again(fake: FakeDisk, tmp_path: Path) -> None:
    room = Room(tmp_path, MIB)
    ballast = tmp_path / "ballast"
    assert ballast.stat().st_blocks * 512 >= BALLAST_BYTES
    assert ballast.stat().st_mode & 0o777 == 0o600
    assert not room.regain()
    assert room.release()
    assert room.full
    assert not ballast.exists()
    assert not room.release()
    assert "free some there" in str(refused(room))
    fake.free = 6 * MIB - 512
    assert not room.regain()
    fake.free = 6 * MIB
    assert room.regain()
    assert not room.full
    assert ballast.exists()
    room.check()


def test_a_start_on_a_full_disk_waits_for_room(fake: FakeDisk, tmp_path: Path) -> None:
    fake.free = 0
    room = Room(tmp_path)
    assert room.full
    assert not (tmp_path / "ballast").exists()
    fake.free = 50 * MIB
    assert room.regain()


def test_a_ballast_that_can_not_be_made_or_removed_is_told(
    fake: FakeDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NotDurableError, match="can't be removed: Input/output error"):
        room.release()
    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(JournalError, match="can't be made: Input/output error"):
        Room(tmp_path)
