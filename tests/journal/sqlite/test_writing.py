"""Each part of a change lies in its table; a change is all or nothing."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from replayd.errors import JournalError
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.loading import stored_batch
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.journal.sqlite.schema import open_database
from replayd.journal.sqlite.writing import Writer
from replayd.journal.store import (
    Change,
    ClearedRange,
    Figures,
    Remembered,
    StoredBatch,
    StoredControls,
    StoredEvent,
    StoredReplay,
    place_of,
)
from replayd.model.event import EventKind
from replayd.model.replay import OnInterrupt, ReplayState
from tests.support.journals import row


@pytest.fixture
def writer(connection: apsw.Connection, tmp_path: Path) -> Writer:
    return Writer(connection, Contents(connection, tmp_path))


def counts(connection: apsw.Connection, *tables: str) -> list[int]:
    return [fetch_row(connection, f"SELECT count(*) FROM {table}")[0] for table in tables]


FIGURES = Figures(1, 4, 1, 2, 3, 4, 5)


def change() -> Change:
    return Change(
        accepted=StoredBatch(
            1, "b1", 7, "label", 20, 4, 30, FIGURES, (), OnInterrupt.PARK, b"options", b"controls"
        ),
        remembered=Remembered("r", b"h", b"answer", 3, 99),
        replays=[StoredReplay(place_of(1, 4), ReplayState.FAILED, 2, b"content")],
        figures=[FIGURES],
        claims=[place_of(1, 5)],
        cleared=[ClearedRange(1, 6, 9)],
        paused=True,
        events=[StoredEvent(1, EventKind.LOG, "b1", b"event")],
    )


def test_a_change_in_its_tables(writer: Writer, connection: apsw.Connection) -> None:
    writer.stage(1, "b1", [row(4), row(5)])
    writer.commit(change())
    *batch, policy, _, _, options, controls = fetch_row(connection, "SELECT * FROM batch")
    assert batch == [1, "b1", 7, "label", 20, 4, 30, 4, 1, 2, 3, 4, 5, None]
    assert (policy, options, controls) == (OnInterrupt.PARK, b"options", b"controls")
    assert stored_batch(connection, "b1") == change().accepted._replace(cleared=((6, 9),))
    assert fetch_rows(connection, "SELECT place, state, attempt, content FROM replay") == [
        (place_of(1, 4), ReplayState.FAILED, 2, b"content")
    ]
    *answered, _ = fetch_row(connection, "SELECT * FROM answered")
    assert answered == ["r", b"h", b"answer", 3, 99, ""]
    assert fetch_row(connection, "SELECT sequence, body FROM event") == (1, b"event")
    assert fetch_row(connection, "SELECT value FROM meta WHERE name = 'paused'") == (1,)
    writer.commit(Change(forget_before=100))
    assert counts(connection, "answered") == [0]


def test_controls_change_with_the_checksum(writer: Writer, connection: apsw.Connection) -> None:
    writer.stage(1, "b1", [row(4)])
    writer.commit(change())
    writer.commit(Change(controls=StoredControls(1, b"other")))
    assert stored_batch(connection, "b1").controls == b"other"


def test_a_new_checksum_hides_no_damage(writer: Writer, connection: apsw.Connection) -> None:
    writer.stage(1, "b1", [row(4)])
    writer.commit(change())
    connection.execute("UPDATE batch SET last = 31")
    with pytest.raises(JournalError, match="the number 1"):
        writer.commit(Change(controls=StoredControls(1, b"other")))
    assert fetch_row(connection, "SELECT controls FROM batch") == (b"controls",)


def test_a_change_that_fails_changes_nothing(writer: Writer, connection: apsw.Connection) -> None:
    writer.stage(1, "b1", [row(4)])
    failing = change()
    failing.events.append(StoredEvent(1, EventKind.LOG, "b1", b"the same sequence"))
    with pytest.raises(apsw.ConstraintError):
        writer.commit(failing)
    tables = ("replay", "cleared", "answered", "event")
    assert counts(connection, *tables) == [0, 0, 0, 0]
    assert fetch_row(connection, "SELECT position FROM batch") == (None,)
    writer.commit(change())
    assert counts(connection, *tables) == [1, 1, 1, 1]


def test_rows_that_fail_leave_no_files(
    writer: Writer, connection: apsw.Connection, tmp_path: Path
) -> None:
    large = bytes(5 << 20)
    with pytest.raises(apsw.ConstraintError):
        writer.stage(1, "b1", [row(0, request_content=large), row(0, recorded_content=large)])
    assert counts(connection, "batch", "prepared", "file") == [0, 0, 0]
    assert {path.name for path in tmp_path.iterdir()} == {"journal.db", "journal.db-wal"}


def test_rows_of_an_open_batch_come_with_their_change_or_not_at_all(
    writer: Writer, connection: apsw.Connection, tmp_path: Path
) -> None:
    writer.stage(1, "b1", [row(0)])
    large = row(1, request_content=bytes(5 << 20))
    longer = StoredBatch(1, "b1", 1, "", 2, 0, 1, FIGURES)
    with pytest.raises(apsw.ConstraintError):
        writer.commit(Change(accepted=longer, rows=[large, row(0)]))
    assert counts(connection, "prepared", "file") == [1, 0]
    assert {path.name for path in tmp_path.iterdir()} == {"journal.db", "journal.db-wal"}
    writer.commit(Change(accepted=longer, rows=[large]))
    assert counts(connection, "prepared", "file") == [2, 1]


class Disk(apsw.VFS):
    """Tells which files have writes that a power cut would take back. The names are apsw's."""

    def __init__(self) -> None:
        self._below = apsw.vfs_names()[0]
        super().__init__("disk of a test", self._below, makedefault=True)
        self.unsynced: set[str] = set()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "DiskFile":  # noqa: N802
        return DiskFile(self, self._below, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(
        self, disk: Disk, below: str, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__(below, name, flags)
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._disk.unsynced.add(self._name)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._disk.unsynced.discard(self._name)


@contextmanager
def watched_disk() -> Iterator[Disk]:
    disk = Disk()
    try:
        yield disk
    finally:
        disk.unregister()


def test_what_is_staged_becomes_durable_when_it_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    with watched_disk() as disk, closing(open_database(path)) as connection:
        writer = Writer(connection, Contents(connection, tmp_path))
        for number in (1, 2):
            writer.stage(number, f"b{number}", [row(4), row(5)])
            assert disk.unsynced == {f"{path}-wal"}
            writer.commit(Change(accepted=StoredBatch(number, "", number, "", 2, 4, 5, FIGURES)))
            assert not disk.unsynced
        writer.stage(3, "b3", [row(4)])
        connection.wal_checkpoint()
        assert not disk.unsynced


def test_a_normal_commit_waits_for_the_next_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    with watched_disk() as disk, closing(open_database(path)) as connection:
        connection.wal_checkpoint()
        writer = Writer(connection, Contents(connection, tmp_path), "NORMAL")
        writer.stage(1, "b1", [row(4)])
        writer.commit(Change(accepted=StoredBatch(1, "", 1, "", 1, 4, 4, FIGURES)))
        assert disk.unsynced == {f"{path}-wal"}
        connection.wal_checkpoint()
        assert not disk.unsynced


def test_a_batch_id_is_staged_once(writer: Writer) -> None:
    writer.stage(1, "b1", [])
    with pytest.raises(apsw.ConstraintError):
        writer.stage(2, "b1", [])


def test_a_disk_that_takes_no_file(connection: apsw.Connection, tmp_path: Path) -> None:
    writer = Writer(connection, Contents(connection, tmp_path / "missing"))
    with pytest.raises(JournalError, match="make room"):
        writer.stage(1, "b1", [row(0, request_content=bytes(5 << 20))])
    assert counts(connection, "batch") == [0]
