"""Both clocks in one hand, so that tests can bring their own. Nanoseconds."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Clock(NamedTuple):
    """The time, in nanoseconds."""

    monotonic: Callable[[], int] = time.monotonic_ns
    """For deadlines and durations; never goes back."""
    wall: Callable[[], int] = time.time_ns
    """For people: since the epoch."""


SYSTEM_CLOCK = Clock()
