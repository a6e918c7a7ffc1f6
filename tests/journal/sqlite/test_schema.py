"""How a database is opened, and which are refused."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from replayd.errors import JournalError
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.migrations import APPLICATION_ID, MIGRATIONS
from replayd.journal.sqlite.schema import open_database
from tests.support.journals import NOW, drain, enqueue, indices, row

NEXT = "ALTER TABLE batch ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'"


@pytest.fixture
def database(folder: Path) -> Path:
    """A journal's database with one replay done and one queued."""
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0), row(1)])
    journal.close()
    return folder / "journal.db"


def test_a_new_database_is_as_promised(database: Path) -> None:
    connection = open_database(database)
    settings = {
        "application_id": APPLICATION_ID,
        "user_version": len(MIGRATIONS),
        "journal_mode": "wal",
        "locking_mode": "exclusive",
        "page_size": 8192,
        "auto_vacuum": 2,
        "synchronous": 2,
        "secure_delete": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
    }
    assert {name: connection.pragma(name) for name in settings} == settings
    assert connection.pragma("integrity_check") == "ok"
    connection.close()


def test_a_first_start_that_was_cut_short_is_made_good(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves the file's header, and nothing else."""

    def cut(*_: object) -> None:
        raise InterruptedError("the power")

    with monkeypatch.context() as power:
        power.setattr("replayd.journal.sqlite.schema.migrate", cut)
        with pytest.raises(InterruptedError):
            open_sqlite(folder, NOW)
    assert (folder / "journal.db").stat().st_size > 0
    open_sqlite(folder, NOW).close()
    connection = open_database(folder / "journal.db")
    assert connection.pragma("auto_vacuum") == 2
    connection.close()


def test_the_sqlite_is_one_without_the_log_reset_bug() -> None:
    assert apsw.SQLITE_VERSION_NUMBER >= 3051003


def test_a_newer_schema_is_refused(database: Path, folder: Path) -> None:
    open_database(database, [*MIGRATIONS, NEXT]).close()
    known = len(MIGRATIONS)
    newer = rf"newer replayd \(schema {known + 1}, this one knows {known}\)"
    with pytest.raises(JournalError, match=newer):
        open_sqlite(folder, NOW)


def test_a_foreign_database_is_refused_and_left_as_it_is(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    path = folder / "journal.db"
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE mine (x)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="is not a replayd journal"):
        open_sqlite(folder, NOW)
    assert path.read_bytes() == before


def test_no_other_process_gets_in(database: Path, folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    look = f"import sqlite3; sqlite3.connect({str(database)!r}, 0).execute('SELECT * FROM batch')"
    done = subprocess.run([sys.executable, "-c", look], check=False, capture_output=True, text=True)
    assert "database is locked" in done.stderr
    assert indices(drain(journal)) == [0, 1]
    journal.close()
