"""GoReplay, where its binary is on the path as `gor` or `goreplay`.

It neither ends with its file nor reports a flow, so the clock is the target's count of
requests. Its file has timestamps a nanosecond apart: it sends as fast as it can. Written
after the documentation of versions 1.2 and 1.3.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.machine import client_cores
from benchmarks.peers import TIME_LIMIT, PeerFailed
from benchmarks.processes import running
from benchmarks.targets import Target
from benchmarks.workloads import Workload
from replayd.formats.goreplay.records import SEPARATOR

_LOOK_SECONDS = 0.01


def goreplay() -> str | None:
    """Where GoReplay is."""
    return shutil.which("gor") or shutil.which("goreplay")


def record(workload: Workload, port: int, index: int) -> bytes:
    """Returns a request as GoReplay's file has it."""
    return b"1 %024x %d 0\n%b%b" % (index, index, workload.request(port, index), SEPARATOR)


def replay_rate(
    program: str, target: Target, workload: Workload, usual: int, workers: int = 0
) -> float:
    """Flows a second; `workers` 0 leaves their number to GoReplay. Raises PeerFailed."""
    count, port = workload.count(usual), target.port_of(workload)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "flows.gor")
        path.write_bytes(b"".join(record(workload, port, index) for index in range(count)))
        command = [program, "--input-file", str(path)]
        command += ["--output-http", f"{workload.scheme}://127.0.0.1:{port}"]
        if workers:
            command += [f"--output-http-workers-min={workers}", f"--output-http-workers={workers}"]
        return count / _seconds(command, target.serving(workload), workload, count)


def _seconds(command: list[str], server: Target, workload: Workload, count: int) -> float:
    end = server.requests() + count
    cores, nowhere = client_cores(same=workload.same_core), subprocess.DEVNULL
    with running(command, cores, stdout=nowhere, stderr=nowhere) as process:
        start = time.perf_counter()
        while (missing := end - server.requests()) > 0:
            if process.poll() is not None or time.perf_counter() - start > TIME_LIMIT:
                raise PeerFailed(f"GoReplay left out {missing} of {count} requests")
            time.sleep(_LOOK_SECONDS)
        return time.perf_counter() - start
