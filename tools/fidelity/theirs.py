"""Replays captures with mitmproxy's client replay, against a recorder of the same kind.

One mitmdump for all captures, with `addon` in it; started anew when it ended over one.
"""

import json
import os
import select
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.certificates import Authority
from tests.support.daemon import clean_environment
from tests.support.programs import ROOT
from tests.support.recorder import Recorded, Recorder
from tools.fidelity.arrivals import arrivals, next_connection

PATIENCE = 1.0
"""Seconds without a byte after which a request counts as sent: mitmproxy repairs no
framing, so that some never end.
"""
DEADLINE = 60.0
"""Seconds that a capture may take."""


@dataclass
class Sent:
    """What mitmproxy sent of one flow."""

    refused: str
    """Why it takes no part; empty: it does."""
    error: str
    arrived: list[Recorded] = field(default_factory=list)
    """More than one where its bytes are not one request; empty: nothing was sent."""

    @property
    def raw(self) -> bytes:
        """Every byte that it sent."""
        return b"".join(request.raw for request in self.arrived)


@dataclass
class Run:
    """A capture that was replayed."""

    error: str
    """Why it was not replayed, or not to its end; empty: it was."""
    flows: list[Sent]


def find_mitmdump() -> Path | None:
    """Where mitmdump is: in the environment of `make servers`, else on PATH."""
    places = [str(ROOT / ".venv-servers" / "bin"), os.environ.get("PATH", "")]
    found = shutil.which("mitmdump", path=os.pathsep.join(places))
    return None if found is None else Path(found)


class Mitmproxy:
    """A mitmdump and its recorders; a context manager."""

    def __init__(self, mitmdump: Path, authority: Authority) -> None:
        self._stack = ExitStack()
        self._mitmdump = mitmdump
        start = self._stack.enter_context
        self._plain = start(Recorder(patience=PATIENCE))
        context = authority.server_context("any.test")
        self._secure = start(Recorder(tls=context, patience=PATIENCE))
        self._home = Path(start(tempfile.TemporaryDirectory(prefix="fidelity-")))
        self._stack.callback(self._end)
        self._process: subprocess.Popen[str] | None = None

    @property
    def version(self) -> str:
        """Such as `mitmproxy 12.2.3`."""
        done = subprocess.run(
            [self._mitmdump, "--version"],
            env=clean_environment(self._home),
            capture_output=True,
            text=True,
            check=True,
        )
        return " ".join(done.stdout.splitlines()[0].lower().replace(":", "").split())

    def replay(self, capture: Path) -> Run:
        """Replays a capture as far as it goes."""
        for recorder in (self._plain, self._secure):
            recorder.requests.clear()
        answer = self._ask(capture)
        if answer["ended"]:
            self._end()
        for recorder in (self._plain, self._secure):
            recorder.wait_until_closed()
        waiting = arrivals([self._plain, self._secure])
        flows = [
            # Each replay has a connection of its own.
            Sent(flow["refused"], flow["error"], next_connection(waiting, *flow["ports"]))
            for flow in answer["flows"]
        ]
        return Run(answer["error"], flows)

    def _ask(self, capture: Path) -> Any:
        process = self._process if self._process is not None else self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{capture.resolve()}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
        line = process.stdout.readline() if ready else ""
        if not line:
            how = "ended" if ready else f"said nothing for {DEADLINE:.0f} s"
            return {"error": f"mitmdump {how}", "flows": [], "ended": True}
        return json.loads(line)

    def _start(self) -> subprocess.Popen[str]:
        options = {
            "confdir": self._home,
            "plain_port": self._plain.port,
            "secure_port": self._secure.port,
            "ssl_insecure": "true",
        }
        command: list[str | Path] = [self._mitmdump, "--no-server", "--quiet"]
        command += ["--scripts", Path(__file__).with_name("addon.py")]
        for name, value in options.items():
            command += ["--set", f"{name}={value}"]
        self._process = subprocess.Popen(
            command,
            env=clean_environment(self._home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)
