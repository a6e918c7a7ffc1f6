"""How a dictionary of tnetstrings is laid out, as far as others are laid out alike.

What is the same in all of them is compared as a few runs of bytes, and what may differ is cut
out by its length: nothing is taken apart but where a value is wanted. Every length is checked,
so that what matches is what `tnetstring_parser` would read; what does not is for that to judge.
"""

from collections.abc import Callable
from typing import NamedTuple

from replayd.formats.tnetstring import MAX_LENGTH_DIGITS

DICTIONARY = ord("}")

_VALUE, _OPEN, _CLOSE, _END = range(4)
"""What stands behind a run: the length of a value, or of a dictionary; the end of that; that of
all."""


class Place(NamedTuple):
    """Where a value stands."""

    dictionary: bytes
    """Its key; empty: the outermost."""
    key: bytes


class Layout:
    """Of one dictionary, which `tnetstring_parser` has read without an error."""

    def __init__(
        self, payload: bytes, inner: frozenset[bytes], varies: Callable[[Place, int], bool]
    ) -> None:
        """`inner`: keys of dictionaries that are looked into; `varies` tells whether another
        value of the same type (the tag) may stand at a place.
        """
        self.slots: list[tuple[Place, int]] = []
        """The values that may differ, with their tags, in their order."""
        self.fixed: dict[Place, bytes] = {}
        """The others as they stand there, with their tags."""
        self.size = 0
        """Bytes that are compared."""
        self.repeats = False
        """Whether a dictionary has a key twice: then only the last one counts."""
        self._places: set[Place] = set()
        self._inner = inner
        self._varies = varies
        self._run = bytearray()
        self._steps: list[tuple[bytes, int, int]] = []
        self._look_into(payload, 0, len(payload), b"")
        self._step(_END)

    def match(self, payload: bytes) -> list[bytes] | None:
        """Returns the values of another dictionary that is laid out alike; None: it is not."""
        startswith, find = payload.startswith, payload.find
        values: list[bytes] = []
        ends: list[int] = []
        start = 0
        for run, size, behind in self._steps:
            if not startswith(run, start):
                return None
            start += size
            if behind <= _OPEN:
                colon = find(b":", start, start + MAX_LENGTH_DIGITS + 1)
                digits = payload[start:colon]
                if colon < 0 or not digits.isdigit():
                    return None
                start = colon + 1
                end = start + int(digits)
                if behind == _OPEN:
                    ends.append(end)
                else:
                    values.append(payload[start:end])
                    start = end
            elif behind == _CLOSE and ends.pop() != start:
                return None
        return values if start == len(payload) else None

    def _look_into(self, data: bytes, start: int, end: int, name: bytes) -> None:
        while start < end:
            colon = data.index(b":", start)
            length_start = colon + 2 + int(data[start:colon])
            place = Place(name, data[colon + 1 : length_start - 1])
            self.repeats |= place in self._places
            self._places.add(place)
            colon = data.index(b":", length_start)
            value_start = colon + 1
            value_end = value_start + int(data[length_start:colon])
            tag = data[value_end]
            self._run += data[start:length_start]
            if tag == DICTIONARY and not name and place.key in self._inner:
                self._step(_OPEN)
                self._look_into(data, value_start, value_end, place.key)
                self._step(_CLOSE)
            elif self._varies(place, tag):
                self._step(_VALUE)
                self.slots.append((place, tag))
            else:
                self._run += data[length_start:value_end]
                self.fixed[place] = data[value_start : value_end + 1]
            self._run.append(tag)
            start = value_end + 1

    def _step(self, behind: int) -> None:
        self._steps.append((bytes(self._run), len(self._run), behind))
        self.size += len(self._run)
        self._run.clear()
