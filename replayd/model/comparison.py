"""What a replay's response is, beside the recorded one."""

from enum import IntEnum
from typing import NamedTuple


class Verdict(IntEnum):
    """What a comparison came to, numbered as `flowreplay.v1.ComparisonResult`."""

    EQUAL = 1
    """But for what is left out, and was counted."""
    DIFFERENT = 2
    UNDECIDED = 3
    """It could not be made; its note says why."""


class DifferenceKind(IntEnum):
    """What differs, numbered as `flowreplay.v1.DifferenceKind`."""

    STATUS = 1
    HEADER = 2
    TRAILER = 3
    JSON = 4
    JSON_ORDER = 5
    """A JSON array has the same elements in another order."""
    TEXT = 6
    CONTENT = 7
    """A content that is neither JSON nor text, or is too large to look into."""


class Shown(NamedTuple):
    """A value with its secrets, and as everybody may see it."""

    value: bytes
    shown: bytes


class Difference(NamedTuple):
    """One place where two responses differ."""

    kind: DifferenceKind
    path: str
    """Where: a field's name, a JSON path, lines of the recorded text, a byte; else empty."""
    recorded: Shown | None
    """None: there was nothing."""
    replayed: Shown | None
    noise: tuple[str, ...] = ()
    """The rules that leave it out."""


class Comparison(NamedTuple):
    """Two responses, compared."""

    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    """The first ones."""
    difference_count: int = 0
    ignored_count: int = 0
    """Places that differ and were left out: they are volatile, or a rule says so."""
    note: str = ""
    """What was not compared, and why; empty: all of it was."""
    noise: tuple[str, ...] = ()
    """Rules learnt by sending the request once more, which left out some of it."""
    sent_twice: bool = False
    """The request was sent once more to learn them."""


EQUAL = Comparison(Verdict.EQUAL)
"""Nothing differs, and nothing was left out."""
