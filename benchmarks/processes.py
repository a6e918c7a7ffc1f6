"""The processes that are measured and replayed against."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import on

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
def daemon_process(*options: str, cores: set[int] | None = None) -> Iterator[Daemon]:
    """Runs a daemon on a fresh journal, on these cores only (None: on any)."""
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon_in(Path(folder), *options, cores=cores) as running,
    ):
        yield running


@contextmanager
def daemon_in(folder: Path, *options: str, cores: set[int] | None = None) -> Iterator[Daemon]:
    """Runs a daemon on the journal in this folder, a fresh one where there is none."""
    data = folder / "data"
    command = [str(BIN / "replayd"), "serve", f"--data-dir={data}", "--log-level=error"]
    command += [f"--listen=unix:{folder}/s.sock", *options]
    with on(cores):
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with started as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip().removeprefix("listening on ")
            if not address:
                raise SystemExit(f"{' '.join(command)} did not start; its log is above")
            yield Daemon(address, process.pid, data)
        finally:
            process.terminate()
