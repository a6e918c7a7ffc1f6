"""The journal of a stopped daemon, for the commands that look at it.

The folder's lock keeps daemons away meanwhile. Nothing that is looked at changes: a journal of
an older version is brought up to date in a transaction that is never committed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.failures import told
from replayd.journal.sqlite.folder import Folder
from replayd.journal.sqlite.migrations import MIGRATIONS
from replayd.journal.sqlite.schema import check_version, connect


@dataclass(frozen=True)
class Stopped:
    """A journal that nobody else uses."""

    folder: Folder
    connection: apsw.Connection
    contents: Contents
    version: int
    """Of its schema, as it is on the disk."""


@contextmanager
def looked_at(data_dir: Path) -> Iterator[Stopped]:
    """Opens a journal to look at it, in the newest version of the schema.

    Raises JournalError when there is none, it is in use, foreign, newer, or can't be read.
    """
    folder = Folder.of_journal(data_dir)
    try:
        with told(folder.database), _unchanged(folder) as (connection, version):
            contents = Contents(connection, folder.blobs)
            try:
                yield Stopped(folder, connection, contents, version)
            finally:
                contents.close()
    finally:
        folder.close()


@contextmanager
def _unchanged(folder: Folder) -> Iterator[tuple[apsw.Connection, int]]:
    connection = connect(folder.database)
    try:
        version = check_version(connection, folder.database)
        connection.execute("BEGIN")
        for script in MIGRATIONS[version:]:
            connection.execute(script)
        yield connection, version
        connection.execute("ROLLBACK")
    finally:
        connection.close()
