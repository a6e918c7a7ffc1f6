"""The daemon as chaos starts, stops and kills it: a real process, on a data dir of its own."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
from flowreplay.v1 import replay_pb2

from tools.chaos.books import History, open_stub
from tools.chaos.findings import Findings

READY = "listening on "
START_SECONDS = 60.0
"""How long a start may take on a busy machine."""

END_SECONDS = 60.0

DRAIN_SECONDS = 10


class DeadError(Exception):
    """The daemon is dead, or as good as dead."""


class Daemon:
    """A `replayd serve`; what is wrong with its starts and ends goes to `findings`."""

    def __init__(self, folder: Path, findings: Findings) -> None:
        self.address = f"unix:{folder}/replayd.sock"
        self.data = folder / "data"
        self.recovery = 0.0
        """Seconds from the last start to the first answered call."""
        self._log = folder / "daemon.log"
        self._findings = findings
        self._process: subprocess.Popen[bytes] | None = None
        # One channel for all starts: it connects anew, as clients' do.
        self._channel, self.stub = open_stub(self.address)
        self.history = History(self._channel)

    def start(
        self, concurrency: int, options: Sequence[str] = (), environment: Mapping[str, str] = {}
    ) -> None:
        """Starts it and waits until it answers. With an environment (`CHAOS_...`) by the
        launcher, which reads that; otherwise by the command that users have.

        Raises DeadError when it ended first.
        """
        began = time.monotonic()
        program = [str(Path(sys.executable).parent / "replayd")]
        if environment:
            program = [sys.executable, "-m", "tools.chaos.launch"]
        command = [*program, "serve", "--data-dir", str(self.data), "--listen", self.address]
        command += ["--concurrency", str(concurrency), "--log-level", "warning"]
        # The target's certificate is its own.
        command += ["--drain-timeout", f"{DRAIN_SECONDS}s", "--insecure", *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**_clean_environment(), **environment},
            )
        self._wait_until_ready(self._process)
        self._ask()
        self.recovery = time.monotonic() - began

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it lives."""
        if self.lives:
            assert self._process is not None
            self._process.send_signal(number)

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill -9, unless it is dead already. Idempotent."""
        self.signal(signal.SIGKILL)
        self._wait(signal.SIGKILL)

    def wait_for_death(self, seconds: float) -> bool:
        """Waits until it has killed itself; False: it lives on."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._wait(signal.SIGKILL)
        return True

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def wait_for_end(self, code: int) -> None:
        """Waits until it ends by itself, with this exit code."""
        self._wait(-code)

    def terminate(self) -> None:
        """Has it drain and end, with exit code 0."""
        self.signal(signal.SIGTERM)
        self._wait(0)

    def close(self) -> None:
        """Ends it, and looks through its log."""
        if self._process is not None:
            self.kill()
        self._channel.close()
        if self._log.exists() and b"Traceback" in self._log.read_bytes():
            self._findings.add("daemon", f"a traceback is in {self._log}")

    def _wait(self, expected: int) -> None:
        """Waits for its end, which has to be this exit code, or minus this signal."""
        if self._process is None:
            return
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._findings.add("daemon", f"it did not end within {END_SECONDS:g} s")
            self._process.kill()
            code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        if code != -expected:
            self._findings.add("daemon", f"it ended with {code}; {self._last_words()}")

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline().decode() if ready else ""
        if not line.startswith(READY):
            raise DeadError(f"it did not start: {line!r} {self._last_words()}")

    def _ask(self) -> None:
        """Has one call answered."""
        try:
            self.stub.GetStatus(
                replay_pb2.GetStatusRequest(), timeout=START_SECONDS, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise DeadError(f"it does not answer: {error.details()}") from error

    def _last_words(self) -> str:
        return self._log.read_bytes()[-2000:].decode(errors="backslashreplace")


def _clean_environment() -> dict[str, str]:
    """Returns this environment without what steers replayd, chaos or proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REPLAYD_", "CHAOS_")) and not name.lower().endswith("_proxy")
    }
