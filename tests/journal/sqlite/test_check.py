"""The check finds what is damaged, wherever it is, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.check import Checker
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.stopped import looked_at
from tests.journal.sqlite.test_migrations import VERSIONS
from tests.support.frozen_journals import thaw
from tests.support.journals import NOW, drain

SWAPPED = """
    UPDATE event SET (kind, batch_id, body, checksum) =
        (SELECT kind, batch_id, body, checksum FROM event WHERE sequence = 2)
    WHERE sequence = 3
"""


def check(folder: Path) -> list[str]:
    """What is found."""
    with looked_at(folder) as journal:
        return [f"{found.where}: {found.what}" for found in Checker(journal, lambda: None).run()]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_journal_is_found_whole(folder: Path, version: str) -> None:
    thaw(version, folder)
    assert check(folder) == []
    journal = open_sqlite(folder, NOW)
    drain(journal)
    journal.close()
    with looked_at(folder) as stopped:
        checker = Checker(stopped, lambda: None)
        assert list(checker.run()) == []
    assert checker.checked.counts == {
        "batches": 4,
        "flows": 12,
        "outcomes": 10,
        "contents": 2,
        "events": 17,
        "answers": 1,
    }


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM event WHERE sequence IN (4, 5)", "event 4 to 5: missing"),
        ("DELETE FROM event WHERE sequence = 4", "event 4: missing"),
        ("UPDATE event SET body = x'00' WHERE sequence = 3", "event 3: its checksum is wrong"),
        (
            SWAPPED,
            "event 3: another event is in its place",
        ),
        (
            "UPDATE event SET batch_id = CAST(x'b2' AS TEXT) WHERE sequence = 3",
            "journal.db, while its events were read: 'utf-8' codec can't decode",
        ),
        ("UPDATE answered SET answer = x'00'", "the answer to the request_id 'again': its che"),
        ("UPDATE meta SET value = 9 WHERE name = 'epoch'", "journal.db: the value 'epoch' in"),
        ("DELETE FROM meta WHERE name = 'claims'", "journal.db: it can't be loaded: KeyError"),
        ("DELETE FROM batch WHERE batch_id = 'ended'", "batch 1, flow 0: there is no such batch"),
        ("INSERT INTO replay VALUES (99, 3, 1, 0, '', 0)", "batch 0, flow 99: an outcome without"),
        (
            "INSERT INTO piece VALUES (99, 'request', 0, x'00', 0)",
            "batch 0, flow 99: a piece without a flow",
        ),
        (
            "INSERT INTO resolved VALUES (4294967296, 1, '', 0)",
            "the resolution of batch 1, flow 0: its checksum is wrong",
        ),
        (
            f"INSERT INTO resolved VALUES (4294967296, 1, 'b', {checksum(1 << 32, 1, 'b')})",
            "the resolution of batch 1, flow 0: its replay was not interrupted",
        ),
        ("UPDATE file SET place = 99", "batch 0, flow 99: a file without a flow"),
    ],
)
def test_what_is_damaged_is_found(
    lived_in: Path, harm: Callable[[str], None], statement: str, found: str
) -> None:
    harm(statement)
    assert [each for each in check(lived_in) if each.startswith(found)], check(lived_in)


def test_a_page_that_holds_nothing_is_found_and_the_rest_is_read(lived_in: Path) -> None:
    """Some rows can't be reached then; what comes after them is checked all the same."""
    open_sqlite(lived_in, NOW).close()
    path = lived_in / "journal.db"
    data = bytearray(path.read_bytes())
    with looked_at(lived_in) as journal:
        page = journal.connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'prepared'"
        ).get
    data[(page - 1) * 8192 : page * 8192] = bytes(8192)
    path.write_bytes(data)
    found = check(lived_in)
    assert any("while its batches were read" in each for each in found)
    assert not any(each.startswith("event") for each in found)


def test_a_file_that_nobody_names_is_counted_and_no_damage(lived_in: Path) -> None:
    (lived_in / "blobs" / "left").write_bytes(b"over")
    with looked_at(lived_in) as journal:
        checker = Checker(journal, lambda: None)
        assert list(checker.run()) == []
    assert checker.checked.counts["leftover_files"] == 1
