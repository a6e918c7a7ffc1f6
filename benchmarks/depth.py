"""A very long queue: what it takes of memory, and what it costs the replays at its head.

All flows are enqueued with the queue paused. Beside that daemon runs another one with a
short queue; the two replay in turns, one always paused, so that both find the same disk,
which a million rows keep busy for a while, and the same machine. Then the daemon is stopped
amid its replays and started again: the clock of the restart runs from the process to the
next request at the target.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from flowreplay.v1.flow_pb2 import Flow
from flowreplay_client import Client, connect

from benchmarks.goals import LONG_HEAD, LONG_MEMORY, LONG_RESTART, SHORT_HEAD
from benchmarks.machine import client_cores, server_cores
from benchmarks.memory import resident
from benchmarks.processes import Daemon, daemon_in
from benchmarks.replays import flows_of, options_of
from benchmarks.targets import Target
from benchmarks.watcher import Watchers, watching
from benchmarks.workloads import GET_32

_CHUNK = 5000
_DEADLINE = 60.0
_TURN = 1250
"""Flows that one of the two replays until it is the other one's turn."""
_SPARE = 2
"""The short queue is so many times as long as what is replayed of it: it never runs dry."""
_LOOK_SECONDS = 0.02
_CLOSE_LOOK_SECONDS = 0.002
"""Where a look is what ends the clock."""


class _Queue(NamedTuple):
    """A daemon, its queue paused."""

    daemon: Daemon
    client: Client


def deep_queue(target: Target, depth: int, measured: int) -> dict[str, float]:
    """Queues `depth` flows and replays about `measured` of them; figures by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "long"
        with _paused(Path(name) / "short", target) as short, _paused(folder, target) as long:
            _enqueue(short.client, target, _SPARE * measured)
            before = target.requests()
            figures = {
                "long queue: enqueue, flows/s": _enqueue(long.client, target, depth),
                LONG_MEMORY: resident(long.daemon.pid) / (1 << 20),
            }
            figures |= _replay_heads(short, long, target, measured)
            before += short.client.count().succeeded_count
            long.client.resume()
        start, reached = time.perf_counter(), target.requests()
        with daemon_in(folder, *options_of(GET_32, target), cores=client_cores()) as daemon:
            _wait_for_more(target, reached)
            figures[LONG_RESTART] = time.perf_counter() - start
            with connect(daemon.address) as client:
                _check(client, target, depth, before)
    return figures


@contextmanager
def _paused(folder: Path, target: Target) -> Iterator[_Queue]:
    folder.mkdir()
    options = ["--paused", *options_of(GET_32, target)]
    with (
        daemon_in(folder, *options, cores=client_cores()) as daemon,
        connect(daemon.address) as client,
    ):
        yield _Queue(daemon, client)


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


def _replay_heads(short: _Queue, long: _Queue, target: Target, measured: int) -> dict[str, float]:
    """Lets the two go on in turns, each watched; the median rates of their turns."""
    rates: dict[str, list[float]] = {SHORT_HEAD: [], LONG_HEAD: []}
    with _watching(short), _watching(long):
        for turn in range(max(measured // _TURN, 1)):
            # Who comes first has the better of it, or the worse: each does as often.
            queues = [(SHORT_HEAD, short), (LONG_HEAD, long)]
            for name, queue in queues[:: -1 if turn % 2 else 1]:
                rates[name].append(_replay_turn(queue.client, target, min(measured, _TURN)))
    return {name: statistics.median(of_turns) for name, of_turns in rates.items()}


def _watching(queue: _Queue) -> AbstractContextManager[Watchers]:
    cursor = queue.client.count().cursor
    return watching(queue.daemon.address, cursor, cores=server_cores())


def _replay_turn(client: Client, target: Target, flows: int) -> float:
    """Lets a queue go on until so many requests have come; flows a second."""
    before, start = target.requests(), time.perf_counter()
    client.resume()
    while (arrived := target.requests() - before) < flows:
        time.sleep(_LOOK_SECONDS)
    rate = arrived / (time.perf_counter() - start)
    _pause(client)
    return rate


def _pause(client: Client) -> None:
    """Pauses a queue and waits until nothing of it runs."""
    client.pause()
    while client.count().running_count:
        time.sleep(_LOOK_SECONDS)


def _wait_for_more(target: Target, reached: int) -> None:
    end = time.monotonic() + _DEADLINE
    while target.requests() == reached:
        if time.monotonic() > end:
            raise SystemExit(f"the restarted daemon replayed nothing within {_DEADLINE:.0f} s")
        time.sleep(_CLOSE_LOOK_SECONDS)


def _check(client: Client, target: Target, depth: int, before: int) -> None:
    """Stops the queue and compares what was accepted, what came of it and what arrived."""
    _pause(client)
    client.clear()
    counts, arrived = client.count(), target.requests() - before
    if arrived != counts.succeeded_count or counts.succeeded_count + counts.cleared_count != depth:
        raise SystemExit(
            f"the books do not balance: {depth} accepted, {arrived} requests arrived, {counts}"
        )
