"""mitmproxy's client replay and its reading of a dump, where it is installed.

It reads the dump that replayd exports, so that both send the same bytes to the same
server. Each figure is the difference between many flows and one, so that the time that a
process takes to start is in none of them.
"""

import shutil
import time
from pathlib import Path
from typing import NamedTuple

from flowreplay_client import connect

from benchmarks.figures import Rate
from benchmarks.machine import client_cores, ended_cpu_seconds, on
from benchmarks.peers import PeerFailed, run
from benchmarks.processes import daemon_process
from benchmarks.replays import flows_of, options_of
from benchmarks.targets import Target
from benchmarks.workloads import Workload

_OWN = Path(".venv-servers/bin/mitmdump")


def mitmdump() -> str | None:
    """Where mitmdump is: the environment that `make servers` makes, else on the path."""
    return str(_OWN) if _OWN.exists() else shutil.which("mitmdump")


def dump(folder: Path, target: Target, workload: Workload, count: int) -> Path:
    """Returns a dump of so many flows of a workload; makes it by replaying and exporting.

    What `folder` has already is not made again.
    """
    path = folder / f"{workload.scheme}-{workload.answer}-{count}.mitm"
    if path.exists():
        return path
    flows = flows_of(workload, target.port_of(workload), count)
    options = options_of(workload, target)
    with daemon_process(*options) as daemon, connect(daemon.address) as client:
        batch = client.enqueue(flows)
        for _ in client.watch(start=batch.cursor, until_idle=True, kinds=["update"]):
            pass
        with path.open("wb") as file:
            file.writelines(client.export(batch.batch_id, format="mitmproxy"))
    return path


def replay_rate(program: str, folder: Path, target: Target, workload: Workload, count: int) -> Rate:
    """The rate of mitmproxy's client replay, on the client's core.

    Above concurrency 1 it has its setting without a limit (it knows only 1 and none), but
    not with TLS, where its handshakes then fail. Raises PeerFailed.
    """
    slots = 1 if workload.concurrency == 1 or workload.tls else -1
    options = ["--set", f"client_replay_concurrency={slots}"]
    options += ["--set", f"ssl_verify_upstream_trusted_ca={target.ca_file}", "--client-replay"]
    dumps = [dump(folder, target, workload, number) for number in (count, 1)]
    server = target.serving(workload)
    before = server.requests()
    with on(client_cores(same=workload.same_core)):
        many, one = (_spent(program, *options, str(path)) for path in dumps)
    if (arrived := server.requests() - before) != count + 1:
        raise PeerFailed(f"mitmproxy sent {arrived} requests of {count + 1}")
    return _net_rate(count, many, one)


def loading_rate(program: str, many: Path, count: int, one: Path) -> float:
    """Flows a second of mitmproxy's reading of a dump into its memory."""
    spent = (_spent(program, "--rfile", str(path)) for path in (many, one))
    return _net_rate(count, *spent).each_second


class _Spent(NamedTuple):
    """What a process took, in seconds."""

    time: float
    cpu: float


def _net_rate(count: int, many: _Spent, one: _Spent) -> Rate:
    if many.time <= one.time:
        raise PeerFailed(f"{count} flows took mitmproxy no longer than one: too few, or noise")
    return Rate((count - 1) / (many.time - one.time), (many.cpu - one.cpu) / (count - 1))


def _spent(program: str, *arguments: str) -> _Spent:
    start, cpu = time.perf_counter(), ended_cpu_seconds()
    run([program, "--quiet", "--no-server", *arguments])
    return _Spent(time.perf_counter() - start, ended_cpu_seconds() - cpu)
