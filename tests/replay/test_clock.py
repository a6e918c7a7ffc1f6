"""Both clocks are in nanoseconds and go on."""

import time

from replayd.replay.clock import SYSTEM_CLOCK


def test_the_systems_clocks() -> None:
    before = time.time_ns(), time.monotonic_ns()
    assert before[0] <= SYSTEM_CLOCK.wall() <= time.time_ns()
    assert before[1] <= SYSTEM_CLOCK.monotonic() <= time.monotonic_ns()
