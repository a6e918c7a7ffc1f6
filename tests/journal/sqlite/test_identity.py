"""A journal is told from its copies, however they are made."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.journal.interface import Info, Journal
from replayd.journal.sqlite import identity, open_sqlite
from tests.support.frozen_journals import thaw
from tests.support.journals import NOW, drain, enqueue, kinds, read_all, row


@pytest.fixture(autouse=True)
def _real(home_of: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "home_of", home_of)


def made(folder: Path, batch_id: str = "") -> Info:
    """Opens a journal and closes it again, perhaps with one more batch."""
    journal = open_sqlite(folder, NOW)
    if batch_id:
        enqueue(journal, batch_id, [row(0)])
    journal.close()
    return journal.info


def shell(command: str, folder: Path) -> None:
    subprocess.run(command, shell=True, check=True, cwd=folder.parent)


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "chmod -R go-rwx data && chown -R $(id -u) data && touch data/journal.db",
        "mv data elsewhere && mv elsewhere data",
        "cp -a data backup",
        "ln data/journal.db another",
    ],
)
def test_the_same_journal_stays_the_same(folder: Path, command: str) -> None:
    before = made(folder, "b1")
    shell(command, folder)
    assert made(folder) == before
    assert not before.copied


COPIES = [
    "cp -a data copy",
    "cp -rL data copy",
    "mkdir -m 700 copy && tar -c -C data . | tar -x -C copy",
    "cp -a data copy && rm copy/identity",
]


@pytest.mark.parametrize("command", COPIES)
def test_a_copy_is_another_store_and_the_original_is_not(folder: Path, command: str) -> None:
    original = made(folder, "b1")
    shell(command, folder)
    copy = made(folder.with_name("copy"))
    assert copy.copied
    assert copy.store_id != original.store_id
    assert copy.epoch == original.epoch + 1
    assert made(folder) == original
    assert made(folder.with_name("copy")) == copy._replace(copied=False)


RESTORES = [
    "cp -a backup/. data/",
    "cp -r backup/. data/",
    "tar -c -C backup . | tar -x -C data",
    "rm -r data && mv backup data",
    "mv backup/journal.db data/journal.db",
]


@pytest.mark.parametrize("command", RESTORES)
def test_a_backup_that_is_restored_is_another_store(folder: Path, command: str) -> None:
    before = made(folder, "b1")
    shell("cp -a data backup", folder)
    made(folder, "b2")
    shell(command, folder)
    after = made(folder)
    assert after.copied
    assert after.store_id != before.store_id


def opened_copy(folder: Path) -> Journal:
    shutil.copytree(folder, folder.with_name("copy"), symlinks=True)
    return open_sqlite(folder.with_name("copy"), NOW)


def test_what_waits_in_a_copy_is_not_sent_until_somebody_says_so(folder: Path) -> None:
    made(folder, "b1")
    copy = opened_copy(folder)
    assert copy.paused
    assert drain(copy) == []
    assert kinds(read_all(copy)) == ["queued", "paused"]
    copy.pause(False, NOW)
    assert len(drain(copy)) == 1
    copy.close()


def test_a_copy_in_which_nothing_waits_goes_on(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0)])
    drain(journal)
    journal.close()
    copy = opened_copy(folder)
    assert not copy.paused
    copy.close()


def test_the_copy_of_an_old_database_in_the_place_of_the_new_one(folder: Path) -> None:
    """It does not know its folder, but the folder knows that it is older."""
    thaw("4", folder)
    assert not made(folder).copied
    shell("mv data/journal.db.version-4 data/journal.db", folder)
    assert made(folder).copied


def test_where_files_have_no_birth_their_last_change_tells(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    before = made(folder, "b1")
    assert made(folder) == before
    shell("cp -a data copy", folder)
    assert made(folder.with_name("copy")).copied
    shell("cp -a copy/. data/", folder)
    assert made(folder).copied
