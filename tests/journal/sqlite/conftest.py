"""A journal whose database a test may reach into."""

from pathlib import Path

import pytest

from replayd.journal.journal import StoredJournal
from replayd.journal.sqlite.store import SqliteStore
from tests.support.journals import NOW


@pytest.fixture
def store(folder: Path) -> SqliteStore:
    """The store in `folder`."""
    return SqliteStore(folder)


@pytest.fixture
def opened(store: SqliteStore) -> StoredJournal:
    """A journal over it."""
    return StoredJournal(store, NOW)
