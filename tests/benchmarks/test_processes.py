"""Processes that are run for a while; daemons and servers are in tests/system."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.processes import running


@pytest.fixture
def stopped_by_signal() -> Iterator[None]:
    """Has SIGTERM end this process as it ends a benchmark: by an exception."""
    before = signal.signal(signal.SIGTERM, lambda *_frame: sys.exit("stopped"))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("stopped_by_signal")
def test_what_is_starting_when_a_signal_comes_is_ended_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[int] = []

    class Interrupted(subprocess.Popen[str]):
        """The signal comes when the process is there, and nobody has it yet."""

        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            started.append(self.pid)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(SystemExit, match="stopped"), running(["sleep", "60"]):
        pytest.fail("it goes on as if nothing had been")
    (pid,) = started
    assert not Path(f"/proc/{pid}").exists()


def test_what_runs_is_ended_and_signals_mean_what_they_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with running(["sleep", "60"]) as process:
        assert process.poll() is None
        assert signal.getsignal(signal.SIGTERM) is before
    assert process.returncode == -signal.SIGTERM
