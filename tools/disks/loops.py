"""A disk that can lose its power at any moment, as the daemon's data dir.

An ext4 on a loop device, in a file of another ext4. What the kernel writes to the inner
device and does not flush lies in the outer one's memory, as in the volatile cache of a disk.
A cut shuts the outer file system down without writing anything (EXT4_IOC_SHUTDOWN, by which
xfstests tests the kernel's file systems): at once nothing that was not flushed can get to the
inner disk any more, and whoever writes or syncs there is told EIO. After the repair it holds
what was flushed, and of the rest what the cut has let through.

What this does not model: torn sectors (a page of 4 KiB is kept or lost as a whole), and disks
that say that they have flushed what they have not.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
from pathlib import Path
from random import Random
from typing import Self

_SHUTDOWN = 0x8004587D
_WITHOUT_LOG = 2
"""EXT4_IOC_SHUTDOWN and EXT4_GOING_FLAGS_NOLOGFLUSH, of the kernel's fs/ext4/ext4.h."""

_WRITE_AND_WAIT = 7
"""All SYNC_FILE_RANGE flags: sync_file_range(2)."""

_PIECE = 64 << 10
_MIB = 1 << 20
_MOST_FIXED = 1
"""e2fsck(8): 1 means that errors were corrected, the journal played back among them."""

_libc = ctypes.CDLL(None, use_errno=True)


class LoopDisk:
    """The inner disk, mounted at `mount`. Raises OSError where one may not mount."""

    def __init__(self, folder: Path, mount: Path, mebibytes: int = 256) -> None:
        self._outer_image = folder / "outer.img"
        self._outer = folder / "outer"
        self._image = self._outer / "inner.img"
        self._mount = mount
        self._devices: list[str] = []
        self._mounts: list[Path] = []
        self._size = mebibytes * _MIB
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def cut(self, random: Random) -> None:
        """Cuts the power. Some of what was not flushed gets through: none, a part, or much."""
        share = random.choice((0, 0, 0.5, 0.95))
        descriptor = os.open(self._image, os.O_RDWR)
        try:
            for at in range(0, self._size if share else 0, _PIECE):
                if random.random() < share:
                    _libc.sync_file_range(
                        descriptor, ctypes.c_int64(at), ctypes.c_int64(_PIECE), _WRITE_AND_WAIT
                    )
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        finally:
            os.close(descriptor)

    def repair(self) -> None:
        """Gives it power again, and has its journal played back; nobody may have it open."""
        self._unmount()
        self._mount_outer()
        self._mount_inner()

    def close(self) -> None:
        """Unmounts everything. Idempotent."""
        self._unmount()

    def _make(self) -> None:
        self._outer.mkdir()
        self._mount.mkdir(exist_ok=True)
        with self._outer_image.open("wb") as file:
            file.truncate(self._size + self._size // 8 + 8 * _MIB)
        # The data lies in a file that does not grow: there is nothing for a journal.
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", str(self._outer_image))
        self._mount_outer()
        with self._image.open("wb") as file:
            for _ in range(self._size // _MIB):
                file.write(bytes(_MIB))
            file.flush()
            os.fsync(file.fileno())
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self._mount_inner()

    def _mount_outer(self) -> None:
        self._attach(self._outer_image, self._outer)

    def _mount_inner(self) -> None:
        checked = subprocess.run(
            ["e2fsck", "-fp", str(self._image)],  # noqa: S607 - the system's
            capture_output=True,
            text=True,
            check=False,
        )
        if checked.returncode > _MOST_FIXED:
            raise OSError(f"the file system does not survive a cut: {checked.stdout}")
        self._attach(self._image, self._mount)
        self._mount.chmod(0o700)

    def _attach(self, image: Path, mount: Path) -> None:
        device = _run("losetup", "--find", "--show", str(image))
        self._devices.append(device)
        _run("mount", "-t", "ext4", device, str(mount))
        self._mounts.append(mount)

    def _unmount(self) -> None:
        while self._mounts:
            _run("umount", str(self._mounts.pop()))
            _run("losetup", "--detach", self._devices.pop())
        while self._devices:
            _run("losetup", "--detach", self._devices.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _run(*command: str) -> str:
    """Runs a command of the system; returns what it printed. Raises OSError with its words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
