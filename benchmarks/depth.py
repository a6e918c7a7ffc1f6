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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.replay_pb2 import CountResponse
from flowreplay_client import Client, connect

from benchmarks.figures import Rate
from benchmarks.goals import (
    LONG_COST,
    LONG_ENQUEUE,
    LONG_HEAD,
    LONG_MEMORY,
    LONG_RESTART,
    SHORT_COST,
    SHORT_HEAD,
)
from benchmarks.machine import client_cores, cpu_seconds, server_cores
from benchmarks.memory import resident
from benchmarks.processes import Daemon, daemon_in
from benchmarks.replays import flows_of, options_of, replay_on
from benchmarks.targets import Target
from benchmarks.watcher import Seen, Watchers, watching
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

_MICROSECONDS = 1_000_000


class Head(NamedTuple):
    """What a queue cost that was replayed in part."""

    rate: Rate
    """Of the flows that were replayed; the CPU is the daemon's."""
    memory: int
    """Bytes that the daemon had in memory when the queue was full."""


def replay_head(target: Target, depth: int, measured: int, warm_up: int) -> Head:
    """Queues `depth` flows on a daemon of its own that has replayed `warm_up` others, replays
    at least `measured` of them and clears the rest. Raises SystemExit when the books do not
    balance.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        _filled(Path(name) / "queue", target, depth, warm_up) as (queue, following),
    ):
        memory = resident(queue.daemon.pid)
        rate = queue.replay(measured)
        queue.check()
        check_seen(queue.requests, following.finish()[0])
    return Head(rate, memory)


def deep_queue(target: Target, depth: int, measured: int) -> dict[str, float]:
    """Queues `depth` flows and replays about `measured` of them, in turns with a short queue;
    restarts; figures by name.
    """
    options = options_of(GET_32, target)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            _filled(folder / "short", target, _SPARE * measured) as (short, _),
            _filled(folder / "long", target, depth) as (long, _),
        ):
            memory = resident(long.daemon.pid)
            figures = _in_turns(short, long, measured)
            short.check()
            before = target.requests()
            long.client.resume()
        start, reached = time.perf_counter(), target.requests()
        with daemon_in(folder / "long", *options, cores=client_cores()) as daemon:
            _wait_for_more(target, reached)
            restart = time.perf_counter() - start
            with connect(daemon.address) as client:
                replace(long, daemon=daemon, client=client).check(since=before)
    figures |= {LONG_ENQUEUE: long.enqueued, LONG_MEMORY: memory / (1 << 20)}
    return figures | {LONG_RESTART: restart}


def _in_turns(short: "_Queue", long: "_Queue", measured: int) -> dict[str, float]:
    """Lets the two go on in turns; the median rates and costs of their turns."""
    queues = [(SHORT_HEAD, SHORT_COST, short), (LONG_HEAD, LONG_COST, long)]
    turns: dict[str, list[float]] = {}
    for turn in range(max(measured // _TURN, 1)):
        # Who comes first has the better of it, or the worse: each does as often.
        for head, cost, queue in queues[:: -1 if turn % 2 else 1]:
            rate = queue.replay(min(measured, _TURN))
            turns.setdefault(head, []).append(rate.each_second)
            turns.setdefault(cost, []).append(rate.cpu * _MICROSECONDS)
    return {name: statistics.median(values) for name, values in turns.items()}


@dataclass
class _Queue:
    """A queue of flows on a daemon, paused. One of them runs at a time."""

    daemon: Daemon
    client: Client
    batch_id: str
    target: Target
    depth: int
    enqueued: float
    """Flows a second that were taken in."""
    requests: int = 0
    """Those that came to the target while it was not paused."""

    def replay(self, measured: int) -> Rate:
        """Lets it go on until so many requests have come."""
        before = self.target.requests()
        start, spent = time.perf_counter(), cpu_seconds(self.daemon.pid)
        self.client.resume()
        while self.target.requests() - before < measured:
            time.sleep(_LOOK_SECONDS)
        self._settle()
        seconds = time.perf_counter() - start
        spent, arrived = cpu_seconds(self.daemon.pid) - spent, self.target.requests() - before
        self.requests += arrived
        return Rate(arrived / seconds, spent / arrived)

    def check(self, since: int | None = None) -> None:
        """Clears it; raises SystemExit when its books do not balance. `since`: the target's
        requests when it was let go on the last time, if nobody has counted since.
        """
        self._settle()
        self.client.clear()
        uncounted = 0 if since is None else self.target.requests() - since
        check_cleared(self.depth, self.client.count(self.batch_id), self.requests + uncounted)

    def _settle(self) -> None:
        """Pauses it, and waits until nothing of it runs."""
        self.client.pause()
        while self.client.count().running_count:
            time.sleep(_CLOSE_LOOK_SECONDS)


@contextmanager
def _filled(
    folder: Path, target: Target, depth: int, warm_up: int = 0
) -> Iterator[tuple[_Queue, Watchers]]:
    """Runs a daemon with a full queue in a folder of its own, watched; it has replayed
    `warm_up` flows before.
    """
    folder.mkdir()
    options = ["--paused", *options_of(GET_32, target)]
    with (
        daemon_in(folder, *options, cores=client_cores()) as daemon,
        connect(daemon.address) as client,
    ):
        if warm_up:
            replay_on(daemon, target, GET_32, warm_up)
        start = time.perf_counter()
        answer = client.enqueue(_flows(target, depth))
        rate = depth / (time.perf_counter() - start)
        if answer.accepted_count != depth:
            raise SystemExit(
                f"the books do not balance: {answer.accepted_count} of {depth} flows accepted"
            )
        with watching(daemon.address, answer.cursor, cores=server_cores()) as following:
            yield _Queue(daemon, client, answer.batch_id, target, depth, rate), following


def _flows(target: Target, depth: int) -> Iterator[Flow]:
    """Yields the same flows again and again, for building them takes longer than sending."""
    chunk = flows_of(GET_32, target.port_of(GET_32), min(_CHUNK, depth))
    for start in range(0, depth, _CHUNK):
        yield from chunk[: depth - start]


def _wait_for_more(target: Target, reached: int) -> None:
    end = time.monotonic() + _DEADLINE
    while target.requests() == reached:
        if time.monotonic() > end:
            raise SystemExit(f"the restarted daemon replayed nothing within {_DEADLINE:.0f} s")
        time.sleep(_CLOSE_LOOK_SECONDS)


def check_cleared(depth: int, counts: CountResponse, arrived: int) -> None:
    """Compares what was accepted, what came of it and what arrived, of a queue of which a
    part was replayed and the rest cleared; raises SystemExit with what differs.
    """
    if arrived != counts.succeeded_count or counts.succeeded_count + counts.cleared_count != depth:
        raise SystemExit(
            f"the books do not balance: {depth} accepted, {arrived} requests arrived, {counts}"
        )


def check_seen(arrived: int, seen: Seen) -> None:
    """Compares a watcher's books with what arrived; raises SystemExit when they differ."""
    if seen.missing or seen.outcomes != arrived:
        raise SystemExit(
            f"the books do not balance: {arrived} requests arrived, a watcher saw {seen}"
        )
