"""Where a flow's microseconds go: the replay thread's CPU, whole and by function.

    python -m benchmarks.profile [--count N] [--concurrency N] [--method GET|POST] [--tls]
                                 [--large] [--rounds N] [--top N] [--profile FILE]
                                 [--bytecodes]

First runs without a profiler, for the thread's CPU a flow. Then one with cProfile. That
counts time that passes, not CPU, so what waits for the disk, a message or the interpreter's
lock has its wait with it; and it makes everything slower, most of all what makes many small
calls. Its tables say where to look, the first figure says whether it helped. FILE gets the
profile, for pstats or snakeviz. With --bytecodes only bytecodes and calls are counted
(`benchmarks.bytecodes`), which come out the same on a busy machine. From Python 3.12 on a
profiler sees every thread, so the watcher is in it too.
"""

import argparse
import cProfile
import pstats
import statistics
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

from benchmarks.bytecodes import counting
from benchmarks.inside import THREAD, Spent, replay_inside
from benchmarks.machine import describe
from benchmarks.targets import Target, run_target
from benchmarks.workloads import LARGE, SMALL, Workload

_MICROSECONDS = 1_000_000
_ROOT = f"{Path(__file__).parents[1]}/"

_Code: TypeAlias = tuple[str, int, str]
"""pstats' key of a function: file, line, name; `~` and 0 for what is written in C."""
_Entries: TypeAlias = dict[_Code, tuple[int, int, float, float, dict[_Code, tuple[Any, ...]]]]
"""pstats' table: primitive calls, calls, own seconds, seconds with callees, the same by
caller."""


class Line(NamedTuple):
    """A function in a profile; times are microseconds a flow, as the profiler counts."""

    name: str
    calls: float
    """A flow."""
    own: float
    with_callees: float


def functions(entries: _Entries, count: int) -> list[Line]:
    """Returns all functions, those that took most themselves first."""
    lines = [
        Line(_name(code), calls / count, _each(own, count), _each(whole, count))
        for code, (_primitive, calls, own, whole, _callers) in entries.items()
    ]
    return sorted(lines, key=lambda line: line.own, reverse=True)


def modules(entries: _Entries, count: int) -> list[tuple[str, float]]:
    """Returns what each module took itself, most first: what is written in C counts for
    who called it, so that a system call is its module's.
    """
    taken: defaultdict[str, float] = defaultdict(float)
    for code, (_calls, _primitive, own, _whole, callers) in entries.items():
        if code[0] != "~":
            taken[_module(code)] += own
            continue
        for caller, (_calls, _primitive, part, _whole) in callers.items():
            taken[_module(caller)] += part
    most = sorted(taken.items(), key=itemgetter(1), reverse=True)
    return [(name, _each(seconds, count)) for name, seconds in most]


def _each(seconds: float, count: int) -> float:
    return seconds / count * _MICROSECONDS


def _name(code: _Code) -> str:
    return code[2] if code[0] == "~" else f"{_module(code)}:{code[1]} {code[2]}"


def _module(code: _Code) -> str:
    """Returns a file as one knows it: of this project from its root, others by their end."""
    if code[0].startswith(_ROOT):
        return code[0].removeprefix(_ROOT)
    return "/".join(Path(code[0]).parts[-2:])


@contextmanager
def profiling(profile: cProfile.Profile) -> Iterator[None]:
    """Profiles replay threads that are started, and have ended, inside."""

    def begin(_frame: FrameType, _event: str, _argument: object) -> None:
        sys.setprofile(None)
        if threading.current_thread().name == THREAD:
            profile.enable()

    threading.setprofile(begin)
    try:
        yield
    finally:
        threading.setprofile(None)
        profile.disable()


def measured(target: Target, workload: Workload, count: int, rounds: int) -> Iterator[str]:
    """Says what a flow takes without a profiler."""
    spent = [replay_inside(target, workload, count) for _ in range(rounds)]
    middle = Spent(*map(statistics.median, zip(*spent, strict=True)))
    cpu, system, threads, wall = (_each(seconds, 1) for seconds in middle)
    yield f"{describe()}; target: {target.name}"
    yield f"{count:,} flows, {workload.name}, medians of {rounds} runs"
    yield f"replay thread: {cpu:.1f} µs of CPU a flow, {system:.1f} of them the kernel's"
    yield (
        f"all threads: {threads:.1f} µs of CPU a flow; one flow in {wall:.1f} µs "
        f"({1 / middle.wall:,.0f} a second)"
    )


def profiled(
    target: Target, workload: Workload, count: int, top: int, file: Path | None
) -> Iterator[str]:
    """Says where it goes, with a profiler."""
    profile = cProfile.Profile()
    with profiling(profile):
        slowed = replay_inside(target, workload, count).cpu
    stats = pstats.Stats(profile)
    if file:
        stats.dump_stats(file)
    entries: _Entries = stats.stats  # type: ignore[attr-defined]
    yield from (
        "",
        f"With a profiler ({_each(slowed, 1):.1f} µs of CPU a flow), waits included:",
        "",
    )
    yield from ("| module, what it calls in C included | own µs |", "| --- | ---: |")
    yield from (f"| {name} | {own:.2f} |" for name, own in modules(entries, count)[:top])
    yield from ("", "| function | calls | own µs | with callees |", "| --- | ---: | ---: | ---: |")
    for line in functions(entries, count)[:top]:
        yield f"| {line.name} | {line.calls:.2f} | {line.own:.2f} | {line.with_callees:.2f} |"


def counted(target: Target, workload: Workload, count: int) -> Iterator[str]:
    """Says what there is to do for a flow."""
    with counting() as counts:
        replay_inside(target, workload, count)
    yield f"{count:,} flows, {workload.name}: of each, in the replay thread"
    yield ""
    yield from counts.table(count)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Shows where a flow's microseconds go.")
    parser.add_argument("--count", type=int, default=10_000, help="of flows")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--method", choices=("GET", "POST"), default="GET")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--large", action="store_true", help="answers of 1 MiB")
    parser.add_argument("--rounds", type=int, default=3, help="without a profiler")
    parser.add_argument("--top", type=int, default=20, help="lines of each table")
    parser.add_argument("--profile", type=Path, help="the file that the profile is written to")
    parser.add_argument("--bytecodes", action="store_true", help="count those, and calls, instead")
    asked = parser.parse_args()
    workload = Workload(
        f"{asked.method}{' over TLS' if asked.tls else ''}, {asked.concurrency} at once",
        asked.concurrency,
        LARGE if asked.large else SMALL,
        b"y" * 1024 if asked.method == "POST" else b"",
        asked.tls,
    )
    with run_target() as target:
        if asked.bytecodes:
            print(*counted(target, workload, asked.count), sep="\n")
            return
        for line in measured(target, workload, asked.count, asked.rounds):
            print(line, flush=True)
        for line in profiled(target, workload, asked.count, asked.top, asked.profile):
            print(line)


if __name__ == "__main__":
    main()
