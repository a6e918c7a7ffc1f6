"""The processes that are measured and replayed against."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

BIN = Path(sys.executable).parent


class Daemon(NamedTuple):
    """A running daemon."""

    address: str
    pid: int
    data: Path
    """Its data dir."""


@contextmanager
def target() -> Iterator[int]:
    """Runs the server; yields its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.target"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def daemon(*options: str) -> Iterator[str]:
    """Runs a daemon on a fresh journal; yields its address."""
    with daemon_process(*options) as running:
        yield running.address


@contextmanager
def daemon_process(*options: str) -> Iterator[Daemon]:
    """Runs a daemon on a fresh journal."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        command = [str(BIN / "replayd"), "serve", f"--data-dir={data}", "--log-level=error"]
        command += [f"--listen=unix:{folder}/s.sock", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                address = process.stdout.readline().strip().removeprefix("listening on ")
                yield Daemon(address, process.pid, data)
            finally:
                process.terminate()
