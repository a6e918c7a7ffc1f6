"""The database's schema, its versions, and how it is opened.

One connection under EXCLUSIVE locking: no other process reads it, so no reader keeps the
log from being checkpointed, and the bug of SQLite before 3.51.3 that needs two
connections can't happen. FULL: a commit is durable when it returns, also in a power cut;
NORMAL: with the next FULL one or the next checkpoint, as SQLite's log is synced as a whole.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import apsw

from replayd.errors import JournalError

Synchronous = Literal["FULL", "NORMAL"]
"""What a commit waits for: the disk, or the operating system."""

APPLICATION_ID = 0x52504C59
"""`RPLY`, in the database's header."""

PAGE_SIZE = 8192
"""Bytes of a new database's pages. With SQLite's 4096, rows of 200 KiB take half as much CPU
again; with 16384 none takes less.
"""

MIGRATIONS: Sequence[str] = (
    # Version 1.
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

    -- position is NULL while the batch is staged.
    CREATE TABLE batch (
        number INTEGER PRIMARY KEY,
        batch_id TEXT NOT NULL UNIQUE,
        position INTEGER UNIQUE,
        label TEXT NOT NULL DEFAULT '',
        accepted INTEGER NOT NULL DEFAULT 0,
        first INTEGER NOT NULL DEFAULT 0,
        last INTEGER NOT NULL DEFAULT -1,
        cursor INTEGER NOT NULL DEFAULT 0,
        succeeded INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        killed INTEGER NOT NULL DEFAULT 0,
        cleared INTEGER NOT NULL DEFAULT 0,
        interrupted INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX live_batch ON batch (position)
        WHERE succeeded + failed + killed + cleared + interrupted < accepted;
    CREATE INDEX staged_batch ON batch (number) WHERE position IS NULL;

    -- A flow as it was enqueued; place is the batch's number << 32 | flow index. A content
    -- is NULL when it lies in pieces or in a file.
    CREATE TABLE prepared (
        place INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        idempotent INTEGER NOT NULL,
        plan BLOB NOT NULL,
        request_content BLOB,
        checksum INTEGER NOT NULL,
        flow BLOB NOT NULL,
        recorded_content BLOB,
        flow_checksum INTEGER NOT NULL
    );

    -- A replay with an intent (state 2), one that waits for another attempt (1), or how it
    -- ended, with the event that did (sequence). One that only waits has no row.
    CREATE TABLE replay (
        place INTEGER PRIMARY KEY,
        state INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        content BLOB,
        checksum INTEGER NOT NULL
    );
    CREATE INDEX running_replay ON replay (place) WHERE state = 2;

    -- Flow indices that were cleared, unless they have a row in replay.
    CREATE TABLE cleared (
        number INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (number, first)
    ) WITHOUT ROWID;

    -- Contents above 256 KiB: in pieces (no longer written), and in files.
    CREATE TABLE piece (
        place INTEGER NOT NULL,
        part TEXT NOT NULL,
        number INTEGER NOT NULL,
        data BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (place, part, number)
    );
    CREATE TABLE file (
        place INTEGER NOT NULL,
        part TEXT NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        checksums BLOB NOT NULL,
        PRIMARY KEY (place, part)
    ) WITHOUT ROWID;

    CREATE TABLE event (
        sequence INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        batch_id TEXT NOT NULL,
        body BLOB NOT NULL,
        checksum INTEGER NOT NULL
    );

    CREATE TABLE answered (
        request_id TEXT PRIMARY KEY,
        content_hash BLOB NOT NULL,
        answer BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX expiring ON answered (expires);
    """,
    # Version 2: the batch that an Enqueue had begun to queue before it was answered.
    """
    ALTER TABLE answered ADD COLUMN unanswered TEXT NOT NULL DEFAULT '';
    """,
    # Version 3: retention.
    """
    -- Of a batch that has ended, a sequence that none of its events comes after; NULL: it has
    -- not, or nobody has noted it.
    ALTER TABLE batch ADD COLUMN last_event INTEGER;
    CREATE INDEX ended_batch ON batch (last_event) WHERE last_event IS NOT NULL;

    -- Batches that were removed, of which not everything is deleted.
    CREATE TABLE removed (number INTEGER PRIMARY KEY);

    -- What removed batches add to the counts, and the first number and position above theirs.
    INSERT INTO meta VALUES
        ('next_number', 1), ('next_position', 1), ('removed_accepted', 0),
        ('removed_succeeded', 0), ('removed_failed', 0), ('removed_killed', 0),
        ('removed_cleared', 0), ('removed_interrupted', 0);

    -- The size of all files.
    INSERT INTO meta SELECT 'file_bytes', coalesce(sum(size), 0) FROM file;
    CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
        UPDATE meta SET value = value + new.size WHERE name = 'file_bytes';
    END;
    CREATE TRIGGER file_deleted AFTER DELETE ON file BEGIN
        UPDATE meta SET value = value - old.size WHERE name = 'file_bytes';
    END;
    """,
    # Version 4: the boot of the system in which NORMAL commits were made; empty: all is synced.
    """
    INSERT INTO meta VALUES ('unsynced', '');
    """,
)
"""Each makes the next version (`user_version`) of the one before. Append only."""


def open_database(path: Path, migrations: Sequence[str] = MIGRATIONS) -> apsw.Connection:
    """Opens the database, new or of any version up to ours.

    Raises JournalError when it is foreign or newer, apsw.Error when it can't be read.
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.pragma("locking_mode", "EXCLUSIVE")
        version = _check(connection, path, len(migrations))
        # Before the first page is written, or they have no effect.
        connection.pragma("page_size", PAGE_SIZE)
        connection.pragma("auto_vacuum", "INCREMENTAL")
        connection.pragma("journal_mode", "WAL")
        connection.pragma("synchronous", "FULL")
        connection.pragma("trusted_schema", False)
        connection.pragma("cell_size_check", True)
        connection.pragma("secure_delete", True)
        connection.pragma("temp_store", "MEMORY")
        connection.pragma("journal_size_limit", 64 * 1024 * 1024)
        # The store checkpoints itself: SQLite would ignore an fsync that fails there.
        connection.wal_autocheckpoint(0)
        for number in range(version, len(migrations)):
            _migrate(connection, number + 1, migrations[number])
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: apsw.Connection, synchronous: Synchronous = "FULL") -> Iterator[None]:
    """Commits at its end, or rolls back.

    A NORMAL one survives the process at once, and a power cut from the next FULL one or
    checkpoint on. A power cut before that takes it back, and those after it, never one
    without the other.
    """
    # Not by `execute`, whose statements are remembered: this one acts when it is compiled.
    connection.pragma("synchronous", synchronous)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check(connection: apsw.Connection, path: Path, newest: int) -> int:
    """Returns the schema's version; 0: the database is new."""
    application_id = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if not application_id and not version and not connection.pragma("page_count"):
        return 0
    if application_id != APPLICATION_ID:
        raise JournalError(f"{path} is not a replayd journal; choose another --data-dir")
    if version > newest:
        raise JournalError(
            f"{path} was written by a newer replayd (schema {version}, this one knows {newest}); "
            "upgrade replayd, or choose another --data-dir"
        )
    return int(version)


def _migrate(connection: apsw.Connection, version: int, script: str) -> None:
    with transaction(connection):
        connection.execute(script)
        if version == 1:
            connection.pragma("application_id", APPLICATION_ID)
            _set_up(connection)
        connection.pragma("user_version", version)


def _set_up(connection: apsw.Connection) -> None:
    values = (
        ("store_id", secrets.token_hex(8)),
        ("epoch", 1),
        ("trimmed", 0),
        ("paused", 0),
        ("claims", b""),
    )
    connection.executemany("INSERT INTO meta VALUES (?, ?)", values)
