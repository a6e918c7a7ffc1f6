"""The SQLite store where it differs: full disks, damage, its log."""

import errno
import itertools
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from replayd.errors import DiskError, JournalError, ReplaydError
from replayd.journal.interface import Journal, Limits, Part
from replayd.journal.journal import StoredJournal
from replayd.journal.sqlite import loading, open_sqlite
from replayd.journal.sqlite.store import SqliteStore
from replayd.journal.sqlite.transaction import transaction
from replayd.model.replay import Counts, ReplayKey, ReplayState, Row
from replayd.reasons import Reason
from tests.support.faulty_vfs import faulty_vfs
from tests.support.journals import (
    NOW,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    note,
    plan,
    read_all,
    row,
    run,
)

FLIPS = 60


def connection(store: SqliteStore) -> apsw.Connection:
    return store._connection


def test_a_transaction_is_in_the_log_at_its_commit_and_not_before(
    store: SqliteStore, opened: StoredJournal
) -> None:
    # Else a kill within a commit can't be told from damage (`log_end`).
    enqueue(opened, "b1", [row(0)])
    log = Path(f"{connection(store).filename}-wal")
    size = log.stat().st_size
    with transaction(connection(store)):
        connection(store).execute("CREATE TABLE large (content)")
        for _ in range(64):
            connection(store).execute("INSERT INTO large VALUES (randomblob(100000))")
        assert log.stat().st_size == size
    assert log.stat().st_size > size + 6_000_000


def test_a_full_disk_loses_nothing(store: SqliteStore, opened: StoredJournal) -> None:
    enqueue(opened, "b1", [row(index) for index in range(4)])
    (replay,) = opened.take(1, NOW)
    pages = connection(store).pragma("page_count")
    connection(store).pragma("max_page_count", pages)
    finish(opened, replay, content=bytes(100_000))
    assert not opened.full
    for _ in range(2):
        with pytest.raises(JournalError, match=r"no room left for .*journal\.db; free some"):
            opened.commit()
    with pytest.raises(JournalError, match="too little room"):
        opened.stage("b2", [row(0, request_content=bytes(200_000))])
    assert opened.full
    assert opened.take(9, NOW) == []
    assert opened.failure == ""
    assert opened.count("") == Counts(queued=3, running=1)
    assert kinds(read_all(opened)) == ["queued"]
    connection(store).pragma("max_page_count", pages + 1000)
    opened.commit()
    runnable: list[bool] = []
    opened.on_runnable(lambda: runnable.append(True))
    assert opened.regain_room()
    assert runnable
    assert opened.count("") == Counts(queued=3, succeeded=1)
    assert [event.sequence for event in read_all(opened)] == [1, 2]
    assert len(b"".join(opened.content(replay.key, Part.RESPONSE))) == 100_000
    opened.stage("b2", [row(0, request_content=bytes(200_000))])
    opened.close()


def test_what_ends_and_what_frees_has_room_on_a_full_disk(folder: Path) -> None:
    """The ballast makes it; an Enqueue is refused before it is needed."""
    ballast = folder / "ballast"

    def full_while_it_is_there(what: str, name: str) -> int:
        return apsw.SQLITE_FULL if what == "write" and ballast.exists() else 0

    steps: list[Callable[[Journal], object]] = [
        lambda journal: (journal.emit([note("end")]), journal.commit()),
        lambda journal: journal.clear("", NOW),
        lambda journal: journal.pause(True, NOW),
        lambda journal: journal.discard("staged"),
        lambda journal: sum(each.batches for each in journal.retain(Limits(age=1), 2 * NOW)),
    ]
    with faulty_vfs() as vfs:
        for step in steps:
            journal = open_sqlite(folder, NOW)
            enqueue(journal, f"b{journal.latest}", [row(index) for index in range(3)])
            run(journal)
            journal.stage("staged", [row(0)])
            vfs.faults = full_while_it_is_there
            with pytest.raises(JournalError, match="no room left") as refused:
                enqueue(journal, f"c{journal.latest}", [row(0)])
            assert refused.value.reason is Reason.DISK_FULL
            assert not journal.full
            step(journal)
            assert journal.full
            vfs.faults = lambda *_: 0
            journal.close()


def failing_fsync(code: int) -> Callable[..., Any]:
    def fail(*_: Any) -> None:
        error = apsw.IOError("disk I/O error")
        error.result, error.extendedresult = apsw.SQLITE_IOERR, code
        raise error

    return fail


def test_a_failed_fsync_is_not_tried_again(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.emit([note("lost")])
    with monkeypatch.context() as broken:
        broken.setattr(store._writer, "commit", failing_fsync(apsw.SQLITE_IOERR_FSYNC))
        with pytest.raises(JournalError, match="failed to store"):
            opened.commit()
    assert "restart the daemon" in opened.failure
    with pytest.raises(JournalError, match="restart the daemon"):
        opened.commit()
    opened.close()


def fsync_fails(what: str, name: str) -> int:
    return apsw.SQLITE_IOERR_FSYNC if what == "sync" else 0


def test_a_failed_disk_is_told_once_and_its_log_left_as_it_is(folder: Path) -> None:
    with faulty_vfs() as vfs:
        journal = open_sqlite(folder, NOW)
        told: list[str] = []
        journal.on_failure(lambda: told.append(journal.failure))
        enqueue(journal, "b1", [row(0)])
        vfs.faults = fsync_fails
        for _ in range(2):
            with pytest.raises(DiskError, match="failed to store"):
                enqueue(journal, "b2", [row(0)])
        assert told == [journal.failure]
        vfs.faults = lambda *_: 0
        copied = vfs.calls["sync"]
        journal.close()
        assert vfs.calls["sync"] == copied, "a second fsync would report what the first one lost"
        assert (folder / "journal.db-wal").stat().st_size > 0


def test_a_store_that_failed_reads_nothing_more(folder: Path) -> None:
    """What the system gives back may be what was there before."""
    with faulty_vfs() as vfs:
        journal = open_sqlite(folder, NOW)
        enqueue(journal, "b1", [row(0, request_content=b"asked")])
        vfs.faults = fsync_fails
        with pytest.raises(DiskError):
            journal.pause(True, NOW)
        with pytest.raises(DiskError, match="failed to store"):
            list(journal.content(ReplayKey("b1", 0, 0), Part.REQUEST))
        with pytest.raises(DiskError, match="failed to store"):
            journal.history("b1", -1, 1)
        journal.close()


def test_what_lay_in_the_log_is_on_the_disk_after_the_next_opening(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0)])
    left = folder.with_name("left")
    shutil.copytree(folder, left)
    journal.close()
    with faulty_vfs(fsync_fails), pytest.raises(DiskError, match="failed to store"):
        open_sqlite(left, NOW)
    with faulty_vfs() as vfs:
        journal = open_sqlite(left, NOW)
        assert vfs.calls["sync"] >= 2, "the log and the database"
        assert journal.count("").queued == 1
        journal.close()


def test_an_error_at_the_end_is_told(folder: Path) -> None:
    with faulty_vfs() as vfs:
        journal = open_sqlite(folder, NOW)
        enqueue(journal, "b1", [row(0)])
        vfs.faults = lambda what, _: apsw.SQLITE_IOERR_DELETE if what == "delete" else 0
        with pytest.raises(JournalError, match="can't be read"):
            journal.close()
        vfs.faults = lambda *_: 0
    open_sqlite(folder, NOW).close()


def test_damage_that_shows_late_is_told(store: SqliteStore, opened: StoredJournal) -> None:
    told: list[str] = []
    opened.on_failure(lambda: told.append(opened.failure))
    with pytest.raises(JournalError, match="is damaged"), store._guard():
        raise apsw.exception_for(apsw.SQLITE_CORRUPT)
    assert told == [opened.failure]
    assert "damaged" in opened.failure
    opened.close()


@pytest.mark.parametrize(
    ("number", "full", "reason"),
    [
        (errno.ENOSPC, True, Reason.DISK_FULL),
        (errno.EDQUOT, True, Reason.DISK_FULL),
        (errno.EIO, False, Reason.JOURNAL_UNAVAILABLE),
        (errno.EMFILE, False, Reason.JOURNAL_UNAVAILABLE),
    ],
)
def test_the_content_of_a_response_that_finds_no_room_or_a_failed_disk(
    opened: StoredJournal, monkeypatch: pytest.MonkeyPatch, number: int, full: bool, reason: Reason
) -> None:
    writev = os.writev

    def fails(descriptor: int, buffers: Any) -> int:
        if not opened.full:
            raise OSError(number, os.strerror(number))
        return writev(descriptor, buffers)

    monkeypatch.setattr(os, "writev", fails)
    with pytest.raises(JournalError) as error:
        opened.stage("b1", [row(0, request_content=bytes(1 << 20))])
    assert error.value.reason is reason
    assert isinstance(error.value, DiskError) == bool(opened.failure) == (number == errno.EIO)
    body = opened.new_body()
    if full:
        body.write(bytes(1 << 20))
        assert body.held == 0
    else:
        with pytest.raises(JournalError):
            body.write(bytes(1 << 20))
    assert opened.full == full
    body.discard()
    opened.close()


def test_a_response_whose_content_meets_a_failed_disk_is_told(
    opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "writev", fails)
    with pytest.raises(DiskError):
        opened.new_body().write(bytes(1 << 20))
    assert "blobs failed to store" in opened.failure
    opened.close()


def test_a_quota_is_a_full_disk(
    opened: StoredJournal, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says of it that the disk failed."""
    failing = failing_fsync(apsw.SQLITE_IOERR_WRITE)
    quota = Copying(connection(store), lambda: None)
    quota.system_errno = errno.EDQUOT

    def step() -> str:
        if not opened.full:
            failing()
        return "done"

    with monkeypatch.context() as broken:
        broken.setattr(store, "_connection", quota)
        assert store._surely(step) == "done"
        with pytest.raises(JournalError, match="no room left"), store._guard():
            failing()
    assert opened.failure == ""
    opened.close()


def test_another_io_error_is_tried_again(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.emit([note("kept")])
    with monkeypatch.context() as broken:
        broken.setattr(store._writer, "commit", failing_fsync(apsw.SQLITE_IOERR_READ))
        with pytest.raises(JournalError):
            opened.commit()
    opened.commit()
    assert kinds(read_all(opened)) == ["log"]
    opened.close()


@pytest.mark.parametrize(
    ("code", "lasts"), [(apsw.SQLITE_IOERR_READ, False), (apsw.SQLITE_IOERR_FSYNC, True)]
)
def test_what_was_committed_stays_so_when_the_copying_fails(
    store: SqliteStore,
    opened: StoredJournal,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    lasts: bool,
) -> None:
    """A commit is durable in SQLite's log; a failed fsync of the copy stops the next one."""
    monkeypatch.setattr("replayd.journal.sqlite.store._CHECKPOINT_BYTES", 1)
    copying = Copying(connection(store), failing_fsync(code))
    monkeypatch.setattr(store, "_connection", copying)
    opened.emit([note("one")])
    opened.commit()
    assert opened.latest == 1
    assert bool(opened.failure) is lasts
    opened.emit([note("two")])
    if lasts:
        with pytest.raises(JournalError, match="restart the daemon"):
            opened.commit()
    else:
        opened.commit()
        assert opened.latest == 2
    opened.close()


class Copying:
    """A connection whose checkpoints fail."""

    def __init__(self, connection: apsw.Connection, wal_checkpoint: Callable[..., Any]) -> None:
        self._connection = connection
        self.system_errno = 0
        self.wal_checkpoint = wal_checkpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_its_log_stays_small(folder: Path, stored: Journal) -> None:
    for number in range(12):
        enqueue(
            stored,
            f"b{number}",
            [row(index, request_content=bytes(10_000)) for index in range(200)],
        )
    assert (folder / "journal.db-wal").stat().st_size < 12 << 20
    assert (folder / "journal.db").stat().st_size > 12 << 20


def test_closing_leaves_one_file(folder: Path, stored: Journal) -> None:
    enqueue(stored, "b1", [row(0)])
    stored.close()
    assert sorted(path.name for path in folder.iterdir()) == [
        "ballast",
        "blobs",
        "identity",
        "journal.db",
        "lock",
    ]


# Damage


def damage(store: SqliteStore, statement: str) -> None:
    connection(store).execute(statement)


def test_a_damaged_row_fails_its_replay_and_no_other(
    store: SqliteStore, opened: StoredJournal
) -> None:
    enqueue(opened, "b1", [row(index) for index in range(4)])
    damage(store, "UPDATE prepared SET plan = x'00' WHERE place & 0xffffffff = 1")
    damage(store, "UPDATE prepared SET request_content = NULL WHERE place & 0xffffffff = 2")
    assert indices(opened.take(9, NOW)) == [0, 3]
    assert opened.count("") == Counts(running=2, failed=2)
    event = read_all(opened)[-1]
    assert (event.error.flow_index, event.error.state) == (2, ReplayState.FAILED)
    assert "damaged" in event.error.message
    opened.close()


def test_a_damaged_row_does_not_stop_its_session(store: SqliteStore, opened: StoredJournal) -> None:
    enqueue(opened, "b1", [row(0, "s"), row(1, "s")])
    damage(store, "UPDATE prepared SET plan = x'00' WHERE place & 0xffffffff = 0")
    assert indices(drain(opened)) == [1]
    assert opened.count("") == Counts(succeeded=1, failed=1)
    opened.close()


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE prepared SET request_content = x'00'", Part.REQUEST),
        ("UPDATE prepared SET session = 'other'", Part.REQUEST),
        ("UPDATE prepared SET recorded_content = x'00'", Part.RECORDED),
        ("UPDATE replay SET content = x'00'", Part.RESPONSE),
        ("UPDATE replay SET content = 7", Part.RESPONSE),
    ],
)
def test_a_damaged_content_is_never_served(
    store: SqliteStore, opened: StoredJournal, statement: str, part: Part
) -> None:
    enqueue(opened, "b1", [row(0, request_content=b"a", recorded_content=b"b")])
    run(opened, content=b"c")
    damage(store, statement)
    with pytest.raises(JournalError, match=f"a {part} content .* is damaged"):
        list(opened.content(ReplayKey("b1", 0, 0), part))
    opened.close()


def test_a_damaged_event_is_never_served(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.emit([note("one"), note("two"), note("three")])
    opened.commit()
    damage(store, "UPDATE event SET batch_id = 'b1' WHERE sequence = 2")
    assert len(read_all(opened)) == 3
    monkeypatch.setattr(opened._ledger.recent, "after", lambda *_: None)
    page = opened.read(0, limit=3, max_bytes=1 << 20)
    assert (len(page.events), page.last) == (1, 1)
    with pytest.raises(JournalError, match=r"event 2 in .* is damaged"):
        opened.read(1, limit=3, max_bytes=1 << 20)
    assert opened.read(2, limit=3, max_bytes=1 << 20).last == 3
    opened.close()


def test_text_that_is_none_is_damage(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.emit([note("one"), note("two")])
    opened.commit()
    damage(store, "UPDATE event SET batch_id = CAST(x'b2' AS TEXT) WHERE sequence = 2")
    monkeypatch.setattr(opened._ledger.recent, "after", lambda *_: None)
    assert opened.read(0, limit=3, max_bytes=1 << 20).last == 1
    with pytest.raises(JournalError, match=r"journal\.db is damaged .*journal salvage"):
        opened.read(1, limit=3, max_bytes=1 << 20)
    opened.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM prepared",
        "DELETE FROM batch",
        "DELETE FROM meta WHERE name = 'claims'",
    ],
)
def test_rows_that_are_missing_are_damage(
    store: SqliteStore, opened: StoredJournal, folder: Path, damage: str
) -> None:
    enqueue(opened, "b1", [row(0, idempotent=False)])
    opened.begin(opened.take(1, NOW))
    connection(store).execute(damage)
    store.close()
    with pytest.raises(
        JournalError, match=r"journal\.db is damaged .*`replayd journal check` says"
    ):
        open_sqlite(folder, NOW)


def test_a_missing_event_is_told(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.emit([note("one"), note("two"), note("three")])
    opened.commit()
    monkeypatch.setattr(opened._ledger.recent, "after", lambda *_: None)
    damage(store, "DELETE FROM event WHERE sequence = 3")
    assert opened.read(0, limit=9, max_bytes=1 << 20).last == 2
    damage(store, "DELETE FROM event WHERE sequence = 1")
    for after, missing in ((0, 1), (2, 3)):
        with pytest.raises(JournalError, match=rf"event {missing} in .* is damaged"):
            opened.read(after, limit=9, max_bytes=1 << 20)
    opened.close()


def test_an_event_in_the_place_of_another_is_told(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.emit([note("one"), note("two")])
    opened.commit()
    monkeypatch.setattr(opened._ledger.recent, "after", lambda *_: None)
    for before, after in ((1, 9), (2, 1), (9, 2)):
        damage(store, f"UPDATE event SET sequence = {after} WHERE sequence = {before}")
    with pytest.raises(JournalError, match=r"event 1 in .* is damaged"):
        opened.read(0, limit=9, max_bytes=1 << 20)
    opened.close()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE batch SET label = 'other'", "the batch 'b1'"),
        ("UPDATE batch SET cursor = 2", "the batch 'b1'"),
        ("UPDATE cleared SET last = 9", "what was cleared"),
        ("DELETE FROM event WHERE sequence = 1", "the log"),
        ("UPDATE meta SET value = 1 WHERE name = 'paused'", "the value 'paused'"),
        ("UPDATE meta SET value = 5 WHERE name = 'file_bytes'", "the sum of the files"),
    ],
)
def test_what_all_depends_on_is_checked_at_open(
    store: SqliteStore, opened: StoredJournal, folder: Path, statement: str, what: str
) -> None:
    enqueue(opened, "b1", [row(0), row(1), row(5)])
    opened.take(1, NOW)
    opened.clear("", NOW)
    damage(store, statement)
    store.close()
    with pytest.raises(JournalError, match=f"{what}.* is damaged"):
        open_sqlite(folder, NOW)


def test_a_batch_that_its_index_leaves_out_is_missed(
    opened: StoredJournal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(opened, "b1", [row(0), row(1)])
    opened.close()
    monkeypatch.setattr(loading, "_LIVE", "WHERE 0")
    with pytest.raises(JournalError, match=r"the batches' index \(0 replays of 2\)"):
        open_sqlite(folder, NOW)


def test_a_damaged_intent_is_not_taken_for_none(
    store: SqliteStore, opened: StoredJournal, folder: Path
) -> None:
    enqueue(opened, "b1", [row(0, idempotent=False)])
    opened.begin(opened.take(1, NOW))
    damage(store, "UPDATE replay SET attempt = 9")
    store.close()
    with pytest.raises(JournalError, match=r"an intent in .* is damaged"):
        open_sqlite(folder, NOW)


def test_a_row_with_the_index_of_another_flow_sends_nothing(
    store: SqliteStore, opened: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(opened, "b1", [row(index) for index in range(4)])
    really = store.read_ahead

    def wrong(*asked: Any, **how: Any) -> list[Any]:
        return [each._replace(flow_index=each.flow_index % 2) for each in really(*asked, **how)]

    monkeypatch.setattr(store, "read_ahead", wrong)
    with pytest.raises(JournalError, match="of batch 'b1' 1 flows are lost"):
        opened.take(9, NOW)
    opened.close()


def test_a_damaged_answer_is_not_given_again(store: SqliteStore, opened: StoredJournal) -> None:
    opened.reserve("again", None)
    enqueue(opened, "b1", [row(0)], request_id="again", content_hash=b"hash")
    damage(store, "UPDATE answered SET answer = x'00'")
    with pytest.raises(JournalError, match=r"the answer to the request_id 'again' .* is damaged"):
        opened.reserve("again", b"hash")
    opened.close()


def test_what_a_live_batch_holds_is_never_erased(store: SqliteStore, opened: StoredJournal) -> None:
    enqueue(opened, "b1", [row(0)])
    damage(store, "INSERT INTO removed VALUES (1)")
    with pytest.raises(JournalError, match=r"the list of removed batches \(1\) .* is damaged"):
        list(opened.retain(Limits(), NOW))
    assert indices(drain(opened)) == [0]
    opened.close()


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("DELETE FROM prepared WHERE place & 0xffffffff = 3", "1 flows are lost"),
        ("DELETE FROM replay WHERE place & 0xffffffff = 1", "1 outcomes are lost"),
    ],
)
def test_nothing_is_sent_when_flows_or_outcomes_are_lost(
    store: SqliteStore, opened: StoredJournal, folder: Path, statement: str, lost: str
) -> None:
    enqueue(opened, "b1", [row(index) for index in range(4)])
    _, second = opened.take(2, NOW)
    finish(opened, second)
    opened.commit()
    damage(store, statement)
    opened.close()
    again = open_sqlite(folder, NOW)
    with pytest.raises(JournalError, match=lost):
        again.take(9, NOW)
    assert lost in again.failure
    again.close()


@pytest.mark.parametrize("statement", ["DELETE FROM prepared", "DELETE FROM replay"])
def test_what_is_lost_of_a_batch_is_not_served_as_if_it_had_never_been(
    store: SqliteStore, opened: StoredJournal, statement: str
) -> None:
    enqueue(opened, "b1", [row(0, request_content=b"a"), row(1)])
    run(opened, 2, content=b"c")
    damage(store, f"{statement} WHERE place & 0xffffffff = 0")
    part = Part.RESPONSE if "replay" in statement else Part.REQUEST
    with pytest.raises(JournalError, match=f"a {part} content .* is damaged"):
        list(opened.content(ReplayKey("b1", 0, 0), part))
    with pytest.raises(JournalError, match=r"of batch 'b1' .* is lost, at flow 0"):
        opened.history("b1", -1, 10)
    assert [past.key.flow_index for past in opened.history("b1", 0, 10)] == [1]
    opened.close()


def flips(path: Path, seed: int) -> bytes:
    """The file with one bit flipped."""
    data = bytearray(path.read_bytes())
    data[random.Random(seed).randrange(len(data))] ^= 1 << seed % 8
    return bytes(data)


def payloads(journal: Journal, rows: list[Row]) -> None:
    """Reads everything; what is not refused is as it was written."""
    for each in rows:
        key = ReplayKey("b1", 0, each.flow_index)
        for part, expected in (
            (Part.REQUEST, each.request_content),
            (Part.RECORDED, each.recorded_content),
            (Part.RESPONSE, b"answer %d" % each.flow_index),
        ):
            try:
                found = b"".join(journal.content(key, part))
            except ReplaydError:
                continue
            # Of an outcome that is lost nobody knows, when those before it had none yet.
            assert found == expected or (part is Part.RESPONSE and not found)
    after = 0
    while after < journal.latest:
        try:
            page = journal.read(after, limit=1, max_bytes=1)
        except ReplaydError:
            after += 1
            continue
        assert all(b"answer" in body or b"\x08" in body for body in page.events)
        after = page.last
    for replay in itertools.chain.from_iterable(iter(lambda: journal.take(9, NOW), [])):
        index = replay.key.flow_index
        assert plan(index).head in replay.plan
        assert replay.request_content == rows[index].request_content


def test_a_flipped_bit_never_changes_a_payload(folder: Path, tmp_path: Path) -> None:
    rows = [
        row(index, request_content=b"asked %d" % index * 50, recorded_content=b"was %d" % index)
        for index in range(60)
    ]
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", rows)
    for replay in journal.take(40, NOW):
        finish(journal, replay, content=b"answer %d" % replay.key.flow_index)
    journal.close()
    refused = 0
    for seed in range(FLIPS):
        copy = tmp_path / f"copy{seed}"
        copy.mkdir(mode=0o700)
        (copy / "journal.db").write_bytes(flips(folder / "journal.db", seed))
        try:
            damaged = open_sqlite(copy, NOW)
        except JournalError:
            refused += 1
            continue
        try:
            payloads(damaged, rows)
        except JournalError:
            refused += 1
        finally:
            damaged.close()
    assert refused < FLIPS


def test_drained_after_reopening(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(index, "s") for index in range(600)])
    journal.close()
    journal = open_sqlite(folder, NOW)
    assert indices(drain(journal)) == list(range(600))
    journal.close()


def test_what_may_be_shown_is_checked_and_not_known_of_old_flows(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(index, shown_plan=b"shown") for index in range(3)])
    journal.close()
    database = apsw.Connection(str(folder / "journal.db"))
    database.execute("UPDATE shown SET plan = x'00' WHERE place & 0xffffffff = 1")
    database.execute("DELETE FROM shown WHERE place & 0xffffffff = 2")
    database.close()
    store = SqliteStore(folder)
    store.load()
    first, second, third = store.prepared(0, 1 << 40, 10, 1 << 20)
    assert (first.shown_plan, first.damaged) == (b"shown", False)
    assert second.damaged
    assert third.shown_plan == b""
    # As a migration leaves them.
    store._redacted_from = 2 << 32
    assert [each.shown_plan for each in store.prepared(0, 1 << 40, 10, 1 << 20)][2] is None
    store.close()


def test_a_damaged_event_that_ended_a_replay_is_not_read(
    store: SqliteStore, opened: StoredJournal
) -> None:
    enqueue(opened, "b1", [row(0)])
    run(opened)
    damage(store, "UPDATE event SET body = CAST(substr(body, 2) AS BLOB)")
    with pytest.raises(JournalError, match=r"event \d+ in .* is damaged"):
        opened.ends("b1")
