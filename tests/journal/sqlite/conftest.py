"""A journal whose database a test may reach into."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from replayd.journal.journal import StoredJournal
from replayd.journal.sqlite.migrations import MIGRATIONS
from replayd.journal.sqlite.schema import open_database
from replayd.journal.sqlite.store import SqliteStore
from tests.support.frozen_journals import thaw
from tests.support.journals import NOW


@pytest.fixture
def connection(tmp_path: Path) -> apsw.Connection:
    """A database with nothing in it."""
    path = tmp_path / "journal.db"
    path.touch()
    return open_database(path)


@pytest.fixture
def store(folder: Path) -> SqliteStore:
    """The store in `folder`."""
    return SqliteStore(folder)


@pytest.fixture
def opened(store: SqliteStore) -> StoredJournal:
    """A journal over it."""
    return StoredJournal(store, NOW)


@pytest.fixture
def lived_in(folder: Path) -> Path:
    """The folder of a journal of which replays are in every state."""
    thaw(str(len(MIGRATIONS)), folder)
    return folder


@pytest.fixture
def harm(lived_in: Path) -> Callable[[str], None]:
    """Executes SQL in it."""

    def execute(statement: str) -> None:
        connection = apsw.Connection(str(lived_in / "journal.db"))
        connection.execute(statement)
        connection.close()

    return execute
