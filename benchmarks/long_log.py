"""An event log that grows: what its length costs the replays, and of memory.

One daemon, whose log is filled by replays of answers of 16 KiB, which it keeps and shows in
full. At each size the usual workload is replayed on it and, right after, on a daemon with
an empty log. In the end the daemon is started again on the whole log: its memory is looked
at when it is open, after replays, and after a watcher has read from the start for a while.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from flowreplay_client import connect

from benchmarks.goals import EMPTY_LOG_COST, FULL_LOG_COST, LOG_MEMORY
from benchmarks.machine import client_cores
from benchmarks.memory import mapped, resident
from benchmarks.processes import Daemon, daemon_in
from benchmarks.replays import Run, options_of, replay, replay_on
from benchmarks.targets import Target
from benchmarks.workloads import GET_32, Workload, sized

FILLING = Workload("16 KiB answers that fill the log", 32, sized(16 << 10))

_FILL_FLOWS = 20_000
_WARM_UP = 500
"""Flows that are replayed on each daemon before and do not count."""
_READ_SECONDS = 10.0
_MICROSECONDS = 1_000_000
_ROOM = 1.5
"""Times the log's size that must be free on the disk: a fill may overshoot, others write."""


class Measured(NamedTuple):
    """Replays at one size of the log."""

    size: int
    """Bytes of the data dir before them."""
    filled: Run
    empty: Run
    """The same on a daemon with an empty log, right after."""


class Memory(NamedTuple):
    """The daemon's memory at a moment, in bytes."""

    when: str
    resident: int
    parts: dict[str, int]
    """What it is made of."""


def growing_log(
    target: Target, sizes: Sequence[int], count: int, rounds: int, read_seconds: float
) -> Iterator[Measured | Memory]:
    """Measures at each size, the smallest first, `rounds` times; then the memory.

    Raises SystemExit when the disk has no room for it, or the books do not balance.
    """
    options = ["--paused", "--retention-size=0", *options_of(GET_32, target)]
    warm_up = min(count, _WARM_UP)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _check_room(folder, max(sizes))
        with daemon_in(folder, *options, cores=client_cores()) as daemon:
            replay_on(daemon, target, GET_32, warm_up)
            for size in sorted(sizes):
                _fill(daemon, target, size)
                for _ in range(rounds):
                    before = _size(daemon)
                    filled = replay_on(daemon, target, GET_32, count)
                    empty = replay(target, GET_32, count, warm_up=warm_up)
                    yield Measured(before, filled, empty)
        start = time.perf_counter()
        with daemon_in(folder, *options, cores=client_cores()) as daemon:
            opened = time.perf_counter() - start
            yield _memory(f"opened, in {opened:.2f} s", daemon)
            replay_on(daemon, target, GET_32, count)
            yield _memory(f"after {count:,} replays", daemon)
            events = _read_from_start(daemon, read_seconds)
            yield _memory(f"after a watcher read {events:,} events from the start", daemon)


def log_costs(target: Target, size: int, count: int, rounds: int) -> dict[str, float]:
    """Fills a log to this size; the medians of what a flow costs with and without it."""
    found = list(growing_log(target, [size], count, rounds, _READ_SECONDS))
    runs = [each for each in found if isinstance(each, Measured)]
    cpu = {
        FULL_LOG_COST: [each.filled.rate.cpu for each in runs],
        EMPTY_LOG_COST: [each.empty.rate.cpu for each in runs],
    }
    memory = max(each.resident for each in found if isinstance(each, Memory))
    figures = {name: median(values) * _MICROSECONDS for name, values in cpu.items()}
    return figures | {LOG_MEMORY: memory / (1 << 20)}


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size * _ROOM:
        raise SystemExit(
            f"{folder} has {free >> 30} GiB free, a log of {size >> 30} GiB needs "
            f"{_ROOM} times its size; set TMPDIR to a larger disk, or ask for a shorter log"
        )


def _fill(daemon: Daemon, target: Target, size: int) -> None:
    """Replays until the data dir is this large."""
    flow = 2 * (16 << 10)
    while (missing := size - _size(daemon)) > 0:
        replay_on(daemon, target, FILLING, min(_FILL_FLOWS, missing // flow + 1))


def _size(daemon: Daemon) -> int:
    return sum(path.stat().st_size for path in daemon.data.rglob("*") if path.is_file())


def _memory(when: str, daemon: Daemon) -> Memory:
    return Memory(when, resident(daemon.pid), mapped(daemon.pid))


def _read_from_start(daemon: Daemon, seconds: float) -> int:
    """Watches from the start of the log for so long; returns how many events came."""
    end, events = time.monotonic() + seconds, 0
    with connect(daemon.address) as client:
        following = client.watch(start="start", until_idle=True)
        with following:
            for _ in following:
                events += 1
                if time.monotonic() > end:
                    break
    return events
