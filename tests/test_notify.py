import socket
from pathlib import Path

import pytest

from replayd.notify import READY, notify


@pytest.mark.parametrize("abstract", [False, True])
def test_a_manager_is_told(tmp_path: Path, abstract: bool) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if abstract else name)
        notify(f"@{name}" if abstract else name, READY)
        assert manager.recv(100, socket.MSG_DONTWAIT) == b"READY=1"


def test_nobody_is_told_without_one(caplog: pytest.LogCaptureFixture) -> None:
    notify("", READY)
    assert caplog.text == ""


def test_a_manager_that_is_gone_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notify(str(tmp_path / "gone"), READY)
    assert "can't be told READY=1" in caplog.text
