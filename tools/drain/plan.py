"""What happens in a run: all of it follows from the seed and the run's number. Pure."""

import random
from typing import NamedTuple

MOMENTS = ("start", "enqueue", "run", "run", "run", "run", "paused", "idle", "twice")
"""When SIGTERM comes: while the daemon starts, while an Enqueue is under way, while replays run,
while it is paused or idle, or twice."""


class Run(NamedTuple):
    """One life of the daemon; it follows from the seed."""

    moment: str
    concurrency: int
    flows: int
    after: float
    """Seconds until the signal."""


def plan(seed: int, number: int) -> Run:
    """Returns a run's plan."""
    draw = random.Random(f"{seed}:{number}")  # noqa: S311 - a seed repeats it
    moment = draw.choice(MOMENTS)
    return Run(moment, draw.choice((1, 4, 32)), draw.randrange(1, 80), draw.uniform(0, 0.25))
