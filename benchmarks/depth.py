"""A very long queue: what it takes of memory, and what it costs the replays at its head.

All flows are enqueued with the queue paused. Then the queue goes on, the daemon is
stopped amid its replays and started again: the clock of the restart runs from the process
to the next request at the target.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from flowreplay.v1.flow_pb2 import Flow
from flowreplay_client import Client, connect

from benchmarks.goals import LONG_HEAD, LONG_MEMORY, LONG_RESTART
from benchmarks.machine import client_cores, server_cores
from benchmarks.memory import resident
from benchmarks.processes import Daemon, daemon_in
from benchmarks.replays import flows_of, options_of
from benchmarks.targets import Target
from benchmarks.watcher import watching
from benchmarks.workloads import GET_32

_CHUNK = 5000
_DEADLINE = 60.0
_LOOK_SECONDS = 0.02
_CLOSE_LOOK_SECONDS = 0.002
"""Where a look is what ends the clock."""


def deep_queue(target: Target, depth: int, measured: int) -> dict[str, float]:
    """Queues `depth` flows and replays about `measured` of them; figures by name."""
    options = ["--paused", *options_of(GET_32, target)]
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), target.requests()
        with (
            daemon_in(folder, *options, cores=client_cores()) as daemon,
            connect(daemon.address) as client,
        ):
            figures = {
                "long queue: enqueue, flows/s": _enqueue(client, target, depth),
                LONG_MEMORY: resident(daemon.pid) / (1 << 20),
                LONG_HEAD: _replay_head(daemon, client, target, measured),
            }
        start, reached = time.perf_counter(), target.requests()
        with daemon_in(folder, *options[1:], cores=client_cores()) as daemon:
            _wait_for_more(target, reached)
            figures[LONG_RESTART] = time.perf_counter() - start
            with connect(daemon.address) as client:
                _check(client, target, depth, before)
    return figures


def _enqueue(client: Client, target: Target, depth: int) -> float:
    start = time.perf_counter()
    accepted = client.enqueue(_flows(target, depth)).accepted_count
    if accepted != depth:
        raise SystemExit(f"the books do not balance: {accepted} of {depth} flows accepted")
    return depth / (time.perf_counter() - start)


def _flows(target: Target, depth: int) -> Iterator[Flow]:
    """Yields the same flows again and again, for building them takes longer than sending."""
    chunk = flows_of(GET_32, target.port_of(GET_32), _CHUNK)
    for start in range(0, depth, _CHUNK):
        yield from chunk[: depth - start]


def _replay_head(daemon: Daemon, client: Client, target: Target, measured: int) -> float:
    """Lets the queue go on, watched, until so many requests have come; flows a second."""
    with watching(daemon.address, client.count().cursor, cores=server_cores()):
        before, start = target.requests(), time.perf_counter()
        client.resume()
        while (arrived := target.requests() - before) < measured:
            time.sleep(_LOOK_SECONDS)
        return arrived / (time.perf_counter() - start)


def _wait_for_more(target: Target, reached: int) -> None:
    end = time.monotonic() + _DEADLINE
    while target.requests() == reached:
        if time.monotonic() > end:
            raise SystemExit(f"the restarted daemon replayed nothing within {_DEADLINE:.0f} s")
        time.sleep(_CLOSE_LOOK_SECONDS)


def _check(client: Client, target: Target, depth: int, before: int) -> None:
    """Stops the queue and compares what was accepted, what came of it and what arrived."""
    client.pause()
    while client.count().running_count:
        time.sleep(_LOOK_SECONDS)
    client.clear()
    counts, arrived = client.count(), target.requests() - before
    if arrived != counts.succeeded_count or counts.succeeded_count + counts.cleared_count != depth:
        raise SystemExit(
            f"the books do not balance: {depth} accepted, {arrived} requests arrived, {counts}"
        )
