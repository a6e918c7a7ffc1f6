"""What a run's samples say: does anything grow? Pure.

What is judged is the floor: the least of each of some windows, for work in hand only ever
adds to it. The slope is Theil and Sen's, the median of the slopes between all pairs of
windows, which a few odd ones do not move. The first part of a run is left out: the log's
ring of recent events, the pools and the allocator fill then.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

WARM_UP = 0.25
"""The part of a run that is left out."""

_HOUR = 3600.0
_MIB = 1 << 20
_WINDOWS = 12

MAX_WAL = 64 * _MIB


@dataclass(slots=True)
class Sample:
    """The daemon at a moment."""

    seconds: float
    """Since the run began."""
    memory: int
    """Bytes resident."""
    descriptors: int
    threads: int
    children: int
    wal: int
    """Bytes of SQLite's write-ahead log."""
    journal: int
    """Bytes of the data dir without it."""
    queued: int
    running: int
    watchers: int
    latest: int
    """The number of the latest event."""
    cpu: float
    """Seconds that the daemon has used."""

    def as_json(self) -> dict[str, Any]:
        """Returns the sample as a row of the series."""
        return asdict(self)


class Limits(NamedTuple):
    """What may grow by how much over the time that is judged."""

    memory: float = _MIB
    """Bytes an hour; a shorter run may grow by as much in all."""
    number: float = 2.0
    """Descriptors and threads, over the whole."""
    journal: float = 128 * _MIB
    """Bytes that the data dir may have for longer than a moment."""


class Trend(NamedTuple):
    """How something grew in the time that is judged."""

    slope: float
    """An hour."""
    growth: float
    """Over that time, as the slope has it."""


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """Returns the samples after the warm-up."""
    return list(samples[int(len(samples) * WARM_UP) :])


def floor(samples: Sequence[Sample], name: str) -> list[tuple[float, float]]:
    """Returns the least of a figure in each window, with the window's time in the middle."""
    size = max(len(samples) // _WINDOWS, 1)
    windows = [samples[at : at + size] for at in range(0, len(samples), size)]
    return [
        (
            (window[0].seconds + window[-1].seconds) / 2,
            min(getattr(sample, name) for sample in window),
        )
        for window in windows
    ]


def trend(samples: Sequence[Sample], name: str) -> Trend:
    """Fits one of the figures of at least two samples."""
    slope = statistics.median(
        (after - before) / (later - sooner)
        for (sooner, before), (later, after) in combinations(floor(samples, name), 2)
    )
    return Trend(slope * _HOUR, slope * (samples[-1].seconds - samples[0].seconds))


def judge(samples: Sequence[Sample], limits: Limits) -> list[str]:
    """Returns what grew beyond its limit, or was too large at any time."""
    judged = settled(samples)
    hours = max((judged[-1].seconds - judged[0].seconds) / _HOUR, 1.0)
    findings = []
    memory = trend(judged, "memory")
    if memory.growth > limits.memory * hours:
        findings.append(
            f"memory grew by {memory.growth / _MIB:.2f} MiB ({memory.slope / _MIB:.2f} an hour); "
            f"{limits.memory * hours / _MIB:g} are allowed"
        )
    for name in ("descriptors", "threads"):
        count = trend(judged, name)
        if count.growth > limits.number:
            findings.append(f"{name} grew by {count.growth:.1f}; {limits.number:g} are allowed")
    wal = max(sample.wal for sample in samples)
    if wal > MAX_WAL:
        findings.append(f"the write-ahead log had {wal / _MIB:.1f} MiB; 64 are allowed")
    journal = max(size for _, size in floor(judged, "journal"))
    if journal > limits.journal:
        findings.append(
            f"the data dir never had less than {journal / _MIB:.0f} MiB for a while; "
            f"{limits.journal / _MIB:g} are allowed: retention fell behind"
        )
    return findings
