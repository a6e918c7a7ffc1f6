"""Large responses at once: their sum in the daemon's memory stays within its budget.

`make in-flight` measures that with 500 of 64 MiB. Here 24 of 4 MiB have 16 MiB.
"""

from benchmarks.in_flight import MIB, measure


def test_the_peak_stays_within_the_budget() -> None:
    before, highest = measure(24, 4 * MIB, 16 * MIB, spool=False)
    assert highest - before < 24 * MIB
