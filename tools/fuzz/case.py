"""One input: a capture and the way in which it is enqueued, or what a server sends.

A case is told by format, seed and number alone, so that the same ones come again on any
machine and in any process.
"""

from dataclasses import dataclass
from random import Random
from typing import Protocol

from replayd.reasons import Reason
from tools.fuzz.enqueue import Way, enqueue
from tools.fuzz.reading import READERS, make_reading
from tools.fuzz.recipes import RECIPES

_PIECES = (1, 30, 1000)
_MAX_PIECES = 400
"""Chunks that an input comes in at most: each is a message of its own."""


class Input(Protocol):
    """One input, whatever it is for."""

    @property
    def name(self) -> str:
        """Of its format, or of what reads it."""

    @property
    def data(self) -> bytes:
        """All of it."""

    def run(self) -> str:
        """Has the daemon's code take it; returns what it came to, in a word, or raises."""

    def options(self) -> list[str]:
        """Returns the options of the command that repeats it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A capture that is enqueued."""

    name: str
    """Of its format, as in RECIPES."""
    data: bytes
    way: Way

    def run(self) -> str:
        """Enqueues it."""
        came = enqueue(self.data, self.way)
        if isinstance(came, Reason):
            return came.name.lower()
        return "accepted" if came.accepted else "no flows"

    def options(self) -> list[str]:
        """Says how it is enqueued."""
        way = self.way
        flags = {"sniff": way.format is None, "salvage": way.salvage, "raw": way.raw}
        return [f"--piece {way.piece}", *(f"--{name}" for name, on in flags.items() if on)]


def make_case(name: str, seed: int, number: int) -> Input:
    """Makes the input of this number."""
    rng = Random(f"{seed} {name} {number}")  # noqa: S311
    if name in READERS:
        return make_reading(name, rng)
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
