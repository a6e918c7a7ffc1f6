"""What the daemon and its command cost at rest: whole processes, and idle memory.

Nothing is pinned here: a process that starts may use what there is.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowreplay_client import connect

from benchmarks.goals import COUNT_COMMAND, FIRST_CALL, IDLE_MEMORY
from benchmarks.memory import resident
from benchmarks.processes import BIN, daemon_in


def process_costs() -> dict[str, float]:
    """Seconds of an empty process, of a start to the first answered call, of a command; and
    the idle daemon's memory in MiB.
    """
    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        with daemon_in(Path(name)) as daemon, connect(daemon.address) as client:
            client.count()
            ready = time.perf_counter() - start
            command = [str(BIN / "replayctl"), "--address", daemon.address, "count"]
            return {
                "empty Python process, s": _seconds([sys.executable, "-c", "pass"]),
                FIRST_CALL: ready,
                COUNT_COMMAND: _seconds(command),
                IDLE_MEMORY: resident(daemon.pid) / (1 << 20),
            }


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
