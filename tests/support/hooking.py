"""Hooks in tests: Python's in this process, or of programs of their own."""

from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.processes import Process
from tests.support.programs import ROOT, find, node_modules


def start_node_hook(daemon: Daemon) -> Process:
    """Starts the example in Node; returns once it is registered. The caller closes it."""
    process = Process(
        [find("node"), ROOT / "examples/node/hook.js", daemon.address],
        environment={**daemon.environment, "NODE_PATH": str(node_modules("@grpc/grpc-js"))},
    )
    process.wait_for_output(lambda: "registered" in process.stdout, "registered")
    return process


def start_script(daemon: Daemon, script: Path, *options: str) -> Process:
    """Starts `replayctl hook`; returns once it is registered. The caller closes it."""
    process = daemon.replayctl_process("hook", str(script), *options)
    process.wait_for_output(lambda: bool(process.stdout), "is asked at")
    return process
