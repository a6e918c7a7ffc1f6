"""Where contents lie by their size."""

import errno
from pathlib import Path

import apsw
import pytest

from replayd.errors import JournalError
from replayd.journal.body import PIECE
from replayd.journal.interface import Journal, Part
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.schema import open_database
from replayd.model.replay import ReplayKey
from tests.support.journals import NOW, after_crash, enqueue, finish, row

PLACE = 77


@pytest.fixture
def connection(tmp_path: Path) -> apsw.Connection:
    path = tmp_path / "journal.db"
    path.touch()
    return open_database(path)


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
    ("size", "files"), [(0, 0), (PIECE, 0), (PIECE + 1, 1), (4 * PIECE, 1), (16 * PIECE + 1, 1)]
)
@pytest.mark.parametrize("spooled", [True, False])
def test_where_it_lies(
    contents: Contents, tmp_path: Path, size: int, files: int, spooled: bool
) -> None:
    data = bytes(index % 251 for index in range(256)) * (size // 256 + 1)
    data = data[:size]
    body = contents.new_body()
    if spooled:
        body.write(data)
    content = body.seal() if spooled else contents.settled(data)
    assert contents.put(PLACE, Part.REQUEST, content) == (None if files else data)
    assert len(blobs(tmp_path)) == files
    if files:
        found = (contents.piece(PLACE, Part.REQUEST, number) for number in range(99))
        assert b"".join(found) == data
    assert contents.piece(PLACE, Part.RESPONSE, 0) == b""
    assert contents.names() == set(blobs(tmp_path))
    for path in contents.delete(PLACE, PLACE):
        path.unlink()
    assert (contents.names(), blobs(tmp_path)) == (set(), [])


def test_a_content_in_pieces(contents: Contents, connection: apsw.Connection) -> None:
    pieces = [bytes(PIECE), b"x" * PIECE, b"end"]
    put_pieces(connection, *pieces)
    assert [contents.piece(PLACE, Part.REQUEST, number) for number in range(4)] == [*pieces, b""]
    assert contents.delete(PLACE, PLACE) == []
    assert contents.piece(PLACE, Part.REQUEST, 0) == b""


@pytest.mark.parametrize("column", ["data = zeroblob(9)", "checksum = 1"])
def test_a_damaged_piece(contents: Contents, connection: apsw.Connection, column: str) -> None:
    put_pieces(connection, bytes(PIECE), b"x")
    connection.execute(f"UPDATE piece SET {column} WHERE number = 1")
    assert len(contents.piece(PLACE, Part.REQUEST, 0)) == PIECE
    with pytest.raises(JournalError, match="piece 1 of a request content"):
        contents.piece(PLACE, Part.REQUEST, 1)


@pytest.mark.parametrize("column", ["name = 7", "checksums = 'x'", "checksums = x'00'"])
def test_a_damaged_file_name(contents: Contents, connection: apsw.Connection, column: str) -> None:
    contents.put(PLACE, Part.REQUEST, contents.settled(bytes(PIECE + 1)))
    connection.execute(f"UPDATE file SET {column}")
    with pytest.raises(JournalError, match="damaged"):
        contents.piece(PLACE, Part.REQUEST, 0)


def test_a_file_name_leads_nowhere_else(
    contents: Contents, connection: apsw.Connection, tmp_path: Path
) -> None:
    contents.put(PLACE, Part.REQUEST, contents.settled(bytes(PIECE + 1)))
    connection.execute("UPDATE file SET name = '../../etc/passwd'")
    with pytest.raises(JournalError, match=f"{tmp_path}/passwd can't be read"):
        contents.piece(PLACE, Part.REQUEST, 0)


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


def test_a_content_that_can_not_be_settled_leaves_nothing(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "seeded")

    before = descriptors()
    monkeypatch.setattr("replayd.journal.body.os.fdatasync", fail)
    with pytest.raises(JournalError, match="seeded"):
        contents.settled(bytes(PIECE + 1))
    assert blobs(tmp_path) == []
    assert descriptors() == before
