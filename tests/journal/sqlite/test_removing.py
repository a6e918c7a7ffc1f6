"""What retention leaves in the database and on the disk: nothing."""

from itertools import count, islice
from pathlib import Path

import apsw
import pytest

from replayd.codec.event import with_sequence
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal, Limits, Part
from replayd.journal.journal import StoredJournal
from replayd.journal.sqlite import open_sqlite, removing
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.migrations import MIGRATIONS
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.journal.sqlite.schema import open_database
from replayd.journal.sqlite.store import SqliteStore
from replayd.model.replay import Counts, ReplayKey
from replayd.reasons import Reason
from tests.support.journals import (
    DAY,
    NOW,
    after_crash,
    drain,
    enqueue,
    finish,
    indices,
    note,
    read_all,
    row,
    run,
)

AGED = Limits(age=DAY)
LATER = NOW + 9 * DAY
SECRET = b"Cookie: a canary"


def retain(journal: Journal, limits: Limits = AGED, now: int = LATER) -> int:
    """Removes what is over the limits; returns how many slices that took."""
    return len(list(journal.retain(limits, now)))


def fill(journal: Journal, batch_id: str = "b1", count: int = 3) -> None:
    """Runs a batch that has something in each table."""
    contents = {
        "request_content": SECRET * 60_000,
        "recorded_content": SECRET,
        "shown_plan": SECRET,
        "shown_content": SECRET,
    }
    enqueue(journal, batch_id, [row(index, "s", **contents) for index in range(count)])
    run(journal, content=SECRET * 50_000)
    (last,) = journal.take(1, NOW)
    journal.begin([last])
    finish(journal, last, content=SECRET, withheld=SECRET)
    journal.commit()
    journal.clear(batch_id, NOW)


def test_a_slice_has_a_step_though_its_time_is_over_at_once(
    stored: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "_SECONDS", 0)
    fill(stored)
    fill(stored, "b2")
    removed = 0
    for slice_ in islice(stored.retain(AGED, LATER), 1000):
        removed += slice_.events
        with pytest.raises(ReplaydError) as caught:
            stored.read(0, limit=1, max_bytes=1)
        assert caught.value.reason is Reason.SEQUENCE_COMPACTED
        assert caught.value.metadata["oldest_sequence"] in (str(removed + 1), "0")
    assert removed == stored.latest
    with pytest.raises(ReplaydError, match="no batch"):
        stored.count("b1")


def test_waiting_for_a_processor_does_not_cut_a_slice_short(
    stored: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.emit([note("old")] * 600)
    stored.commit()
    ticks = count()
    monkeypatch.setattr(removing.time, "monotonic", lambda: next(ticks) * 0.0008)
    monkeypatch.setattr(removing.time, "thread_time", lambda: 0.0)
    assert retain(stored) == 1


def test_a_slow_disk_ends_a_slice(stored: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.emit([note("old")] * 600)
    stored.commit()
    ticks = count()
    monkeypatch.setattr(removing.time, "monotonic", lambda: next(ticks) * 0.008)
    monkeypatch.setattr(removing.time, "thread_time", lambda: 0.0)
    assert retain(stored) > 3


def left(connection: apsw.Connection) -> dict[str, int]:
    """The tables that hold something."""
    names = [name for (name,) in fetch_rows(connection, "SELECT name FROM sqlite_schema")]
    tables = [name for name in names if not name.startswith("sqlite_") and "_" not in name]
    counts = {}
    for table in set(tables) & {"batch", "cleared", "event", "file", "piece", "prepared", "shown"}:
        (counts[table],) = fetch_row(connection, f"SELECT count(*) FROM {table}")
    for table in ("replay", "removed", "withheld"):
        (counts[table],) = fetch_row(connection, f"SELECT count(*) FROM {table}")
    return {table: count for table, count in counts.items() if count}


def test_nothing_is_left_of_what_was_removed(
    store: SqliteStore, opened: StoredJournal, folder: Path
) -> None:
    fill(opened)
    assert len(list((folder / "blobs").iterdir())) == 4
    assert opened.size().used > 3 * len(SECRET) * 60_000
    retain(opened)
    assert left(store._connection) == {}
    assert list((folder / "blobs").iterdir()) == []
    assert opened.size().used < 200_000
    opened.close()
    assert SECRET not in (folder / "journal.db").read_bytes()


def test_counts_and_numbers_go_on_after_a_restart(folder: Path) -> None:
    for number in range(3):
        journal = open_sqlite(folder, NOW)
        fill(journal, f"b{number}")
        retain(journal)
        assert journal.count("") == Counts(succeeded=2 * number + 2, cleared=number + 1)
        journal.close()
    journal = open_sqlite(folder, NOW)
    assert journal.count("") == Counts(succeeded=6, cleared=3)
    enqueue(journal, "next", [row(0)])
    last = journal._ledger.books.live["next"]
    assert (last.number, last.position) == (4, 4)
    assert indices(drain(journal)) == [0]
    assert [event.sequence for event in read_all(journal, journal.latest - 2)] == [13, 14]
    journal.close()


def test_after_a_crash_in_the_middle_the_rest_goes(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(index, recorded_content=bytes(9000)) for index in range(400)])
    drain(stored, 64)
    slices = stored.retain(AGED, LATER)
    while not next(slices).batches:
        pass
    next(slices)
    again = after_crash(folder)
    assert again.count("") == Counts(succeeded=400)
    store = again._ledger.store
    assert left(store._connection).keys() >= {"prepared", "removed"}
    assert "batch" not in left(store._connection)
    retain(again, Limits())
    assert left(store._connection) == {}
    again.close()


def test_what_ended_unseen_is_found_at_the_next_start(stored: Journal, folder: Path) -> None:
    fill(stored)
    enqueue(stored, "b2", [row(0)])
    again = after_crash(folder)
    retain(again)
    assert left(again._ledger.store._connection) == {"batch": 1, "prepared": 1}
    assert again.count("") == Counts(queued=1, succeeded=2, cleared=1)
    again.close()


def test_what_had_begun_before_a_restart_keeps_the_log(stored: Journal, folder: Path) -> None:
    fill(stored)
    enqueue(stored, "b2", [row(0), row(1)])
    run(stored)
    again = after_crash(folder)
    assert retain(again) == 0
    drain(again)
    retain(again)
    assert left(again._ledger.store._connection) == {}
    again.close()


def test_against_a_size_the_batch_that_ended_last_is_known_after_a_restart(
    stored: Journal, folder: Path
) -> None:
    fill(stored)
    fill(stored, "b2")
    again = after_crash(folder)
    retain(again, Limits(size=1))
    assert again.count("b2") == Counts(succeeded=2, cleared=1)
    assert [event.sequence for event in read_all(again, 5)] == [6, 7, 8]
    assert again.count("") == Counts(succeeded=4, cleared=2)
    assert [past.key.batch_id for past in again.history("b2", -1, 9)] == ["b2"] * 3
    again.close()


def test_an_old_store_is_kept_to_the_limits_too(folder: Path) -> None:
    """As version 1 stored it: contents in pieces, and nobody noted what had ended."""
    SqliteStore(folder).close()
    (folder / "journal.db").unlink()
    (folder / "journal.db").touch(mode=0o600)
    connection = open_database(folder / "journal.db", MIGRATIONS[:1])
    place = 5 << 32
    connection.execute(
        "INSERT INTO batch (number, batch_id, position, accepted, last, cursor, succeeded) "
        "VALUES (5, 'old', 4, 1, 0, 1, 1), (7, 'staged', NULL, 0, 0, 0, 0);"
        "INSERT INTO prepared VALUES (?1, 's', 1, x'', NULL, 0, x'', x'', 0);"
        "INSERT INTO replay VALUES (?1, 3, 1, 2, NULL, 0);",
        (place, place),
    )
    connection.executemany(
        "INSERT INTO piece VALUES (?, 'request', ?, ?, 0)",
        ((place, number, bytes(1 << 18)) for number in range(16)),
    )
    connection.execute("INSERT INTO file VALUES (?, 'response', 'f', 5000000, x'')", (place,))
    for sequence in (1, 2):
        body = with_sequence(sequence, note("old").body)
        value = checksum(4, "", body)
        connection.execute("INSERT INTO event VALUES (?, 4, '', ?, ?)", (sequence, body, value))
    connection.close()
    journal = open_sqlite(folder, NOW)
    assert journal.size().used > 9_000_000
    assert journal._ledger.store.next_end(0) == 2
    retain(journal)
    assert left(journal._ledger.store._connection) == {}
    assert journal.size().used < 300_000
    assert journal.count("") == Counts(succeeded=1)
    journal.close()


def test_a_slice_is_small(stored: Journal) -> None:
    rows = [row(n, recorded_content=bytes(100_000)) for n in range(40)]
    enqueue(stored, "b1", rows)
    drain(stored, 8)
    assert retain(stored) > 40 * 100_000 / 600_000
    enqueue(stored, "b2", [row(n) for n in range(2000)])
    drain(stored, 64)
    assert retain(stored) < 2000


def test_files_are_counted_as_they_come_and_go(stored: Journal) -> None:
    before = stored.size().used
    enqueue(stored, "b1", [row(0, request_content=bytes(20_000_000))])
    assert stored.size().used >= before + 20_000_000
    stored.stage("b2", [row(0, request_content=bytes(20_000_000))])
    stored.discard("b2")
    retain(stored, Limits())
    assert stored.size().used < before + 21_000_000
    assert b"".join(stored.content(ReplayKey("b1", 0, 0), Part.REQUEST)) == bytes(20_000_000)


def test_a_disk_that_fails_ends_it(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    enqueue(opened, "b1", [row(index, recorded_content=bytes(9000)) for index in range(400)])
    drain(opened, 64)
    monkeypatch.setattr("replayd.journal.sqlite.folder.os.fdatasync", fail)
    with pytest.raises(JournalError, match="-wal can't be synced"):
        retain(opened)
    assert "-wal can't be synced" in opened.failure
    monkeypatch.undo()
    with pytest.raises(JournalError, match="-wal can't be synced"):
        retain(opened)
    opened.close()


def test_what_was_staged_in_vain_goes(stored: Journal, folder: Path) -> None:
    stored.stage("b1", [row(index, request_content=SECRET * 60_000) for index in range(3)])
    stored.stage("b2", [row(0)])
    stored.discard("b1")
    store = stored._ledger.store
    assert left(store._connection) == {"batch": 1, "file": 3, "prepared": 4, "removed": 1}
    again = after_crash(folder)
    assert left(again._ledger.store._connection) == {"file": 3, "prepared": 4, "removed": 2}
    again.stage("b3", [row(0)])
    retain(again, Limits())
    assert left(again._ledger.store._connection) == {"batch": 1, "prepared": 1}
    again.close()
    retain(stored, Limits())
    assert left(store._connection) == {"batch": 1, "prepared": 1}
    assert not list((folder / "blobs").iterdir())
    stored.accept("b2", now=NOW, answer=b"")
    assert indices(drain(stored)) == [0]
