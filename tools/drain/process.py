"""The daemon's process, and how it has to end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from flowreplay.v1 import replay_pb2

from tools.chaos.books import open_stub

DRAIN_SECONDS = 5.0
"""Far more than what runs needs: nothing may be in doubt."""

BESIDES_SECONDS = 2.0
"""What a stop may take besides the drain."""

PATIENCE = 60.0
"""Seconds after which something hangs."""

_LOOK_SECONDS = 0.001


class Daemon:
    """A `replayd serve` on one data dir, started again and again."""

    def __init__(self, folder: Path) -> None:
        self.slowest = 0.0
        """Seconds from a signal to the end, at most."""
        self._folder = folder
        self._address = f"unix:{folder}/replayd.sock"
        self._process: subprocess.Popen[bytes] | None = None
        # One channel for all starts: it connects anew, as clients' do.
        self.channel, self.stub = open_stub(self._address)

    def start(self, concurrency: int) -> None:
        """Starts it."""
        command = [str(Path(sys.executable).parent / "replayd"), "serve"]
        command += ["--data-dir", str(self._folder / "data"), "--listen", self._address]
        command += ["--concurrency", str(concurrency), "--log-level", "warning"]
        command += ["--drain-timeout", f"{DRAIN_SECONDS}s"]
        with (self._folder / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith("REPLAYD_")},
            )

    def wait_until_it_catches(self) -> None:
        """Returns once SIGTERM does not kill it any more: before that Python itself starts."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            (caught,) = (x for x in status.read_text().splitlines() if x.startswith("SigCgt:"))
            if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
                return
            time.sleep(_LOOK_SECONDS)
        raise RuntimeError(f"the daemon catches no signal: {self._last_words()}")

    def wait_until_ready(self) -> None:
        """Returns once it answers."""
        assert self._process is not None
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith(b"listening on "):
            raise RuntimeError(f"the daemon did not start: {self._last_words()}")
        status = replay_pb2.GetStatusRequest()
        self.stub.GetStatus(status, timeout=PATIENCE, wait_for_ready=True)

    def end(self, *signals: signal.Signals) -> list[str]:
        """Sends signals; returns what was wrong with the end."""
        assert self._process is not None
        began = time.monotonic()
        for number in signals:
            self._process.send_signal(number)
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        took = time.monotonic() - began
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.slowest = max(self.slowest, took)
        wrong = [f"it ended with {code}: {self._last_words()}"] if code else []
        if took > DRAIN_SECONDS + BESIDES_SECONDS:
            wrong.append(f"it took {took:.1f} s to end")
        return wrong

    def close(self) -> None:
        """Kills what is left. Idempotent."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.channel.close()

    def _last_words(self) -> str:
        return (self._folder / "daemon.log").read_bytes()[-1000:].decode(errors="replace")
