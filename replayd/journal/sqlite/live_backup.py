"""Copies the journal of a running daemon: the database a few pages at a time, between its
commits, then the files.

SQLite's backup has whatever the daemon writes meanwhile written to the copy as well, so that
the copy is the database as it is after the last step. The files that it names are there until
retention removes them, which therefore waits (`replayd.journal.copying`).

The copy grows in a folder beside the one that is wanted, is checked there by a process of its
own, and gets its name last: what was interrupted is never taken for a copy.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw

from replayd.errors import JournalError, ReplaydError
from replayd.journal.spool import sync_folder
from replayd.journal.sqlite.backup import copy_files, end_copy
from replayd.journal.sqlite.failures import told
from replayd.journal.sqlite.folder import Folder
from replayd.journal.sqlite.query import fetch_rows
from replayd.journal.sqlite.schema import PAGE_SIZE, connect
from replayd.reasons import Reason

PAGES = 16
"""What one step copies: some 100 microseconds' worth."""

SPARE_BYTES = 64 * 1024 * 1024
"""What has to be free on the copy's disk beside it."""

_OF_BATCHES = (
    "SELECT name, size, checksums FROM file "
    "WHERE place >> 32 IN (SELECT number FROM batch WHERE position IS NOT NULL)"
)
"""The files that a daemon which opens the copy keeps: those of batches that were accepted."""

_LOOK_SECONDS = 0.2
_NICE = 10


class LiveCopy:
    """One copy in the making. Call `step`, with nobody else at the source, until it says that
    it is done, then `finish`; in any other case `release` and `remove` it.
    """

    def __init__(self, source: apsw.Connection, blobs: Path, new_dir: Path, size: int) -> None:
        """`size`: about how many bytes there are. Raises ReplaydError when the folder can't be
        made, or the disk has too little room.
        """
        self._source = source
        self._backup: apsw.Backup | None = None
        self._blobs = blobs
        self._new_dir = new_dir
        self._part = new_dir.with_name(f"{new_dir.name}.part")
        self.copied = 0
        """Bytes."""
        _check_place(new_dir, self._part, size, blobs.parent)
        self._folder = Folder(self._part)
        try:
            with told(self._part):
                self._target = connect(self._folder.database)
                # Made durable as a whole, at the end: nobody waits for the disk in a step.
                self._target.pragma("synchronous", "OFF")
                self._target.pragma("journal_mode", "OFF")
                self._target.pragma("cache_size", -512)
        except BaseException:
            self.remove()
            raise

    def step(self) -> bool:
        """Copies some pages; True: it was the last step."""
        with told(self._part):
            if self._backup is None:
                self._backup = self._target.backup("main", self._source, "main")
            done = self._backup.step(PAGES)
            pages = self._backup.page_count - self._backup.remaining
            self.copied = pages * PAGE_SIZE
            if done:
                self._backup.close()
            return done

    def finish(self, progress: Callable[[], None]) -> int:
        """Copies the files, makes all of it durable, checks it, and gives it its name; returns
        its bytes. `progress` hears of it now and then, and may raise.

        Raises JournalError when something is damaged, or can't be written.
        """

        def count(size: int) -> None:
            self.copied += size
            progress()

        with told(self._part):
            self._target.pragma("synchronous", "FULL")
            end_copy(self._target)
            files = fetch_rows(self._target, _OF_BATCHES)
            self._target.close()
            _sync(self._folder.database)
            copy_files(files, self._blobs, self._folder, count)
            self._folder.close()
            _check(self._part, progress)
            self._part.rename(self._new_dir)
            sync_folder(self._new_dir.parent)
        return self.copied

    def release(self) -> None:
        """Gives it up. Idempotent; call it as `step`."""
        if self._backup is not None:
            self._backup.close(True)
        self._target.close(True)

    def remove(self) -> None:
        """Removes what there is of it."""
        self._folder.close()
        shutil.rmtree(self._part, ignore_errors=True)


def _check_place(new_dir: Path, part: Path, size: int, data_dir: Path) -> None:
    """Raises ReplaydError when no copy can be made there."""
    try:
        if not new_dir.is_absolute():
            raise _refused("its path has to be absolute: it is one of the daemon's machine")
        if new_dir.resolve().is_relative_to(data_dir.resolve()):
            raise _refused(f"{new_dir} lies in the data dir, of which it is to be a copy")
        if new_dir.exists() and any(new_dir.iterdir()):
            raise _refused(f"{new_dir} is not empty; name one that is not there yet")
        if part.exists():
            raise _refused(f"{part} is there: what is left of a copy that broke off; remove it")
        if not new_dir.parent.is_dir():
            raise _refused(f"{new_dir.parent} is no folder; make it first")
        free = shutil.disk_usage(new_dir.parent).free
    except OSError as error:
        raise _refused(f"{error.filename}: {error.strerror}") from error
    if free < size + SPARE_BYTES:
        raise JournalError(
            f"there is too little room in {new_dir.parent} for a copy: {free >> 10} KiB are free, "
            f"{(size + SPARE_BYTES) >> 10} KiB are needed",
            reason=Reason.DISK_FULL,
            free_bytes=free,
            needed_bytes=size + SPARE_BYTES,
        )


def _refused(why: str) -> ReplaydError:
    return ReplaydError(Reason.INVALID_OPTIONS, f"folder: {why}", field="folder")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(folder: Path, progress: Callable[[], None]) -> None:
    """Compares every row and file with its checksum, in a process of its own: it would take the
    interpreter from the replay thread. Raises JournalError for what is found.
    """
    command = [sys.executable, "-m", "replayd.cli", "journal", "check", "--data-dir", str(folder)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            while True:
                with suppress(subprocess.TimeoutExpired):
                    said, _ = process.communicate(timeout=_LOOK_SECONDS)
                    break
                progress()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        first = said.decode(errors="replace").partition("\n")[0]
        raise JournalError(
            f"the copy in {folder} is not whole, and was removed: {first}; stop the daemon and "
            "run `replayd journal check` on its own journal"
        )
