import math

import pytest

from benchmarks.figures import Spread, percentile, ratios, spread, summary


def test_the_median_stands_with_its_spread() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_the_summary_keeps_the_order_and_skips_what_a_round_does_not_have() -> None:
    rounds = [{"b": 1.0, "a": 5.0}, {"b": 3.0}, {"b": 2.0, "c": 7.0}]
    assert list(summary(rounds).items()) == [
        ("b", Spread(2.0, 1.0, 3.0)),
        ("a", Spread(5.0, 5.0, 5.0)),
        ("c", Spread(7.0, 7.0, 7.0)),
    ]


def test_ratios_compare_within_a_round() -> None:
    # The machine became ten times slower for both.
    rounds = [{"a": 10.0, "b": 5.0}, {"a": 1.0, "b": 0.5}, {"a": 9.0}]
    assert ratios(rounds, "a", "b") == [2.0, 2.0]


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_percentiles_are_values_that_were_there(percent: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_between_two_values_the_upper_one_is_taken() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0


def test_no_values_have_no_percentile() -> None:
    assert math.isnan(percentile([], 50))
