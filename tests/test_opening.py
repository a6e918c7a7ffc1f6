"""The journal's opening, as the Config has it."""

from pathlib import Path

import pytest

from replayd.config import Config
from replayd.errors import JournalError
from replayd.opening import open_journal
from tests.support.journals import after_crash, enqueue, row


@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_it_says_what_a_journal_that_does_not_wait_may_lose(
    synchronous: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    journal = open_journal(Config(data_dir=tmp_path / "data", synchronous=synchronous))
    enqueue(journal, "b1", [row(0)])
    left = after_crash(tmp_path / "data")
    assert left.count("").queued == 1, "a crash of the daemon alone loses nothing"
    left.close()
    level = journal._ledger.store._connection.pragma("synchronous")
    assert level == {"full": 2, "normal": 1}[synchronous]
    assert ("power cut" in caplog.text) == (synchronous == "normal")
    journal.close()


def test_a_network_disk_is_refused_unless_it_is_allowed(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 0:40 / {tmp_path} rw - nfs4 server:/export rw\n")
    monkeypatch.setattr("replayd.journal.sqlite.mounts.MOUNTS", table)
    data = tmp_path / "data"
    with pytest.raises(JournalError, match=r"a network file system \(nfs4\).*disk of this machine"):
        open_journal(Config(data_dir=data))
    assert not data.exists()
    open_journal(Config(data_dir=data, allow_network_disk=True)).close()
    assert "two daemons may own it at once" in caplog.text
