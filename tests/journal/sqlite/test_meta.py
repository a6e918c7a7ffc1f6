"""What the database says of itself is checked."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from replayd.errors import JournalError
from replayd.journal.sqlite.meta import get_meta, read_meta, set_meta
from replayd.journal.sqlite.schema import open_database


@pytest.fixture
def connection(folder: Path) -> Iterator[apsw.Connection]:
    """A new database."""
    folder.mkdir()
    path = folder / "journal.db"
    path.touch()
    opened = open_database(path)
    yield opened
    opened.close()


def test_what_is_set_is_read(connection: apsw.Connection) -> None:
    for value in (7, b"seven", "7"):
        set_meta(connection, "claims", value)
        assert get_meta(connection, "claims") == value
        assert read_meta(connection)["claims"] == value


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET value = 9 WHERE name = 'epoch'",
        "UPDATE meta SET name = 'epochs' WHERE name = 'epoch'",
        "DELETE FROM meta WHERE name = 'epoch'",
    ],
)
def test_a_damaged_value_is_told(connection: apsw.Connection, statement: str) -> None:
    connection.execute(statement)
    with pytest.raises(JournalError, match=r"'epochs?' in .* is damaged"):
        read_meta(connection) and get_meta(connection, "epoch")
