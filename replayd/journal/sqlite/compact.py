"""Gives back what lies free in the database of a stopped daemon.

SQLite writes what is in it to a new file, which then takes its place: a crash leaves the one or
the other.
"""

import os
from pathlib import Path
from typing import NamedTuple

import apsw

from replayd.errors import JournalError
from replayd.journal.sqlite.failures import told
from replayd.journal.sqlite.folder import Folder
from replayd.journal.sqlite.identity import home_of
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.migrations import MIGRATIONS
from replayd.journal.sqlite.schema import check_version, connect, end_log
from replayd.journal.sqlite.transaction import transaction


class Compacted(NamedTuple):
    """Bytes of the database and its log."""

    before: int
    after: int


def compact(data_dir: Path) -> Compacted:
    """Compacts a journal. Raises JournalError when it is in use, was not closed, or there is no
    room for the new file.
    """
    folder = Folder.of_journal(data_dir)
    try:
        with told(folder.database):
            return _compact(folder)
    finally:
        folder.close()


def _compact(folder: Folder) -> Compacted:
    before = folder.database.stat().st_size
    before += folder.log.stat().st_size if folder.log.exists() else 0
    part = folder.database.with_name("journal.db.compact")
    part.unlink(missing_ok=True)
    connection = connect(folder.database)
    try:
        version = check_version(connection, folder.database)
        if version != len(MIGRATIONS) or get_meta(connection, "opened"):
            raise JournalError(
                f"{folder.database} was not closed by this version of replayd; start the daemon "
                "and stop it, then compact"
            )
        stays = get_meta(connection, "home") == home_of(folder.path)
        _check_room(connection, folder)
        connection.execute("VACUUM INTO ?", (str(part),))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        end_log(connection)
    finally:
        connection.close()
    _finish(folder, part, stays=stays)
    return Compacted(before, folder.database.stat().st_size)


def _check_room(connection: apsw.Connection, folder: Folder) -> None:
    pages = int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))
    wanted = pages * int(connection.pragma("page_size"))
    system = os.statvfs(folder.path)
    free = system.f_bavail * system.f_frsize
    if free < wanted:
        raise JournalError(
            f"compacting needs {wanted} bytes beside {folder.database}, and there are {free}; make "
            "room there"
        )


def _finish(folder: Folder, part: Path, *, stays: bool) -> None:
    """Puts the new file in the place of the old one, as the same journal."""
    part.chmod(0o600)
    if stays:
        connection = connect(part)
        try:
            with transaction(connection):
                set_meta(connection, "home", home_of(folder.path, part))
        finally:
            connection.close()
    descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(folder.database)
    folder.sync()
