"""One input: a capture, and the way in which it is enqueued.

A case is told by format, seed and number alone, so that the same ones come again on any
machine and in any process.
"""

from dataclasses import dataclass
from random import Random

from tools.fuzz.enqueue import Way
from tools.fuzz.recipes import RECIPES

_PIECES = (1, 30, 1000)
_MAX_PIECES = 400
"""Chunks that an input comes in at most: each is a message of its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """An input."""

    name: str
    """Of its format, as in RECIPES."""
    data: bytes
    way: Way


def make_case(name: str, seed: int, number: int) -> Case:
    """Makes the input of this number."""
    rng = Random(f"{seed} {name} {number}")  # noqa: S311
    way = random_way(name, rng)
    data = RECIPES[name].make(rng)
    return Case(name, data[: way.piece * _MAX_PIECES], way)


def random_way(name: str, rng: Random) -> Way:
    """Chooses how a capture is enqueued: most are named, a third is salvaged, a quarter is
    followed beyond the decoding, which takes half of the time.
    """
    return Way(
        format=None if rng.random() < 0.2 else RECIPES[name].format,
        salvage=rng.random() < 0.35,
        raw=rng.random() < 0.15,
        piece=rng.choice(_PIECES) if rng.random() < 0.05 else 1 << 20,
        followed=rng.random() < 0.25,
    )
