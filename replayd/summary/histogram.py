"""Percentiles of very many durations in little memory, as HdrHistogram has them: buckets whose
width grows with the value, so that each is known to better than a thousandth.

The library of that name brings setuptools with it at run time.
"""

from collections import Counter
from math import ceil

_PRECISE_BITS = 11
"""Of each value the first bits are kept: an error of at most 1 in 2 ** 10."""


class Histogram:
    """Durations in microseconds."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        """By the highest value of the bucket."""
        self.count = 0
        self.total = 0
        self.least = 0
        self.greatest = 0

    def add(self, microseconds: int) -> None:
        """Counts a duration; a negative one, of a clock that was set back, as none."""
        value = max(microseconds, 0)
        self.least = min(self.least, value) if self.count else value
        self.greatest = max(self.greatest, value)
        self.count += 1
        self.total += value
        ignored = max(value.bit_length() - _PRECISE_BITS, 0)
        self._counts[value | ((1 << ignored) - 1)] += 1

    @property
    def mean(self) -> float:
        """The mean; 0 of none."""
        return self.total / self.count if self.count else 0.0

    def percentiles(self, wanted: list[float]) -> list[int]:
        """Returns for each of these percentages (ascending, from 0 to 100) a value that so many
        of all durations are not above; 0 of none.
        """
        ranks = [max(ceil(self.count * percentage / 100), 1) for percentage in wanted]
        found: list[int] = []
        seen = 0
        for value, count in sorted(self._counts.items()):
            seen += count
            while len(found) < len(ranks) and ranks[len(found)] <= seen:
                found.append(min(value, self.greatest))
        return found or [0] * len(wanted)
