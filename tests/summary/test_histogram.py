"""Percentiles are exact to a thousandth, however many durations there are."""

import random

import pytest

from replayd.summary.histogram import Histogram

PERCENTAGES = [50.0, 90.0, 99.0, 99.9, 100.0]


def histogram(values: list[int]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


@pytest.mark.parametrize("greatest", [100, 10**6, 10**12])
def test_percentiles_are_those_of_the_sorted_values(greatest: int) -> None:
    values = random.Random(7).choices(range(greatest), k=5000)
    made = histogram(values)
    exact = [sorted(values)[round(50 * percentage) - 1] for percentage in PERCENTAGES]
    assert made.percentiles(PERCENTAGES) == pytest.approx(exact, rel=0.001)
    assert (made.least, made.greatest) == (min(values), max(values))
    assert made.mean == pytest.approx(sum(values) / 5000)


def test_small_values_are_exact() -> None:
    assert histogram([3, 1, 2047, 2]).percentiles([25.0, 50.0, 75.0, 100.0]) == [1, 2, 3, 2047]


def test_many_durations_take_little_memory() -> None:
    made = histogram(list(range(0, 60_000_000, 300)))
    assert len(made._counts) < 20_000


def test_no_percentile_is_above_the_greatest() -> None:
    assert histogram([123_456_789]).percentiles([99.0]) == [123_456_789]


def test_of_none_all_is_nothing() -> None:
    made = Histogram()
    assert made.percentiles(PERCENTAGES) == [0] * 5
    assert (made.mean, made.least, made.greatest) == (0, 0, 0)


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    assert histogram([-5, 7]).least == 0
