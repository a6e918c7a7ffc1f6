"""`make watchers`: a crowd of watchers, some of which never read, at a daemon of their own.

    python -m tools.watchers [--watchers N] [--silent N] [--rate N] [--seconds N] [--burst N]
                             [--memory MIB] [--enqueue-ms MS]

`--silent` of the watchers never read. While they watch, one client enqueues a flow at a
time, so that `--rate` events a second go to each; then `--burst` flows are replayed at once.
Tells the daemon's memory at each step, how long Enqueue took meanwhile, and whether every
watcher got every event. Ends with 1 when one did not, or a limit was missed.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from flowreplay_client import Client, connect, request_flow

from benchmarks.figures import percentile
from benchmarks.machine import cpu_seconds
from benchmarks.memory import resident
from benchmarks.processes import Daemon, daemon_process, running
from benchmarks.targets import Target, run_target
from tools.watchers.crowd import Seen

MAX_MEMORY = 150
"""MiB that the daemon may have in memory at any time, with 1,000 watchers."""
MAX_ENQUEUE_MS = 250.0
"""What 99 of 100 Enqueues may take at most."""

_EVENTS_A_FLOW = 3
"""Of a batch of one: queued, request, response."""
_LOOK_SECONDS = 0.05
_MIB = 1 << 20


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="watchers", description="A crowd of watchers.")
    add = parser.add_argument
    add("--watchers", type=int, default=1000, help="at once, each on a connection of its own")
    add("--silent", type=int, default=100, help="so many of them never read")
    add("--rate", type=float, default=20.0, help="events a second")
    add("--seconds", type=float, default=30.0, help="how long at that rate")
    add("--burst", type=int, default=1000, help="flows that are replayed at once in the end")
    add("--memory", type=int, default=MAX_MEMORY, help="MiB that the daemon may have")
    add("--enqueue-ms", type=float, default=MAX_ENQUEUE_MS, help="what an Enqueue may take")
    return parser.parse_args(given)


class Peak(threading.Thread):
    """Follows the most memory that a process has had since this was last asked."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Looks until `end`."""
        while not self._ended.wait(_LOOK_SECONDS):
            self._peak = max(self._peak, resident(self._pid))

    def ask(self) -> float:
        """Returns the peak in MiB and begins anew."""
        peak, self._peak = max(self._peak, resident(self._pid)), 0
        return peak / _MIB

    def end(self) -> None:
        """Stops looking."""
        self._ended.set()
        self.join()


class Measured(NamedTuple):
    """What a crowd cost."""

    idle: float
    """MiB before the watchers came."""
    connected: float
    steady: float
    """MiB at most while events came at the rate."""
    burst: float
    alone: list[float]
    """Seconds that each Enqueue took without any watcher."""
    enqueues: list[float]
    """Seconds that each took while all watched."""
    cpu: float
    """The daemon's seconds for each second at the rate."""
    burst_seconds: float
    """Until each watcher had every event of the burst."""
    events: int
    """Events that each that reads had to get."""
    seen: Seen


def measure(daemon: Daemon, target: Target, options: argparse.Namespace) -> Measured:
    """Has a crowd watch a daemon at work."""
    peak = Peak(daemon.pid)
    with connect(daemon.address) as client:
        _replay(client, target, 1)
        peak.start()
        alone = _steady(client, target, options)
        _drained(client)
        idle, first = peak.ask(), client.status()
        with _crowd(daemon, options, first.cursor) as crowd:
            connected, before = peak.ask(), cpu_seconds(daemon.pid)
            enqueues = _steady(client, target, options)
            cpu = (cpu_seconds(daemon.pid) - before) / options.seconds
            steady, start = peak.ask(), time.monotonic()
            if options.burst:
                _replay(client, target, options.burst)
            latest = _drained(client)
            seen = Seen(*json.loads(crowd.communicate(f"{latest}\n")[0]))
            seconds = time.monotonic() - start
        peak.end()
        burst = peak.ask()
    events = latest - first.latest_sequence
    return Measured(idle, connected, steady, burst, alone, enqueues, cpu, seconds, events, seen)


def _replay(client: Client, target: Target, count: int) -> str:
    """Replays so many flows; returns the cursor after them."""
    flows = [
        request_flow(
            "GET", f"http://127.0.0.1:{target.port}/small/{number}", session_id=f"{number % 64}"
        )
        for number in range(count)
    ]
    batch = client.enqueue(flows)
    for _ in client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True):
        pass
    return client.count().cursor


def _drained(client: Client) -> int:
    """Waits until nothing is left to replay; returns the number of the latest event."""
    while (counts := client.count()).queued_count or counts.running_count:
        time.sleep(_LOOK_SECONDS)
    return client.status().latest_sequence


def _steady(client: Client, target: Target, options: argparse.Namespace) -> list[float]:
    """Enqueues at the rate; returns how long each took."""
    took: list[float] = []
    start = due = time.monotonic()
    while due < start + options.seconds:
        time.sleep(max(due - time.monotonic(), 0))
        due += _EVENTS_A_FLOW / options.rate
        flow = request_flow("GET", f"http://127.0.0.1:{target.port}/small/{len(took)}")
        before = time.perf_counter()
        client.enqueue([flow])
        took.append(time.perf_counter() - before)
    return took


@contextmanager
def _crowd(
    daemon: Daemon, options: argparse.Namespace, cursor: str
) -> Iterator["subprocess.Popen[str]"]:
    """Starts the watchers; when it yields, the daemon watches for all."""
    reading = options.watchers - options.silent
    command = [sys.executable, "-m", "tools.watchers.crowd", daemon.address]
    command += [str(reading), str(options.silent), cursor]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit("the watchers ended with an error; it is above")
        yield process


def judge(measured: Measured, options: argparse.Namespace) -> list[str]:
    """Returns what is not as it has to be."""
    findings = []
    seen, reading = measured.seen, options.watchers - options.silent
    if seen.wrong or seen.deliveries != reading * measured.events:
        findings.append(
            f"{seen.deliveries} deliveries of {reading * measured.events}, {seen.wrong} wrong"
        )
    most = max(measured.connected, measured.steady, measured.burst)
    if most > options.memory:
        findings.append(f"{most:.0f} MiB in memory; {options.memory} are allowed")
    slow = percentile(measured.enqueues, 99) * 1e3
    if slow > options.enqueue_ms:
        findings.append(f"Enqueue took {slow:.0f} ms; {options.enqueue_ms:g} are allowed")
    return findings


def main(given: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = arguments(given)
    with run_target() as target, daemon_process("--concurrency=32") as daemon:
        measured = measure(daemon, target.bundled or target, options)
    seen = measured.seen
    print(f"{options.watchers} watchers, {options.silent} of them never read")
    print(
        f"memory: {measured.idle:.0f} MiB idle, {measured.connected:.0f} connected, "
        f"{measured.steady:.0f} at {options.rate:g} events/s, {measured.burst:.0f} in the burst"
    )
    for who, took in (("nobody", measured.alone), ("all", measured.enqueues)):
        print(
            f"Enqueue while {who} watched: p50 {percentile(took, 50) * 1e3:.0f} ms, "
            f"p99 {percentile(took, 99) * 1e3:.0f} ms, of {len(took)}"
        )
    print(f"the daemon's CPU at {options.rate:g} events/s: {measured.cpu:.2f} of a core")
    print(
        f"deliveries: {seen.deliveries} in {seen.messages} messages, {seen.wrong} wrong; "
        f"age p50 {seen.p50 * 1e3:.0f} ms, p99 {seen.p99 * 1e3:.0f} ms; "
        f"the burst of {options.burst} flows took {measured.burst_seconds:.1f} s"
    )
    findings = judge(measured, options)
    for finding in findings:
        print(f"FOUND: {finding}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
