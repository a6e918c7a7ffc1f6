"""The processes that are measured and replayed against."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
def running(
    command: Sequence[str],
    cores: set[int] | None = None,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Iterator["subprocess.Popen[str]"]:
    """Runs a process on these cores (None: on any), and ends it in the end.

    A SIGTERM that comes while it starts is held back until it is sure to be ended, too.
    """
    held: list[int] = []
    with ExitStack() as stack:
        handler = signal.signal(signal.SIGTERM, lambda number, _frame: held.append(number))
        try:
            with on(cores):
                process = stack.enter_context(
                    subprocess.Popen(command, text=True, stdin=stdin, stdout=stdout, stderr=stderr)
                )
            stack.callback(process.terminate)
        finally:
            signal.signal(signal.SIGTERM, handler)
        for number in held:
            signal.raise_signal(number)
        yield process


@contextmanager
def target() -> Iterator[int]:
    """Runs the server; yields its port."""
    command = [sys.executable, "-m", "benchmarks.target"]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def daemon_process(*options: str, cores: set[int] | None = None) -> Iterator[Daemon]:
    """Runs a daemon on a fresh journal, on these cores only (None: on any)."""
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon_in(Path(folder), *options, cores=cores) as running,
    ):
        yield running


@contextmanager
def daemon_in(
    folder: Path,
    *options: str,
    cores: set[int] | None = None,
    program: Sequence[str] = (str(BIN / "replayd"),),
) -> Iterator[Daemon]:
    """Runs a daemon on the journal in this folder, a fresh one where there is none."""
    data = folder / "data"
    command = [*program, "serve", f"--data-dir={data}", "--log-level=error"]
    command += [f"--listen=unix:{folder}/s.sock", *options]
    with running(command, cores, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip().removeprefix("listening on ")
        if not address:
            raise SystemExit(f"{' '.join(command)} did not start; its log is above")
        yield Daemon(address, process.pid, data)
