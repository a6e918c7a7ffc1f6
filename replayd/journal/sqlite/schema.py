"""How the database is opened.

One connection under EXCLUSIVE locking: no other process reads it, so no reader keeps the
log from being checkpointed, and the bug of SQLite before 3.51.3 that needs two
connections can't happen. FULL: a commit is durable when it returns, also in a power cut;
NORMAL: with the next FULL one or the next checkpoint, as SQLite's log is synced as a whole.
"""

from collections.abc import Sequence
from pathlib import Path

import apsw

from replayd.errors import JournalError
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.migrations import APPLICATION_ID, MIGRATIONS, migrate
from replayd.journal.sqlite.query import fetch_row

PAGE_SIZE = 8192
"""Bytes of a new database's pages. With SQLite's 4096, rows of 200 KiB take half as much CPU
again; with 16384 none takes less.
"""


def open_database(path: Path, migrations: Sequence[str] = MIGRATIONS) -> apsw.Connection:
    """Opens the database, new or of any version up to ours.

    One of an older version is copied before it is changed. Raises JournalError when it is
    foreign or newer, or there is no room for the copy, apsw.Error when it can't be read.
    """
    connection = connect(path)
    try:
        version = check_version(connection, path, len(migrations))
        if not version:
            # Before the first page is written, or they have no effect.
            connection.pragma("page_size", PAGE_SIZE)
            connection.pragma("auto_vacuum", "INCREMENTAL")
        connection.pragma("journal_mode", "WAL")
        connection.pragma("synchronous", "FULL")
        connection.pragma("secure_delete", True)
        connection.pragma("temp_store", "MEMORY")
        connection.pragma("journal_size_limit", 64 * 1024 * 1024)
        # The store checkpoints itself: SQLite would ignore an fsync that fails there.
        connection.wal_autocheckpoint(0)
        migrate(connection, path, version, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path) -> apsw.Connection:
    """Makes a connection that nobody else can have, and that trusts nothing it reads. What
    a killed daemon left in the log stays there unless `end_log` is called.
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("locking_mode", "EXCLUSIVE")
    connection.pragma("trusted_schema", False)
    connection.pragma("cell_size_check", True)
    connection.create_scalar_function("checksum", checksum, deterministic=True)
    return connection


def end_log(connection: apsw.Connection) -> None:
    """Has the log end when the connection is closed: all of it is in the database then."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def check_version(connection: apsw.Connection, path: Path, newest: int = len(MIGRATIONS)) -> int:
    """Returns the schema's version; 0: the database is new. Raises JournalError when it is
    foreign or newer.
    """
    application_id = connection.pragma("application_id")
    version = connection.pragma("user_version")
    # A crash at the very first start may leave a header, and nothing else.
    (tables,) = fetch_row(connection, "SELECT count(*) FROM sqlite_schema")
    if not application_id and not version and not tables:
        return 0
    if application_id != APPLICATION_ID:
        raise JournalError(f"{path} is not a replayd journal; choose another --data-dir")
    if version > newest:
        raise JournalError(
            f"{path} was written by a newer replayd (schema {version}, this one knows {newest}); "
            "upgrade replayd, or choose another --data-dir"
        )
    return int(version)
