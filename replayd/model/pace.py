"""When the replays of a batch are due, as its owner wants it."""

from typing import NamedTuple


class Pace(NamedTuple):
    """As soon as possible, as the recorded requests began, or evenly."""

    speed: float = 0.0
    """As recorded, this many times as fast; 0: not as recorded."""
    rate: float = 0.0
    """This many replays a second, evenly; 0: not evenly."""
    max_gap: int | None = None
    """The longest time between two recorded requests that is kept, in nanoseconds; None: any."""


AS_SOON_AS_POSSIBLE = Pace()


def describe(pace: Pace) -> str:
    """Returns a pace in the words that `replayctl` takes."""
    if pace.speed:
        words = "recorded" if pace.speed == 1 else f"recorded*{pace.speed:g}"
        gap = "" if pace.max_gap is None else f", no gap over {pace.max_gap / 1e9:g} s"
        return words + gap
    return f"{pace.rate:g}/s" if pace.rate else "asap"
