"""Journals of every version, made by the code of that version, are read and go on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Journal, Part
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.migrations import MIGRATIONS, copy_name
from replayd.journal.sqlite.schema import open_database
from replayd.model.replay import ReplayKey
from tests.support.frozen_journals import FOLDER, LARGE, thaw
from tests.support.journals import NOW, drain, enqueue, kinds, read_all, row

VERSIONS = sorted(path.name.split("-", 1)[1].split(".")[0] for path in FOLDER.glob("*.tar.gz"))
"""`1-pieces` is of version 1 as well, before contents were kept in files."""

NEXT = "ALTER TABLE batch ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'"
BROKEN = "ALTER TABLE batch ADD COLUMN shape TEXT; ALTER TABLE nothing ADD COLUMN x"

OPEN_AND_DIE = """
import os, sys
import apsw
from replayd.journal.sqlite import migrations
from replayd.journal.sqlite.schema import open_database

def register(connection):
    connection.create_scalar_function("die", lambda: os._exit(9))

apsw.connection_hooks.append(register)
steps = (*migrations.MIGRATIONS, "ALTER TABLE batch ADD COLUMN colour; SELECT die()")
open_database(migrations.Path(sys.argv[1]), steps)
"""


@pytest.fixture
def database(folder: Path) -> Path:
    """A database of the newest version with one batch."""
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0), row(1)])
    journal.close()
    return folder / "journal.db"


@pytest.fixture(params=VERSIONS)
def thawed(request: pytest.FixtureRequest, folder: Path) -> Iterator[Journal]:
    """The frozen journal of each version, opened."""
    thaw(request.param, folder)
    journal = open_sqlite(folder, NOW)
    yield journal
    journal.close()


def content(journal: Journal, batch_id: str, index: int, part: Part) -> bytes:
    return b"".join(journal.content(ReplayKey(batch_id, 0, index), part))


def columns(connection: apsw.Connection) -> list[str]:
    return [name for (_, name, *_) in connection.execute("PRAGMA table_info(batch)")]


def test_there_is_a_frozen_journal_of_each_version(folder: Path) -> None:
    numbered = [version for version in VERSIONS if version.isdigit()]
    assert sorted(map(int, numbered)) == list(range(1, len(MIGRATIONS) + 1))
    for version in numbered:
        data = folder.with_name(version)
        thaw(version, data)
        connection = apsw.Connection(str(data / "journal.db"))
        assert connection.pragma("user_version") == int(version)
        connection.close()


def test_what_an_old_journal_holds_is_read(thawed: Journal) -> None:
    assert content(thawed, "ended", 0, Part.RECORDED) == b"recorded"
    assert content(thawed, "ended", 0, Part.RESPONSE) == b"small"
    assert content(thawed, "ended", 2, Part.REQUEST) == LARGE
    assert content(thawed, "ended", 2, Part.RESPONSE) == LARGE
    assert [past.key.flow_index for past in thawed.history("ended", -1, 10)] == [0, 2]
    receipt = thawed.reserve("again", b"hash")
    assert receipt is not None
    assert (receipt.answer, receipt.duplicate) == (b"answer", True)
    events = read_all(thawed)
    assert [event.sequence for event in events] == list(range(1, thawed.latest + 1))
    assert kinds(events)[-1] == "error", "the POST that was under way"


def test_an_old_queue_goes_on_where_it_was(thawed: Journal) -> None:
    counts = thawed.count("")
    assert (counts.queued, counts.running, counts.succeeded) == (5, 0, 2)
    assert (counts.failed, counts.cleared, counts.interrupted) == (2, 2, 1)
    ran = [(key.batch_id, key.flow_index) for key in drain(thawed)]
    assert ran == [("crashed", 3), ("crashed", 4), ("waits", 0), ("waits", 1), ("waits", 2)]
    counts = thawed.count("")
    assert (counts.queued, counts.running, counts.succeeded) == (0, 0, 7)


def test_an_old_database_is_copied_before_it_is_changed(folder: Path) -> None:
    thaw("1", folder)
    open_sqlite(folder, NOW).close()
    copy = copy_name(folder / "journal.db", 1)
    assert copy.stat().st_mode & 0o777 == 0o600
    connection = apsw.Connection(str(copy))
    assert connection.pragma("user_version") == 1
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("SELECT count(*) FROM prepared").fetchone() == (12,)
    connection.close()


def test_a_new_database_is_not_copied(database: Path) -> None:
    assert sorted(path.name for path in database.parent.iterdir()) == [
        "ballast",
        "blobs",
        "identity",
        "journal.db",
        "lock",
    ]


def test_without_room_for_a_copy_an_old_database_is_left_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thaw("1", folder)
    full = os.statvfs_result((4096, 4096, 100, 3, 3, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(JournalError, match=r"that needs \d+ bytes, and .* has 12288; make room"):
        open_sqlite(folder, NOW)
    monkeypatch.undo()
    assert not copy_name(folder / "journal.db", 1).exists()
    open_sqlite(folder, NOW).close()


def test_a_copy_that_fails_is_told(folder: Path) -> None:
    thaw("1", folder)
    copy = copy_name(folder / "journal.db", 1)
    copy.with_name(f"{copy.name}.part").mkdir()
    with pytest.raises(JournalError, match="can't be copied before it is changed: Is a directory"):
        open_sqlite(folder, NOW)


def test_an_older_schema_is_brought_up_to_date(database: Path) -> None:
    connection = open_database(database, [*MIGRATIONS, NEXT])
    assert connection.pragma("user_version") == len(MIGRATIONS) + 1
    assert connection.execute("SELECT batch_id, colour FROM batch").fetchall() == [("b1", "blue")]
    connection.close()


def test_a_migration_that_fails_changes_nothing(database: Path) -> None:
    with pytest.raises(apsw.SQLError):
        open_database(database, [*MIGRATIONS, NEXT, BROKEN])
    with pytest.raises(JournalError):
        open_database(database)
    connection = open_database(database, [*MIGRATIONS, NEXT])
    assert "colour" in columns(connection)
    assert "shape" not in columns(connection)
    connection.close()


def test_a_death_during_a_migration_leaves_the_old_version(folder: Path) -> None:
    thaw("1", folder)
    died = subprocess.run([sys.executable, "-c", OPEN_AND_DIE, folder / "journal.db"], check=False)
    assert died.returncode == 9
    left = folder.with_name("left")
    shutil.copytree(folder, left)
    connection = open_database(left / "journal.db")
    assert connection.pragma("user_version") == len(MIGRATIONS)
    assert "colour" not in columns(connection)
    connection.close()
    connection = open_database(folder / "journal.db", [*MIGRATIONS, NEXT])
    assert "colour" in columns(connection)
    connection.close()
