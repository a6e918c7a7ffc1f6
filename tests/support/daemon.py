"""Starts `replayd serve` as its users do: the installed command, in a process of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import grpc
from flowreplay.v1 import replay_pb2, replay_pb2_grpc

from tests.support.forking import run_replayctl
from tests.support.processes import DEADLINE, Process
from tests.support.programs import find

READY = "listening on "
CHANNEL_OPTIONS = [("grpc.enable_http_proxy", 0)]


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """This environment without what steers replayd or proxies, with a home of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REPLAYD_", "XDG_")) and not name.lower().endswith("_proxy")
    }
    return {**kept, "HOME": str(home), **extra}


class Daemon:
    """A `replayd serve` with a data dir of its own, listening on a Unix socket.

    `options` are added to the command; `--listen` or `--data-dir` among them take the
    place of the defaults. Ready when built; a context manager that kills it at the end.
    """

    def __init__(self, *options: str, environment: dict[str, str] | None = None) -> None:
        # Not pytest's tmp_path: a Unix socket's path has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="replayd-"))
        self.options = list(options)
        if "--listen" not in options:
            self.options += ["--listen", f"unix:{self.folder}/replayd.sock"]
        if not {"--data-dir", "--ephemeral"} & set(options):
            self.options += ["--data-dir", str(self.folder / "data")]
        self.environment = clean_environment(self.folder, **(environment or {}))
        self._channels: list[grpc.Channel] = []
        self._processes: list[Process] = []
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Starts it, again after an end, and waits until it is ready."""
        command = [find("replayd"), "serve", *self.options]
        self._processes.append(Process(command, environment=self.environment))
        listeners = self.options.count("--listen")
        self.process.wait_for_output(
            lambda: len(self.addresses) >= listeners, f"{READY!r} on stdout"
        )

    @property
    def process(self) -> Process:
        """The process that was started last."""
        return self._processes[-1]

    @property
    def addresses(self) -> list[str]:
        """Every address it said it listens on."""
        lines = self.process.stdout
        return [line.removeprefix(READY) for line in lines if line.startswith(READY)]

    @property
    def address(self) -> str:
        """The first address it said it listens on."""
        return self.addresses[0]

    @property
    def token_file(self) -> Path:
        """What holds the token that it made for its first address, a TCP one."""
        return self.folder / ".local/state/replayd/tokens" / self.address

    @property
    def log(self) -> str:
        """Everything that its processes wrote to stderr."""
        return "\n".join(line for process in self._processes for line in process.stderr)

    def stub(self) -> replay_pb2_grpc.ReplayServiceStub:
        """A client made from the contract alone, on a channel of its own."""
        channel = grpc.insecure_channel(self.address, options=CHANNEL_OPTIONS)
        self._channels.append(channel)
        return replay_pb2_grpc.ReplayServiceStub(channel)

    def replayctl_process(self, *arguments: str) -> Process:
        """Starts `replayctl` against this daemon; the caller closes it."""
        environment = {**self.environment, "REPLAYD_ADDRESS": self.address}
        return Process([find("replayctl"), *arguments], environment=environment)

    def replayctl(
        self, *arguments: str, stdin: bytes = b"", exit_code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Runs `replayctl` against this daemon to its end and compares its exit code."""
        environment = {**self.environment, "REPLAYD_ADDRESS": self.address}
        try:
            done = run_replayctl(arguments, environment, stdin)
        except subprocess.TimeoutExpired as late:
            status = self.stub().GetStatus(replay_pb2.GetStatusRequest(), timeout=DEADLINE)
            raise AssertionError(f"{late}\n{late.stdout!r}\n{status}\n{self.log}") from None
        out, err = (text.decode(errors="backslashreplace") for text in (done.stdout, done.stderr))
        result = subprocess.CompletedProcess(done.args, done.returncode, out, err)
        assert result.returncode == exit_code, f"{result}\n{self.process.describe()}"
        return result

    def kill(self) -> None:
        """kill -9."""
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to drain and end; returns its exit code."""
        self.process.signal(number)
        return self.process.wait()

    def restart(self) -> None:
        """Starts it again with the same options and data."""
        assert not self.process.running
        self.start()

    def close(self) -> None:
        """Ends it and removes what it left."""
        for channel in self._channels:
            channel.close()
        for process in self._processes:
            process.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self.close()
        if kind is None:
            assert "Traceback" not in self.log, f"the daemon logged a traceback:\n{self.log}"
