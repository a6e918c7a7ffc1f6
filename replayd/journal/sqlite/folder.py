"""The journal's folder: ours alone, used by one daemon at a time.

It holds `lock`, the database `journal.db` (and its log beside it), and `blobs/` with the
large contents and those that are being received.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from replayd.errors import JournalError
from replayd.journal.body import NotDurableError, remove
from replayd.journal.spool import sync_folder

_FILE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Folder:
    """An open data folder. Raises JournalError when it can't be used."""

    @classmethod
    def of_journal(cls, path: Path) -> "Folder":
        """Opens a folder that has a journal. Raises JournalError when it has none."""
        if not (path / "journal.db").is_file():
            raise JournalError(f"there is no journal in {path}; name its folder with --data-dir")
        return cls(path)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "journal.db"
        self.blobs = path / "blobs"
        self.log = path / "journal.db-wal"
        try:
            _make_private(path)
            self._lock = _lock(path)
            _make_private(self.blobs)
            self._check_database()
            _make_file(self.database)
        except OSError as error:
            raise JournalError(
                f"the data folder {path} can't be used: {error.strerror} ({error.filename}); "
                "choose another one with --data-dir"
            ) from error

    def _check_database(self) -> None:
        """Raises JournalError when the database is gone: a new one would take the rest for left
        over.
        """
        left = self.has_log or (self.path / "identity").is_symlink() or any(self.blobs.iterdir())
        if left and not self.database.exists():
            os.close(self._lock)
            raise JournalError(
                f"{self.database} is missing, and other files of a journal are there; put it back, "
                f"or move {self.path} away to begin with an empty one"
            )

    @property
    def has_log(self) -> bool:
        """Whether SQLite left a log; an opening makes an empty one."""
        return self.log.exists() and self.log.stat().st_size > 0

    def sync(self) -> None:
        """Makes the names in it durable. Raises NotDurableError."""
        try:
            sync_folder(self.path)
        except OSError as error:
            raise NotDurableError(
                f"{self.path} can't be synced to the disk: {error.strerror}; check the disk, then "
                "restart the daemon"
            ) from error

    def forget_cached_log(self) -> None:
        """Has SQLite's log read from the disk, not from the system's memory: after a failed
        fsync that holds pages which never got there. Call it before the database is opened.
        """
        with suppress(FileNotFoundError):
            descriptor = os.open(self.log, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)

    def sync_log(self) -> None:
        """Makes what SQLite has written to its log durable, by a descriptor of its own.

        The log is never locked; closing one of the database would let go of its locks.
        Raises NotDurableError.
        """
        try:
            descriptor = os.open(self.log, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotDurableError(
                f"{self.log} can't be synced to the disk: {error.strerror}; restart the daemon "
                "once the disk is repaired"
            ) from error

    def remove_orphans(self, kept: set[str]) -> None:
        """Deletes the contents that no commit names."""
        for path in self.blobs.iterdir():
            if path.name not in kept:
                remove(path)

    def close(self) -> None:
        """Lets another daemon use it. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@contextmanager
def empty_folder(path: Path) -> Iterator[Folder]:
    """Opens a folder for a new journal. Raises JournalError when there is something in it."""
    if path.exists() and any(path.iterdir()):
        raise JournalError(f"{path} is not empty; name a folder that is not there yet")
    folder = Folder(path)
    try:
        yield folder
    finally:
        folder.close()


def _make_private(path: Path) -> None:
    """Makes a folder with mode 0700; refuses one that others own or may write to."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise JournalError(
            f"{path} belongs to user {found.st_uid}, not to the one who runs the daemon "
            f"({os.geteuid()}); choose another --data-dir"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise JournalError(
            f"others may write to {path} (mode {stat.S_IMODE(found.st_mode):04o}), and it holds "
            f"captured secrets; run: chmod 700 {path}"
        )


def _make_file(path: Path) -> None:
    """Makes a file that only we read; the database's log gets its mode from it."""
    descriptor = os.open(path, _FILE_FLAGS, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Takes the lock for as long as the process lives; a crash lets go of it."""
    descriptor = os.open(path / "lock", _FILE_FLAGS, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise JournalError(
            f"{path} is used by another daemon (pid {holder}); stop it, or choose another "
            "--data-dir; `replayctl backup` copies the journal of one that runs",
            pid=holder,
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
