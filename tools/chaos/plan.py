"""What happens in a round: all of it follows from the seed and the round's number. Pure."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tools.chaos.failpoints import ALL, AT_START

FAULTS = ("kill", "failpoint", "term", "client", "stop", "target", "hook")
"""kill -9 of the daemon at a random moment, or at a failpoint, or SIGTERM; and on the way
kill -9 of a client, SIGSTOP and SIGCONT of the daemon, kill -9 of the target, of the hook."""

_ENDS = {"kill": 8, "failpoint": 2, "term": 1}
_ON_THE_WAY = {"client": 0.12, "stop": 0.1, "target": 0.08, "hook": 0.15}
_OFTEN = ("begin", "finish", "send", "outcome")
"""What a daemon does so often that not the first passing alone is worth a try."""


class Round(NamedTuple):
    """One life of the daemon."""

    concurrency: int
    end: str
    """`kill`, `failpoint` or `term`."""
    acknowledged: int
    """Flows that clients are to be told of before, if that does not take too long."""
    life: float
    """Seconds from there to the end, or until the failpoint is armed."""
    on_the_way: tuple[str, ...]
    failpoint: str
    """Where it ends; empty: anywhere."""
    passing: int
    """Of the failpoint."""
    choice: int
    """A number for what else is to be chosen, such as which client."""
    rest: str
    """How the queue is brought to rest before the books are compared: `drain`, `clear` or
    `pause`."""


def plan(seed: int, number: int, faults: Sequence[str]) -> Round:
    """Returns the plan of a round."""
    random = Random(f"{seed}:{number}")  # noqa: S311 - a seed repeats it
    ends = [name for name in _ENDS if name in faults] or ["kill"]
    end = random.choices(ends, [_ENDS[name] for name in ends])[0]
    failpoint = random.choice(ALL) if end == "failpoint" else ""
    rests = ("drain", "clear", "clear") if failpoint else ("drain", "clear", "clear", "pause")
    return Round(
        concurrency=random.choice((1, 1, 8, 32)),
        end=end,
        acknowledged=random.choice((0, 1, 300, 700, 1200, 2000)),
        life=random.choice((random.uniform(0, 0.05), random.uniform(0, 0.4))),
        on_the_way=tuple(
            name
            for name, chance in _ON_THE_WAY.items()
            if random.random() < chance and name in faults
        ),
        failpoint=failpoint,
        passing=_passing(random, failpoint),
        choice=random.randrange(1 << 30),
        rest=random.choice(rests),
    )


def at_each_failpoint(seed: int, number: int) -> Round:
    """Returns the plan of a round that ends at the next of all failpoints, in turn."""
    failpoint = ALL[number % len(ALL)]
    random = Random(f"{seed}:{number}:{failpoint}")  # noqa: S311 - a seed repeats it
    return plan(seed, number, ("failpoint",))._replace(
        failpoint=failpoint, passing=_passing(random, failpoint), acknowledged=1, life=0.0
    )


def _passing(random: Random, failpoint: str) -> int:
    if failpoint in AT_START:
        return 1
    return random.randrange(1, 20) if failpoint.startswith(_OFTEN) else random.choice((1, 2))
