"""One copy at a time, given up at the end, and none of what lies nowhere."""

from pathlib import Path
from threading import Thread

import pytest

from replayd.errors import ReplaydError
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import live_backup, open_sqlite
from replayd.reasons import Reason
from tests.support.journals import NOW, enqueue, row


def test_a_second_copy_is_refused_while_there_is_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_backup, "_check", lambda folder, progress: None)
    journal = open_sqlite(folder, NOW)
    reasons: list[Reason] = []

    def another(_: int, __: int) -> None:
        with pytest.raises(ReplaydError) as caught:
            journal.back_up(tmp_path / "second", another)
        reasons.append(caught.value.reason)

    journal.back_up(tmp_path / "first", another)
    assert {*reasons} == {Reason.REQUEST_IN_PROGRESS}
    journal.back_up(tmp_path / "second", lambda *_: None)
    journal.close()


def test_the_end_of_the_journal_ends_it(folder: Path, tmp_path: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0)])
    closing = Thread(target=journal.close)

    def end(_: int, __: int) -> None:
        if not closing.is_alive():
            closing.start()
        while not journal._copying._ending:  # type: ignore[attr-defined]
            pass

    with pytest.raises(ReplaydError) as caught:
        journal.back_up(tmp_path / "copy", end)
    closing.join()
    assert caught.value.reason is Reason.DAEMON_STOPPING
    assert list(tmp_path.glob("copy*")) == []


def test_what_is_in_memory_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(ReplaydError, match="in memory") as caught:
        open_memory(NOW).back_up(tmp_path / "copy", lambda *_: None)
    assert caught.value.reason is Reason.INVALID_OPTIONS
