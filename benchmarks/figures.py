"""Figures of several rounds: medians, their spread, ratios within a round. Pure.

A round's figures have names; a ratio compares two of one round, since machines drift, and
the median is taken over the rounds' ratios.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Round = Mapping[str, float]
"""One round's figures by name; a figure that could not be had is left out."""


class Rate(NamedTuple):
    """How fast somebody works, and at what cost."""

    each_second: float
    """Requests, or flows, a second."""
    cpu: float
    """Seconds of CPU for each; foreign load changes it far less than the rate."""


class Spread(NamedTuple):
    """A figure over all rounds."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Returns median, least and most of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def summary(rounds: Iterable[Round]) -> dict[str, Spread]:
    """Returns each figure over the rounds that have it, in the order of their coming."""
    found: dict[str, list[float]] = {}
    for each in rounds:
        for name, value in each.items():
            found.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in found.items()}


def ratios(rounds: Iterable[Round], name: str, other: str) -> list[float]:
    """Returns the ratio of two figures in each round that has both."""
    return [each[name] / each[other] for each in rounds if name in each and other in each]


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the least value that so many percent are not above; nan of no values."""
    if not values:
        return math.nan
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]
