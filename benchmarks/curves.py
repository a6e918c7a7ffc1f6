"""What a flow costs as things grow: `make curves`.

    python -m benchmarks.curves [--only CURVE ...] [--short] [--rounds N] [--flows N]
                                [--depth N] [--body-mib N] [--concurrency N] [--watchers N]
                                [--log-gib N] [FOLDER]

Each curve has its points, up to the size that is asked for; all points of a curve are
measured in turn, then once more, so that a machine that drifts drifts for all. The books of
every run are checked: it ends with 1 when they do not balance. Each curve's medians are
written to FOLDER as JSON, for `pictures`; progress goes to stderr. `--short` takes seconds:
it shows that it works, not what a flow costs.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from benchmarks.depth import replay_head
from benchmarks.figures import Rate, spread
from benchmarks.long_log import Measured, growing_log
from benchmarks.machine import CORES, OtherLoad, describe, fdatasync_seconds
from benchmarks.replays import Run, replay
from benchmarks.targets import Target, run_target
from benchmarks.workloads import GET_32, SLOW, Workload, sized

FOLDER = Path(__file__).parents[1] / "docs/images"
"""Where results and pictures are kept."""

_FULL = {"rounds": 3, "flows": 5000, "depth": 10**6, "body_mib": 64.0, "concurrency": 500}
_FULL |= {"watchers": 1000, "log_gib": 10.0}
_SHORT = {"rounds": 1, "flows": 50, "depth": 1000, "body_mib": 0.0, "concurrency": 1}
_SHORT |= {"watchers": 0, "log_gib": 0.0}

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
        head = replay_head(target, depth, min(wanted.flows, _AT_HEAD))
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


def document(
    curve: Curve, samples: Iterable[Sample | str], facts: dict[str, str]
) -> dict[str, Any]:
    """Returns what is kept of a curve: of each point median, least and most."""
    found: dict[str, dict[float, list[Point]]] = {}
    notes = []
    for sample in samples:
        if isinstance(sample, str):
            notes.append(sample)
        else:
            found.setdefault(sample.line, {}).setdefault(sample.x, []).append(sample.point)
    lines = {
        line: [
            {"x": x} | {name: spread(each)._asdict() for name, each in _columns(points).items()}
            for x, points in sorted(by_x.items())
        ]
        for line, by_x in found.items()
    }
    return {
        "title": curve.title,
        "axis": curve.axis,
        "unit": curve.unit,
        "facts": facts,
        "notes": notes,
        "lines": lines,
    }


def _columns(points: Sequence[Point]) -> dict[str, list[float]]:
    return {name: [getattr(each, name) for each in points] for name in Point._fields}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; the form fills in what it leaves open."""
    parser = argparse.ArgumentParser(description="Measures what a flow costs as things grow.")
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES))
    parser.add_argument("--short", action="store_true", help="one small point of each")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--flows", type=int, help="replayed for a point, where time allows")
    parser.add_argument("--depth", type=int, help="of the longest queue")
    parser.add_argument("--body-mib", type=float, help="of the largest content")
    parser.add_argument("--concurrency", type=int, help="the highest")
    parser.add_argument("--watchers", type=int, help="the most")
    parser.add_argument("--log-gib", type=float, help="of the longest event log")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    read = parser.parse_args(words)
    for name, number in (_SHORT if read.short else _FULL).items():
        if getattr(read, name) is None:
            setattr(read, name, number)
    return read


def measure(target: Target, wanted: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measures the curves that are asked for; yields each by its name."""
    facts = {
        "machine": describe(),
        "date": time.strftime("%Y-%m-%d"),
        "fdatasync": f"{fdatasync_seconds() * 1000:.2f} ms",
        "rounds": str(wanted.rounds),
    }
    for name in wanted.only:
        samples, others = [], OtherLoad()
        for sample in CURVES[name].samples(target, wanted):
            print(f"  {name}, {_said(sample)}", file=sys.stderr, flush=True)
            samples.append(sample)
        busy = f"{others.cores():.1f} of {len(CORES)} cores"
        yield name, document(CURVES[name], samples, facts | {"other load": busy})


def _said(sample: Sample | str) -> str:
    if isinstance(sample, str):
        return sample
    line, x, (cpu, rate, memory) = sample
    return f"{line}, {x:,}: {cpu:,.1f} µs of CPU, {rate:,.0f} flows/s, {memory:.0f} MiB"


def main() -> None:
    """Measures, and writes a file for each curve as it is done."""
    wanted = arguments()
    # Stopped from outside it stops what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_frame: sys.exit(128 + signal.SIGTERM))
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with run_target() as target:
        for name, kept in measure(target, wanted):
            file = wanted.folder / f"{name}.json"
            file.write_text(json.dumps(kept, indent=1) + "\n")
            print(file)


if __name__ == "__main__":
    main()
