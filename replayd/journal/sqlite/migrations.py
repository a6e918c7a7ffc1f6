"""The database's schema: its versions, and how one becomes the next.

A database of an older version is copied first, by SQLite's backup, to a file beside it that
an older replayd can read. Each version is made in one transaction: a crash leaves one or the
other. CONTRIBUTING.md says what else a new version needs.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import apsw

from replayd.errors import JournalError
from replayd.journal.spool import sync_folder
from replayd.journal.sqlite.transaction import transaction

APPLICATION_ID = 0x52504C59
"""`RPLY`, in the database's header."""

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
    # Version 5: what becomes of replays that a crash interrupted (1: auto).
    """
    ALTER TABLE batch ADD COLUMN on_interrupt INTEGER NOT NULL DEFAULT 1;
    """,
    # Version 6: checksums of all rows, as `checksum` makes them, in the order of the columns.
    # What changes with each commit of a batch has one of its own.
    """
    ALTER TABLE meta ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batch ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batch ADD COLUMN figures_checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE cleared ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE file ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE answered ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

    -- 'file_bytes', which triggers keep, has none: it is compared with the files' rows.
    UPDATE meta SET checksum = checksum(name, value) WHERE name <> 'file_bytes';
    UPDATE batch SET
        checksum = checksum(number, batch_id, position, label, accepted, first, last, on_interrupt),
        figures_checksum =
            checksum(number, cursor, succeeded, failed, killed, cleared, interrupted);
    UPDATE cleared SET checksum = checksum(number, first, last);
    UPDATE file SET checksum = checksum(place, part, name, size, checksums);
    UPDATE answered SET checksum =
        checksum(request_id, content_hash, answer, sequence, expires, unanswered);
    """,
    # Version 7: parked replays that were resolved (1: sent again, 2: dropped).
    """
    CREATE TABLE resolved (
        place INTEGER PRIMARY KEY,
        resolution INTEGER NOT NULL,
        resent_as TEXT NOT NULL,
        checksum INTEGER NOT NULL
    );
    -- How many rows that has: one that is lost would have its request sent again.
    INSERT INTO meta VALUES ('resolved', 0, checksum('resolved', 0));
    """,
    # Version 8: where the journal is, and the system's start in which it was opened; empty:
    # nobody has noted it, and it was closed.
    """
    INSERT INTO meta VALUES
        ('home', '', checksum('home', '')), ('opened', '', checksum('opened', ''));
    """,
    # Version 9: secrets are kept out of events.
    """
    -- What everybody may see of a flow that was enqueued, where that is not all of it: its
    -- plan (empty: as it is; NULL: not known), and the first bytes of the request's content
    -- (NULL: as they are).
    CREATE TABLE shown (
        place INTEGER PRIMARY KEY,
        plan BLOB,
        content BLOB,
        checksum INTEGER NOT NULL
    );

    -- What the event that ended a replay does not show: an event with that alone.
    CREATE TABLE withheld (
        place INTEGER PRIMARY KEY,
        event BLOB NOT NULL,
        checksum INTEGER NOT NULL
    );

    -- The key of the digests in the place of secrets; the first batch, and the last event
    -- before the first one, in which they are replaced.
    INSERT INTO meta (name, value) VALUES ('redaction_key', randomblob(32));
    INSERT INTO meta (name, value) SELECT 'redacted_from', max(
        coalesce((SELECT max(number) FROM batch), 0) + 1,
        (SELECT value FROM meta WHERE name = 'next_number'));
    INSERT INTO meta (name, value) SELECT 'redacted_after', max(
        coalesce((SELECT max(sequence) FROM event), 0),
        (SELECT value FROM meta WHERE name = 'trimmed'));
    UPDATE meta SET checksum = checksum(name, value) WHERE name LIKE 'redact%';
    """,
    # Version 10: what the replays of a batch run under (`Terms`).
    """
    ALTER TABLE batch ADD COLUMN options BLOB NOT NULL DEFAULT x'';
    ALTER TABLE batch ADD COLUMN controls BLOB NOT NULL DEFAULT x'';
    UPDATE batch SET checksum = checksum(
        number, batch_id, position, label, accepted, first, last, on_interrupt, options, controls);
    """,
)
"""Each makes the next version (`user_version`) of the one before. Append only."""


def migrate(
    connection: apsw.Connection, path: Path, version: int, migrations: Sequence[str]
) -> None:
    """Brings a database of a version (0: it is new) up to date.

    Raises JournalError when it can't be copied, or there is no room for that.
    """
    if 0 < version < len(migrations):
        try:
            _copy(connection, path, copy_name(path, version))
        except OSError as error:
            raise JournalError(
                f"{path} is of an older version of replayd and can't be copied before it is "
                f"changed: {error.strerror} ({error.filename})"
            ) from error
    for number in range(version, len(migrations)):
        _migrate(connection, number + 1, migrations[number])


def copy_name(path: Path, version: int) -> Path:
    """Where the copy of a database of an older version lies."""
    return path.with_name(f"{path.name}.version-{version}")


def _copy(connection: apsw.Connection, path: Path, copy: Path) -> None:
    """Makes a copy durable, in the place of one that an earlier attempt made."""
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    _check_room(path, int(connection.pragma("page_count")) * int(connection.pragma("page_size")))
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    target = apsw.Connection(str(part))
    try:
        target.pragma("synchronous", "FULL")
        with target.backup("main", connection, "main") as backup:
            backup.step(-1)
    finally:
        target.close()
    part.rename(copy)
    sync_folder(copy.parent)


def _check_room(path: Path, wanted: int) -> None:
    system = os.statvfs(path.parent)
    free = system.f_bavail * system.f_frsize
    if free < wanted:
        raise JournalError(
            f"{path} is of an older version of replayd and is copied before it is changed: that "
            f"needs {wanted} bytes, and {path.parent} has {free}; make room there"
        )


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
