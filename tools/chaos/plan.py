"""What happens in a round: all of it follows from the seed and the round's number. Pure."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

FAULTS = ("kill", "term", "client", "stop", "target")
"""kill -9 of the daemon at a random moment, or SIGTERM; and on the way
kill -9 of a client, SIGSTOP and SIGCONT of the daemon, kill -9 of the target."""

_ENDS = {"kill": 10, "term": 1}
_ON_THE_WAY = {"client": 0.12, "stop": 0.1, "target": 0.08}


class Round(NamedTuple):
    """One life of the daemon."""

    concurrency: int
    end: str
    """`kill` or `term`."""
    acknowledged: int
    """Flows that clients are to be told of before, if that does not take too long."""
    life: float
    """Seconds from there to the end."""
    on_the_way: tuple[str, ...]
    choice: int
    """A number for what else is to be chosen, such as which client."""
    rest: str
    """How the queue is brought to rest before the books are compared: `drain`, `clear` or
    `pause`."""


def plan(seed: int, number: int, faults: Sequence[str]) -> Round:
    """Returns the plan of a round."""
    random = Random(f"{seed}:{number}")  # noqa: S311 - a seed repeats it
    ends = [name for name in _ENDS if name in faults] or ["kill"]
    return Round(
        concurrency=random.choice((1, 1, 8, 32)),
        end=random.choices(ends, [_ENDS[name] for name in ends])[0],
        acknowledged=random.choice((0, 1, 500, 1000, 2000, 3000)),
        life=random.choice((random.uniform(0, 0.05), random.uniform(0, 0.4))),
        on_the_way=tuple(
            name
            for name, chance in _ON_THE_WAY.items()
            if random.random() < chance and name in faults
        ),
        choice=random.randrange(1 << 30),
        rest=random.choice(("drain", "clear", "clear", "pause")),
    )
