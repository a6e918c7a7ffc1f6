"""The curves: what grows, and how each of their points is measured.

Each yields samples: all points in turn, then all again, so that a machine that drifts drifts
for all. Of what is asked for (`curves.arguments`) each reads how far it goes. The books of
every run are checked (SystemExit).
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from benchmarks.depth import replay_head
from benchmarks.figures import Rate
from benchmarks.long_log import Measured, growing_log
from benchmarks.replays import Run, replay
from benchmarks.targets import Target
from benchmarks.workloads import GET_32, SLOW, Workload, sized

_DEPTHS = tuple(10**power for power in range(3, 8))
_BODIES = (0, *(4**power for power in range(5, 17)))
_CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 1000)
_WATCHERS = (0, 1, 3, 10, 30, 100, 300, 1000, 2000)
_LOG_PARTS = (0, 0.1, 0.25, 0.5, 1)
"""Of the size that is asked for."""

_AT_HEAD = 1000
"""Flows that are replayed of each queue: the shortest one has no more."""
_WARM_UP = 500
_BODY_BYTES = 512 << 20
"""What all contents of a run may have, as long as there are two for each slot."""
_WATCHED = 10
"""So many watchers follow all flows, more of them fewer flows, but `_LEAST` at least."""
_LEAST = 1000
_READ_SECONDS = 10.0

_MICROSECONDS = 1_000_000
_MIB = 1 << 20


class Point(NamedTuple):
    """What was measured once."""

    cpu: float
    """The daemon's, µs a flow."""
    rate: float
    """Flows a second."""
    memory: float
    """The daemon's after it, of a queue's before it, in MiB."""


class Sample(NamedTuple):
    """A point with its place."""

    line: str
    x: float
    point: Point


class Curve(NamedTuple):
    """What grows, and how it is measured."""

    title: str
    axis: str
    unit: str
    """`bytes`, or empty for a number."""
    samples: Callable[[Target, argparse.Namespace], "Iterator[Sample | str]"]
    """Yields what was measured, and notes on it."""


_Step: TypeAlias = tuple[str, float, Callable[[], Point]]


def _in_turn(steps: Sequence[_Step], rounds: int) -> Iterator[Sample]:
    for _ in range(rounds):
        for line, x, measure in steps:
            yield Sample(line, x, measure())


def _up_to(most: float, sizes: Iterable[int]) -> list[int]:
    """Returns the sizes that are asked for, the smallest one always."""
    first, *others = sizes
    return [first, *(size for size in others if size <= most)]


def _point(rate: Rate, memory: int) -> Point:
    return Point(rate.cpu * _MICROSECONDS, rate.each_second, memory / _MIB)


def _replayed(target: Target, workload: Workload, count: int, watchers: int = 1) -> Point:
    run: Run = replay(target, workload, count, watchers, warm_up=min(count, _WARM_UP))
    return _point(run.rate, run.memory)


def _queue(target: Target, wanted: argparse.Namespace) -> Iterator[Sample]:
    def measure(depth: int) -> Point:
        measured, warm_up = min(wanted.flows, _AT_HEAD), min(wanted.flows, _WARM_UP)
        head = replay_head(target, depth, measured, warm_up)
        return _point(head.rate, head.memory)

    depths = _up_to(wanted.depth, _DEPTHS)
    yield from _in_turn(
        [("its first flows", depth, partial(measure, depth)) for depth in depths], wanted.rounds
    )


def _body(target: Target, wanted: argparse.Namespace) -> Iterator[Sample]:
    def workload(size: int, *, sent: bool) -> Workload:
        content = b"y" * size if sent else b""
        return Workload("", 4, sized(0 if sent else size), content)

    def steps(size: int) -> Iterator[_Step]:
        count = min(wanted.flows, _BODY_BYTES // max(size, 1))
        for line, sent in (("responses", False), ("requests", True)):
            yield line, size, partial(_replayed, target, workload(size, sent=sent), count)

    sizes = _up_to(wanted.body_mib * _MIB, _BODIES)
    yield from _in_turn([step for size in sizes for step in steps(size)], wanted.rounds)


def _concurrency(target: Target, wanted: argparse.Namespace) -> Iterator[Sample]:
    def steps(number: int) -> Iterator[_Step]:
        yield "answers at once", number, partial(
            _replayed, target, Workload("", number), wanted.flows
        )  # fmt: skip
        count = min(wanted.flows, 100 * number)
        yield "answers after 20 ms", number, partial(
            _replayed, target, Workload("", number, SLOW), count
        )  # fmt: skip

    numbers = _up_to(wanted.concurrency, _CONCURRENCIES)
    yield from _in_turn([step for number in numbers for step in steps(number)], wanted.rounds)


def _watchers(target: Target, wanted: argparse.Namespace) -> Iterator[Sample]:
    def measure(number: int) -> Point:
        count = wanted.flows * _WATCHED // max(number, _WATCHED)
        return _replayed(target, GET_32, max(count, min(_LEAST, wanted.flows)), number)

    numbers = _up_to(wanted.watchers, _WATCHERS)
    yield from _in_turn(
        [("32 at once", number, partial(measure, number)) for number in numbers], wanted.rounds
    )


def _log(target: Target, wanted: argparse.Namespace) -> Iterator[Sample | str]:
    size = int(wanted.log_gib * (1 << 30))
    sizes = sorted({int(size * part) for part in _LOG_PARTS})
    for each in growing_log(target, sizes, wanted.flows, wanted.rounds, _READ_SECONDS):
        if not isinstance(each, Measured):
            parts = ", ".join(f"{name} {part / _MIB:.1f}" for name, part in each.parts.items())
            yield f"the daemon {each.when}: {each.resident / _MIB:.1f} MiB ({parts})"
            continue
        # Rounds at one size make it a little larger; they are one point.
        x = max(size for size in sizes if size <= each.size)
        yield Sample("on this log", x, _point(each.filled.rate, each.filled.memory))
        yield Sample("on an empty one, right after", x, _point(each.empty.rate, each.empty.memory))


CURVES = {
    "queue": Curve("A longer queue", "flows queued", "", _queue),
    "body": Curve("Larger contents, 4 at once", "bytes of each content", "bytes", _body),
    "concurrency": Curve("More at once", "--concurrency", "", _concurrency),
    "watchers": Curve("More watchers, each sent every event", "watchers", "", _watchers),
    "log": Curve("A longer event log", "bytes of the data dir", "bytes", _log),
}
