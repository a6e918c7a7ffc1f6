"""What the replay thread knows of a target."""

from enum import IntEnum
from typing import NamedTuple


class BreakerState(IntEnum):
    """Numbered as `flowreplay.v1.BreakerState`."""

    CLOSED = 1
    """Replays go there."""
    OPEN = 2
    """It failed too often: it is left alone for a while."""
    PROBING = 3
    """One replay goes there, to see whether it works again."""


class TargetState(NamedTuple):
    """A target, as GetStatus tells of it."""

    host: str
    port: int
    running: int
    """Replays under way."""
    waiting: int
    """Sessions whose next replay waits for it."""
    interval: int
    """Nanoseconds from one replay to the next, at least; 0: no limit."""
    failures: int
    """In a row, until now."""
    breaker: BreakerState
    reopens_at: int
    """While it is OPEN: nanoseconds since the epoch when one may try it; else 0."""
