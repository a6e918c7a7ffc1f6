"""The time and the memory of one input."""

from itertools import count

import pytest

from tools.fuzz.limits import Peak, TooMuchMemoryError, TooSlowError, limited_time


def test_what_takes_too_long_is_stopped() -> None:
    with pytest.raises(TooSlowError), limited_time(0.05):
        any(number < 0 for number in count())


def test_what_is_in_time_is_not_stopped_afterwards() -> None:
    with limited_time(0.05):
        pass
    assert sum(range(3_000_000)) > 0


def test_a_peak_that_rises_too_much_is_told_once() -> None:
    peak = Peak(allowed=64 << 20)
    peak.check()
    assert len(b"x" * (peak.bytes + (128 << 20))) > 0
    with pytest.raises(TooMuchMemoryError, match="MiB"):
        peak.check()
    peak.check()
