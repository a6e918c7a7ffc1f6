"""A process whose output is collected while it runs and which never outlives its test."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

DEADLINE = 30.0
"""Seconds after which a wait fails: far more than anything here takes."""


class Process:
    """A running program; `stdout` and `stderr` hold its lines so far."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._changed = threading.Condition()
        self._popen = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env=None if environment is None else dict(environment),
            cwd=folder,
        )
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        self._open_pipes = 2
        self._readers = [
            threading.Thread(target=self._collect, args=pair, daemon=True)
            for pair in [(self._popen.stdout, self.stdout), (self._popen.stderr, self.stderr)]
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def wait_for_output(
        self, wanted: Callable[[], bool], what: str, deadline: float = DEADLINE
    ) -> None:
        """Returns once `wanted()`, asked at each line of output, is true.

        Raises AssertionError with the output when the process ends first, or in time.
        """
        end = time.monotonic() + deadline
        with self._changed:
            while not wanted():
                left = end - time.monotonic()
                if left <= 0 or not self._open_pipes:
                    how = "in time" if self._open_pipes else "before it ended"
                    raise AssertionError(f"no {what} {how}: {self.describe()}")
                self._changed.wait(left)

    def wait(self, deadline: float = DEADLINE) -> int:
        """Waits for its end; returns the exit code, negative for a signal."""
        try:
            code = self._popen.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.describe()}") from None
        for reader in self._readers:
            reader.join(deadline)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to this process alone."""
        os.kill(self._popen.pid, number)

    def close(self) -> None:
        """Ends the process, whatever state it is in."""
        if self.running:
            self._popen.kill()
        self._popen.wait()
        for reader in self._readers:
            reader.join(DEADLINE)
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()

    def describe(self) -> str:
        """The command, its state and the last lines of its output, for a failure."""
        lines = [f"{' '.join(self.command)} (exit code {self._popen.poll()})"]
        lines += [f"  out| {line}" for line in self.stdout[-20:]]
        lines += [f"  err| {line}" for line in self.stderr[-40:]]
        return "\n".join(lines)

    def _collect(self, pipe: IO[str], lines: list[str]) -> None:
        """Moves lines from a pipe to a list until the pipe's end."""
        try:
            for line in pipe:
                with self._changed:
                    lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        finally:
            with self._changed:
                self._open_pipes -= 1
                self._changed.notify_all()
