"""Runs `replayctl` as its users do, in a process of its own, in a pipe or a terminal."""

import os
import pty
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import clean_environment
from tests.support.forking import run_replayctl
from tests.support.processes import DEADLINE, Process
from tests.support.programs import find


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


def replayctl(
    address: str, *arguments: str, stdin: bytes = b"", environment: dict[str, str] | None = None
) -> Ended:
    """Runs it to its end; no traceback may reach a user."""
    done = run_replayctl(arguments, _environment(address, environment), stdin)
    ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ended.stderr
    return ended


def start_replayctl(
    address: str, *arguments: str, environment: dict[str, str] | None = None
) -> Process:
    """Starts it; the caller closes it."""
    return Process([find("replayctl"), *arguments], environment=_environment(address, environment))


def replayctl_on_terminal(
    address: str, *arguments: str, environment: dict[str, str] | None = None
) -> str:
    """Runs it with a terminal as stdout and stderr; returns what the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [find("replayctl"), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=_environment(address, {"TERM": "xterm", **(environment or {})}),
    )
    os.close(theirs)
    shown = bytearray()
    try:
        while data := _read(ours):
            shown += data
    finally:
        os.close(ours)
        process.wait(DEADLINE)
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # Linux's way to say that the other side is closed


def _environment(address: str, extra: dict[str, str] | None) -> dict[str, str]:
    return clean_environment(Path("/nonexistent"), REPLAYD_ADDRESS=address, **(extra or {}))
