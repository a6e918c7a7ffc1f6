"""A copy of a journal that is used meanwhile: whole, one state, and a store of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.errors import JournalError, ReplaydError
from replayd.journal import copying
from replayd.journal.interface import Journal, Limits, Part
from replayd.journal.journal import StoredJournal
from replayd.journal.sqlite import identity, live_backup, open_sqlite
from replayd.journal.sqlite.store import SqliteStore
from replayd.model.replay import Counts
from replayd.reasons import Reason
from tests.journal.sqlite.test_check import check
from tests.support.journals import DAY, NOW, drain, enqueue, finish, note, read_all, row, run

LARGE = b"large" * 100_000


@pytest.fixture(autouse=True)
def _not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests check the copies themselves: a process for each takes a second."""
    monkeypatch.setattr(live_backup, "_check", lambda folder, progress: None)


def refused(journal: Journal, folder: Path) -> ReplaydError:
    with pytest.raises(ReplaydError) as caught:
        journal.back_up(folder, lambda *_: None)
    return caught.value


def test_what_is_done_meanwhile_is_in_it(
    opened: StoredJournal,
    tmp_path: Path,
    home_of: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_backup, "PAGES", 4)
    monkeypatch.setattr(copying, "_SLICE", 0)
    rows = [row(index, request_content=b"r" * 9000) for index in range(200)]
    enqueue(opened, "b1", [row(0, request_content=LARGE), *rows[1:]])
    told: list[int] = []

    def meanwhile(copied: int, total: int) -> None:
        # A row that was copied before changes, and others come.
        told.append(copied)
        assert copied <= total
        if len(told) < 20:
            run(opened, content=LARGE if len(told) == 3 else b"answer")
            opened.emit([note(f"at {copied}")])
            opened.commit()

    opened.stage("never accepted", [row(0, request_content=LARGE)])
    (running,) = opened.take(1, NOW)
    opened.begin([running])
    size = opened.back_up(tmp_path / "copy", meanwhile)
    assert size == told[-1] > len(LARGE)
    assert sorted(told) == told
    assert len(told) > 40
    assert check(tmp_path / "copy") == []
    monkeypatch.setattr(identity, "home_of", home_of)
    copy = open_sqlite(tmp_path / "copy", NOW)
    assert (copy.info.copied, copy.paused) == (True, True)
    assert copy.info.store_id != opened.info.store_id
    logged = read_all(opened)
    assert read_all(copy)[: len(logged)] == logged
    assert b"".join(copy.content(running.key, Part.REQUEST)) == LARGE
    ended = opened.count("").succeeded
    assert ended > 2
    assert copy.count("") == Counts(queued=200 - ended, succeeded=ended)
    copy.pause(False, NOW)
    drain(copy)
    copy.close()
    finish(opened, running)


def test_retention_waits_for_it(opened: StoredJournal, tmp_path: Path) -> None:
    enqueue(opened, "b1", [row(0, request_content=LARGE)])
    drain(opened)

    def meanwhile(_: int, __: int) -> None:
        assert list(opened.retain(Limits(age=1), NOW + DAY)) == []

    opened.back_up(tmp_path / "copy", meanwhile)
    assert check(tmp_path / "copy") == []
    assert list(opened.retain(Limits(age=1), NOW + DAY)) != []


def test_one_that_is_given_up_leaves_nothing(opened: StoredJournal, tmp_path: Path) -> None:
    enqueue(opened, "b1", [row(0, request_content=LARGE)])

    def give_up(_: int, __: int) -> None:
        raise ReplaydError(Reason.CANCELLED, "enough")

    with pytest.raises(ReplaydError, match="enough"):
        opened.back_up(tmp_path / "copy", give_up)
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []
    drain(opened)
    opened.back_up(tmp_path / "copy", lambda *_: None)


def test_a_damaged_file_is_not_copied(opened: StoredJournal, folder: Path, tmp_path: Path) -> None:
    enqueue(opened, "b1", [row(0, request_content=LARGE)])
    for path in (folder / "blobs").iterdir():
        path.write_bytes(LARGE[1:])
    with pytest.raises(JournalError, match="is damaged at byte"):
        opened.back_up(tmp_path / "copy", lambda *_: None)
    assert not (tmp_path / "copy").exists()


def test_where_it_can_not_be(
    opened: StoredJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "broken.part").mkdir()
    for folder, why in {
        Path("relative"): "has to be absolute",
        tmp_path / "data/copy": "lies in the data dir",
        tmp_path / "full": "is not empty",
        tmp_path / "full/file": "Not a directory",
        tmp_path / "broken": "what is left of a copy that broke off",
        tmp_path / "none/copy": "is no folder",
    }.items():
        error = refused(opened, folder)
        assert (error.reason, error.metadata["field"]) == (Reason.INVALID_OPTIONS, "folder")
        assert why in error.message
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert refused(opened, tmp_path / "copy").reason is Reason.DISK_FULL


def test_a_copy_that_is_not_whole_is_told(
    store: SqliteStore, opened: StoredJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    enqueue(opened, "b1", [row(0)])
    store._connection.execute("UPDATE prepared SET flow = x'00'")
    with pytest.raises(JournalError, match=r"not whole, and was removed: .*its checksum is wrong"):
        opened.back_up(tmp_path / "copy", lambda *_: None)
    assert not (tmp_path / "copy.part").exists()
