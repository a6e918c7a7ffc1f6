"""Where contents lie by their size."""

import errno
import threading
from pathlib import Path

import apsw
import pytest

from replayd.errors import JournalError
from replayd.journal.body import IN_ROW, PIECE, pieces_of
from replayd.journal.interface import Journal, Part
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.query import fetch_rows
from replayd.model.replay import Counts, ReplayKey
from tests.support.disks import Disk
from tests.support.journals import NOW, after_crash, enqueue, finish, row
from tests.support.processes import DEADLINE

PLACE = 77


@pytest.fixture
def contents(connection: apsw.Connection, tmp_path: Path) -> Contents:
    return Contents(connection, tmp_path)


def blobs(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "journal" not in path.name]


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def put_pieces(connection: apsw.Connection, *pieces: bytes) -> None:
    """Stores a content as stores of version 1 did up to 4 MiB."""
    part = Part.REQUEST.value
    connection.executemany(
        "INSERT INTO piece VALUES (?, ?, ?, ?, ?)",
        [
            (PLACE, part, number, data, checksum(PLACE, part, number, data))
            for number, data in enumerate(pieces)
        ],
    )


@pytest.mark.parametrize(
    "size", [0, IN_ROW, IN_ROW + 1, PIECE, PIECE + 1, 4 * PIECE, 16 * PIECE + 1]
)
@pytest.mark.parametrize("spooled", [True, False])
def test_where_it_lies(contents: Contents, tmp_path: Path, size: int, spooled: bool) -> None:
    files = int(size > (IN_ROW if spooled else PIECE))
    data = bytes(index % 251 for index in range(256)) * (size // 256 + 1)
    data = data[:size]
    body = contents.new_body()
    if spooled:
        body.write(data)
    content = body.seal() if spooled else contents.spooled(data)
    assert contents.put(PLACE, Part.REQUEST, content) == (None if files else data)
    assert len(blobs(tmp_path)) == files
    if files:
        found = list(pieces_of(contents.content(PLACE, Part.REQUEST)))
        assert b"".join(found) == data
        assert {len(piece) for piece in found[:-1]} <= {PIECE}
    with pytest.raises(JournalError, match="a response content that is in no file"):
        contents.content(PLACE, Part.RESPONSE)
    assert contents.names() == set(blobs(tmp_path))
    for path in contents.delete(PLACE, PLACE):
        path.unlink()
    assert (contents.names(), blobs(tmp_path)) == (set(), [])


def test_a_content_in_pieces(contents: Contents, connection: apsw.Connection) -> None:
    pieces = [bytes(PIECE), b"x" * PIECE, b"end"]
    put_pieces(connection, *pieces)
    assert list(pieces_of(contents.content(PLACE, Part.REQUEST))) == pieces
    assert contents.delete(PLACE, PLACE) == []
    assert not fetch_rows(connection, "SELECT * FROM piece")


@pytest.mark.parametrize("column", ["data = zeroblob(9)", "checksum = 1"])
def test_a_damaged_piece(contents: Contents, connection: apsw.Connection, column: str) -> None:
    put_pieces(connection, bytes(PIECE), b"x")
    connection.execute(f"UPDATE piece SET {column} WHERE number = 1")
    with pytest.raises(JournalError, match="piece 1 of a request content"):
        contents.content(PLACE, Part.REQUEST)


@pytest.mark.parametrize("column", ["name = 7", "checksums = 'x'", "checksums = x'00'"])
def test_a_damaged_file_name(contents: Contents, connection: apsw.Connection, column: str) -> None:
    contents.put(PLACE, Part.REQUEST, contents.spooled(bytes(PIECE + 1)))
    connection.execute(f"UPDATE file SET {column}")
    with pytest.raises(JournalError, match="damaged"):
        list(pieces_of(contents.content(PLACE, Part.REQUEST)))


def test_a_file_name_leads_nowhere_else(
    contents: Contents, connection: apsw.Connection, tmp_path: Path
) -> None:
    contents.put(PLACE, Part.REQUEST, contents.spooled(bytes(PIECE + 1)))
    name = "../../etc/passwd"
    connection.execute(
        "UPDATE file SET name = ?1, checksum = checksum(place, part, ?1, size, checksums)", (name,)
    )
    with pytest.raises(JournalError, match=f"{tmp_path}/passwd can't be read"):
        list(pieces_of(contents.content(PLACE, Part.REQUEST)))


def test_a_file_is_removed_when_no_commit_names_it(stored: Journal, folder: Path) -> None:
    """A content that was received and not committed is an orphan after a crash."""
    enqueue(stored, "b1", [row(0), row(1)])
    first, second = stored.take(2, NOW)
    finish(stored, first, content=bytes(5 << 20))
    stored.commit()
    finish(stored, second, content=bytes(6 << 20))
    assert len(blobs(folder / "blobs")) == 2
    again = after_crash(folder)
    assert len(blobs(folder.with_name("data+") / "blobs")) == 1
    key = ReplayKey("b1", 0, 0)
    assert sum(map(len, again.content(key, Part.RESPONSE))) == 5 << 20
    again.close()


def test_a_content_that_can_not_be_written_leaves_nothing(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "seeded")

    before = descriptors()
    monkeypatch.setattr("replayd.journal.body.os.writev", fail)
    with pytest.raises(JournalError, match="seeded"):
        contents.spooled(bytes(PIECE + 1))
    assert blobs(tmp_path) == []
    assert descriptors() == before


def test_staged_contents_are_waited_for_once(contents: Contents, disk: Disk) -> None:
    contents.spooled(bytes(PIECE + 1))
    contents.settle()
    disk.go_on.clear()
    for _ in range(3):
        contents.spooled(bytes(PIECE + 1))
    assert [file.settled for file in contents._unsettled] == [False] * 3
    disk.go_on.set()
    contents._unsettled[-1].check()
    contents.spooled(bytes(PIECE + 1))
    assert len(contents._unsettled) <= 1
    contents.close()


@pytest.mark.parametrize("part", ["a flow's content", "a response's"])
def test_what_the_disk_did_not_take_is_not_committed(
    stored: Journal, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "seeded")

    enqueue(stored, "b1", [row(0)])
    (replay,) = stored.take(1, NOW)
    monkeypatch.setattr("replayd.journal.spool.os.fdatasync", fail)
    if part == "a response's":
        finish(stored, replay, content=bytes(PIECE + 1))
    else:
        stored.stage("b2", [row(0, request_content=bytes(PIECE + 1))])
    with pytest.raises(JournalError, match="seeded"):
        stored.accept("b2", now=NOW, answer=b"") if part == "a flow's content" else stored.commit()
    assert "seeded" in stored.failure
    assert stored.count("").running == 1
    stored.close()


def test_a_commit_takes_what_the_disk_has(stored: Journal, disk: Disk) -> None:
    """And waits for it only when it is told to."""
    enqueue(stored, "b1", [row(index) for index in range(3)])
    first, second, third = stored.take(3, NOW)
    woken = threading.Event()
    stored.on_runnable(woken.set)
    disk.go_on.clear()
    finish(stored, first)
    finish(stored, second, content=bytes(PIECE + 1))
    finish(stored, third)
    assert not stored.settling
    stored.commit(wait=False)
    assert stored.left == 2
    assert stored.settling
    stored.commit(wait=False)
    assert stored.left == 2
    assert stored.count("") == Counts(running=2, succeeded=1)
    assert not woken.is_set()
    disk.go_on.set()
    assert woken.wait(DEADLINE)
    assert not stored.settling
    stored.commit(wait=False)
    assert stored.left == 0
    assert stored.count("") == Counts(succeeded=3)
    stored.close()


def test_the_end_waits_for_the_disk(stored: Journal, disk: Disk, folder: Path) -> None:
    enqueue(stored, "b1", [row(0)])
    (replay,) = stored.take(1, NOW)
    disk.go_on.clear()
    finish(stored, replay, content=bytes(PIECE + 1))
    stored.commit(wait=False)
    assert stored.left == 1
    closing = threading.Thread(target=stored.close)
    closing.start()
    disk.go_on.set()
    closing.join(DEADLINE)
    again = open_sqlite(folder, NOW)
    assert again.count("") == Counts(succeeded=1)
    again.close()
