"""`make demo`: a real capture, replayed against a sample server, from start to end.

Starts a server and a daemon in a temporary folder, then types what a user would type.
Ends with 0 when every step did; nothing is left behind.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CAPTURE = Path("tests/data/captures/rec-basic.mitm")
READY = "listening on "
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def say(text: str) -> None:
    """Explains the next step."""
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def show(command: list[str]) -> None:
    """Shows a command as it would be typed."""
    print(f"{DIM}$ {shlex.join(command)}{PLAIN}", flush=True)


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    """Runs a server, gives the address that it listens on, and ends it."""
    with subprocess.Popen(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(READY):
                raise SystemExit(f"{command[0]} did not start; its messages are above")
            print(line, end="", flush=True)
            yield line.removeprefix(READY).strip()
        finally:
            process.terminate()


def run(command: list[str], environment: dict[str, str]) -> None:
    """Runs a command to its end; ends the demo when it fails."""
    show(command)
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} {command[1]} ended with exit code {done.returncode}")


def main() -> int:
    """Runs the demo; returns the exit code."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="replayd-demo-"))
        environment = {**os.environ, "REPLAYD_ADDRESS": f"unix:{folder}/replayd.sock"}

        say("1. A sample server, to have something to replay against.")
        sample = ["python", "tools/sample_server.py", "0"]
        show(sample)
        server = stack.enter_context(running(sample, environment))

        say("2. The daemon: one durable queue, one replay thread.")
        serve = ["replayd", "serve", "--data-dir", f"{folder}/data"]
        serve += ["--listen", f"unix:{folder}/replayd.sock", "--log-level", "warning"]
        show(serve)
        stack.enter_context(running(serve, environment))

        say("3. A capture that mitmproxy 12 recorded. Only the dialled address changes:")
        connect_to = f"http://={server}"
        run(
            ["replayctl", "enqueue", str(CAPTURE), "--connect-to", connect_to, "--wait"],
            environment,
        )

        say("4. Every event is in the log: anyone can read it, now or later, from any cursor.")
        run(["replayctl", "watch", "--from", "start", "--until-idle"], environment)

        say("5. The queue: what waits or runs, and what the daemon says of itself.")
        run(["replayctl", "count"], environment)
        run(["replayctl", "status"], environment)

        say("That was it. The daemon drains and stops.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
