"""Room on the disk: what keeps a full one from stopping what runs.

Two reserves. Below the floor nothing more is queued, while replays go on. When the disk is
full for all that, the ballast, a file of our own, makes room for what must still be possible
then: outcomes of what runs, clear, pause, the copying of SQLite's log, and what removes. From
then on nothing more is sent, until there is room for the ballast again.
"""

import os
import threading
from pathlib import Path

from replayd.errors import JournalError
from replayd.journal.body import NO_ROOM, NotDurableError
from replayd.journal.spool import sync_folder
from replayd.reasons import Reason

BALLAST_BYTES = 4 * 1024 * 1024
"""As much as SQLite's log may hold before it is copied to where it makes the database grow."""

FLOOR_BYTES = 64 * 1024 * 1024
FLOOR_SHARE = 50
"""The floor unless another one is asked for: so many bytes, on small disks a 50th of them."""

_SPARE_BYTES = 1024 * 1024
"""How much more than floor and ballast there has to be before anything is sent again."""

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Room:
    """The disk of a folder that nobody else uses. `release` may come from any thread."""

    def __init__(self, folder: Path, floor: int | None = None) -> None:
        """`floor`: in bytes; 0: none, None: what suits the disk. Raises JournalError."""
        self._folder = folder
        self._ballast = folder / "ballast"
        self._floor = floor
        self._lock = threading.Lock()
        self.full = not self._made()
        """The ballast is not there: nothing more is sent."""

    def check(self) -> None:
        """Raises JournalError (DISK_FULL) when nothing more should be queued."""
        free, floor = self._free()
        needed = self._needed(floor) if self.full else floor
        if self.full or free < needed:
            raise JournalError(
                f"there is too little room on the disk of {self._folder} to queue more: "
                f"{free >> 10} KiB are free, {needed >> 10} KiB are needed; free some there, then "
                "enqueue again",
                reason=Reason.DISK_FULL,
                free_bytes=free,
                floor_bytes=needed,
            )

    def release(self) -> bool:
        """Makes room by the ballast; False: it was gone before. Raises NotDurableError."""
        with self._lock:
            if self.full:
                return False
            self.full = True
            try:
                self._ballast.unlink(missing_ok=True)
                # Some file systems give its blocks away only once they have noted that it went.
                sync_folder(self._folder)
            except OSError as error:
                raise NotDurableError(
                    f"{self._ballast} can't be removed: {error.strerror}; check the disk, then "
                    "restart the daemon"
                ) from error
            return True

    def regain(self) -> bool:
        """Makes the ballast again if there is room for it; True: now it is there again. Raises
        JournalError.
        """
        free, floor = self._free()
        with self._lock:
            if not self.full or free < self._needed(floor):
                return False
            self.full = not self._made()
            return not self.full

    @staticmethod
    def _needed(floor: int) -> int:
        """What must be free for the ballast to be made again, in bytes."""
        return floor + BALLAST_BYTES + _SPARE_BYTES

    def _free(self) -> tuple[int, int]:
        """Returns how many bytes are free, and the floor."""
        disk = os.statvfs(self._folder)
        floor = self._floor
        if floor is None:
            floor = min(FLOOR_BYTES, disk.f_blocks * disk.f_frsize // FLOOR_SHARE)
        return disk.f_bavail * disk.f_frsize, floor

    def _made(self) -> bool:
        """Makes the ballast; False: there is no room for it."""
        try:
            descriptor = os.open(self._ballast, _FLAGS, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._ballast.unlink(missing_ok=True)
            if error.errno in NO_ROOM:
                return False
            raise JournalError(
                f"{self._ballast} can't be made: {error.strerror}; check the disk"
            ) from error
        return True
