"""A forked command is as one that was started: its streams, its environment, its end."""

import subprocess
from pathlib import Path

import pytest

from tests.support import forking
from tests.support.fake_daemon import HANG, FakeDaemon
from tests.support.forking import run_replayctl


def test_arguments_streams_environment_and_code_are_its_own(tmp_path: Path) -> None:
    said = run_replayctl(["--version"], {})
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout.startswith(b"replayctl, version ")
    away = {"REPLAYD_ADDRESS": f"unix:{tmp_path}/nobody"}
    said = run_replayctl(["count"], away)
    assert (said.returncode, said.stdout) == (3, b"")
    assert str(tmp_path).encode() in said.stderr
    capture = b"{}"
    assert b"-: " in run_replayctl(["enqueue", "-"], away, capture).stderr


def test_one_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeDaemon() as fake:
        fake.watches.append([HANG])
        monkeypatch.setattr(forking, "DEADLINE", 0.01)
        with pytest.raises(subprocess.TimeoutExpired):
            run_replayctl(["--address", fake.address, "watch"], {})
