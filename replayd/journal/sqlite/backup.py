"""Copies the journal of a stopped daemon, with its files, into a folder of its own.

What is copied is one state, its log included, and each file is compared with its checksums.
Opened, the copy is a store of its own (`identity`). What `live_backup` does of a running
daemon's is the same but for the database's pages.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import apsw

from replayd.errors import JournalError
from replayd.journal.body import SpoolFile
from replayd.journal.spool import sync_folder
from replayd.journal.sqlite.contents import unpack_checksums
from replayd.journal.sqlite.failures import told
from replayd.journal.sqlite.folder import Folder, empty_folder
from replayd.journal.sqlite.meta import set_meta
from replayd.journal.sqlite.query import fetch_rows
from replayd.journal.sqlite.rollback import check_log
from replayd.journal.sqlite.schema import check_version, connect, end_log
from replayd.journal.sqlite.transaction import transaction

_PAGES = 1024
"""How many pages are copied between two looks at the progress."""

FILES = "SELECT name, size, checksums FROM file"
"""The files of large contents."""


def back_up(data_dir: Path, new_dir: Path, progress: Callable[[], None]) -> int:
    """Makes a durable copy in a folder that is not there yet, or empty; returns its bytes.

    Raises JournalError when the journal is in use or damaged, or the copy can't be made.
    """
    folder = Folder.of_journal(data_dir)
    try:
        had_log = folder.has_log
        with told(folder.database), empty_folder(new_dir) as new:
            connection = connect(folder.database)
            try:
                version = check_version(connection, folder.database)
                if version >= 8 and check_log(connection, folder.log, was_there=had_log):
                    raise JournalError(
                        f"{folder.log} is damaged; `replayd journal salvage` copies the rest"
                    )
                _copy_database(connection, new.database, progress)
                size = new.database.stat().st_size
                files = fetch_rows(connection, FILES)
                return size + copy_files(files, folder.blobs, new, lambda _: progress())
            finally:
                connection.close()
    finally:
        folder.close()


def copy_file(old: SpoolFile, new: Path) -> None:
    """Copies a file, durably. Raises JournalError when it is damaged."""
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(old.pieces())
        file.flush()
        os.fdatasync(descriptor)


def _copy_database(connection: apsw.Connection, new: Path, progress: Callable[[], None]) -> None:
    target = connect(new)
    try:
        with target.backup("main", connection, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
                progress()
        end_copy(target)
    finally:
        target.close()


def end_copy(target: apsw.Connection) -> None:
    """Makes a copied database one that was closed: it has no log, and needs none."""
    if int(target.pragma("user_version")) >= 8:
        with transaction(target):
            set_meta(target, "opened", "")
    end_log(target)


def copy_files(
    files: Iterable[tuple[str, int, bytes]],
    blobs: Path,
    new: Folder,
    progress: Callable[[int], None],
) -> int:
    """Copies files, rows of FILES, durably; returns their bytes. `progress` hears of each.

    Raises JournalError when one is damaged.
    """
    copied = 0
    for name, size, packed in files:
        file = SpoolFile(blobs / Path(name).name, size, unpack_checksums(packed))
        copy_file(file, new.blobs / Path(name).name)
        copied += size
        progress(size)
    sync_folder(new.blobs)
    new.sync()
    return copied
