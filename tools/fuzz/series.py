"""The engine `own`: series of numbered inputs, run in processes of their own and counted.

A share is a run of numbers that one process takes at once. An input that costs a process
its life ends the series; the share that it is in is told, or one that ran beside it.
"""

import gc
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context

from replayd.intake.pool import MEMORY_LIMIT
from tools.fuzz.case import make_case
from tools.fuzz.finding import Finding, try_case
from tools.fuzz.limits import Peak, limit_address_space, limit_processor_time

SHARE = 5000
SHARE_SECONDS = 600
"""Of processor time: a hundred times what a share takes."""

KEPT = 3
"""Findings of a kind that are kept with their input; all are counted."""


@dataclass(slots=True)
class Result:
    """What came of a series, or a part of it."""

    inputs: int = 0
    seconds: float = 0.0
    """Of processor time, that which making the inputs took included."""
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    """By their kind."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many there are of each kind."""
    peak: int = 0
    """Bytes: the largest resident memory of a process."""
    lost: list[str] = field(default_factory=list)
    """Shares that cost a process its life."""

    @property
    def found(self) -> int:
        """How many inputs were findings, those that cost a process its life not counted."""
        return sum(self.counts.values())

    def add(self, other: "Result") -> None:
        """Adds what came of another part."""
        self.inputs += other.inputs
        self.seconds += other.seconds
        self.outcomes += other.outcomes
        self.counts += other.counts
        self.peak = max(self.peak, other.peak)
        self.lost += other.lost
        for kind, findings in other.findings.items():
            kept = self.findings.setdefault(kind, [])
            kept += findings[: KEPT - len(kept)]


def run_share(name: str, seed: int, first: int, count: int) -> Result:
    """Runs so many inputs of a format, one after the other, in this process."""
    result, peak = Result(), Peak()
    began = time.process_time()
    for number in range(first, first + count):
        came = try_case(make_case(name, seed, number), peak)
        if isinstance(came, Finding):
            result.counts[came.kind] += 1
            kept = result.findings.setdefault(came.kind, [])
            kept += [came][: KEPT - len(kept)]
        else:
            result.outcomes[came] += 1
        result.inputs += 1
    result.seconds = time.process_time() - began
    result.peak = peak.bytes
    return result


def run_series(name: str, seed: int, first: int, count: int, processes: int) -> Iterator[Result]:
    """Runs a series; yields what came of each share."""
    shares = [
        (name, seed, start, min(SHARE, first + count - start))
        for start in range(first, first + count, SHARE)
    ]
    with ProcessPoolExecutor(processes, get_context("spawn"), _prepare) as pool:
        pending = [pool.submit(_run_alone, *share) for share in shares]
        for (_, _, start, size), future in zip(shares, pending, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool:
                again = f"--format {name} --seed {seed} --first {start} --count {size}"
                yield Result(lost=[f"a process died: python -m tools.fuzz {again}"])
                return


def _run_alone(name: str, seed: int, first: int, count: int) -> Result:
    """Runs a share in a process of a pool."""
    limit_processor_time(SHARE_SECONDS)
    return run_share(name, seed, first, count)


def _prepare() -> None:
    """Gives a new process a decoder's memory, and no more garbage to look through than needed."""
    limit_address_space(MEMORY_LIMIT)
    gc.freeze()
