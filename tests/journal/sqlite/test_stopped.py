"""A journal is looked at without changing it, and never beside a daemon."""

from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.stopped import looked_at
from tests.support.frozen_journals import thaw
from tests.support.journals import NOW


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("lock", "identity")
    }


@pytest.mark.parametrize("version", ["1-pieces", "4"])
def test_an_old_journal_is_looked_at_as_a_new_one_and_stays_as_it_is(
    folder: Path, version: str
) -> None:
    thaw(version, folder)
    before = contents(folder)
    with looked_at(folder) as journal:
        assert journal.version == int(version[0])
        batch_ids = journal.connection.execute("SELECT batch_id FROM batch WHERE checksum <> 0")
        assert len(batch_ids.fetchall()) == 4
    assert contents(folder) == before


def test_where_there_is_no_journal_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal in"), looked_at(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_journal_in_use_is_left_alone(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    with pytest.raises(JournalError, match="is used by another daemon"), looked_at(folder):
        pass
    journal.close()


def test_what_is_no_database_is_told(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "journal.db").write_bytes(b"x" * 4096)
    with pytest.raises(JournalError, match=r"journal\.db is damaged"), looked_at(folder):
        pass
