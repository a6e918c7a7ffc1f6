"""Pages are read as SQLite would, and where it would not."""

from pathlib import Path

import apsw
import pytest

from replayd.journal.sqlite.pages import Pages, log_frames


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One with a log: `x` was 1, and is 2."""
    path = tmp_path / "journal.db"
    connection = apsw.Connection(str(path))
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("locking_mode", "EXCLUSIVE")
    connection.pragma("page_size", 8192)
    connection.pragma("auto_vacuum", "INCREMENTAL")
    connection.pragma("journal_mode", "WAL")
    connection.execute("CREATE TABLE x (y); INSERT INTO x VALUES ('first')")
    connection.wal_checkpoint()
    connection.execute("UPDATE x SET y = 'second'")
    connection.execute("UPDATE x SET y = 'third!'")
    connection.close()
    return path


def images(path: Path) -> list[bytes]:
    """What the table's page held."""
    pages = Pages(path)
    try:
        assert (pages.size, pages.usable, pages.count) == (8192, 8192, 3)
        assert [pages.is_map(number) for number in (1, 2, 3)] == [False, True, False]
        return [image[-6:] for image in pages.images(3)]
    finally:
        pages.close()


def test_the_newest_image_comes_first(database: Path) -> None:
    assert images(database) == [b"third!", b"second", b"\x02\x17first"[-6:]]


def test_without_its_log_the_database_is_all_there_is(database: Path) -> None:
    database.with_name("journal.db-wal").unlink()
    assert len(images(database)) == 1


def test_a_commit_that_was_not_completed_does_not_count(database: Path) -> None:
    log = database.with_name("journal.db-wal")
    data = bytearray(log.read_bytes())
    frames = list(log_frames(log, 8192))
    data[frames[-1].offset - 20 : frames[-1].offset - 16] = bytes(4)
    log.write_bytes(data)
    assert images(database)[0] == b"second"


def test_frames_of_an_earlier_log_do_not_count(database: Path) -> None:
    log = database.with_name("journal.db-wal")
    data = bytearray(log.read_bytes())
    frames = list(log_frames(log, 8192))
    data[frames[-1].offset - 16] ^= 1
    log.write_bytes(data)
    assert images(database)[0] == b"second"
    data[16] ^= 2
    log.write_bytes(data)
    assert images(database)[0] == b"second", "the header is damaged, the frames agree"


def test_the_page_size_is_read_in_the_log_where_the_database_is_damaged(database: Path) -> None:
    data = bytearray(database.read_bytes())
    data[:100] = bytes(100)
    database.write_bytes(data)
    assert images(database)[0] == b"third!"
    database.with_name("journal.db-wal").write_bytes(b"")
    assert len(images(database)) == 1, "ours, by default"
