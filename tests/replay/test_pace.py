"""Who drips and who merely pauses."""

import pytest

from replayd.replay.pace import Pace

SECOND = 1_000_000_000


def verdict(gaps: list[float], size: int) -> bool:
    """Whether bytes of this size after each of these gaps are ever too slow."""
    now = 0
    pace = Pace(now, rate=1024, slack=10.0)
    slow = pace.too_slow(size, now)
    for gap in gaps:
        now += int(gap * SECOND)
        slow = slow or pace.too_slow(size, now)
    return slow


@pytest.mark.parametrize(
    ("gaps", "size", "slow"),
    [
        ([0.1] * 99, 1, False),  # nobody is judged in the first ten seconds
        ([0.1] * 110, 1, True),
        ([0.1] * 1000, 103, False),
        ([0.1] * 1000, 101, True),
        ([30.0] * 9, 100, False),  # a few long pauses are honest
        ([30.0] * 11, 100, True),  # dripping, if only now and then
        ([30.0] * 11, 1100, False),
        ([], 1, False),
    ],
)
def test_judges(gaps: list[float], size: int, slow: bool) -> None:
    assert verdict(gaps, size) is slow
