"""Large responses at once: their sum in the daemon's memory stays within its budget.

`make in-flight` measures that with 500 of 64 MiB. Here 24 of 4 MiB have 16 MiB.
"""

import pytest

from benchmarks.in_flight import MIB, measure


@pytest.mark.parametrize("spool", [False, True])
def test_the_peak_stays_within_the_budget(spool: bool) -> None:
    before, highest = measure(24, 4 * MIB, 16 * MIB, spool=spool)
    assert highest - before < 24 * MIB
