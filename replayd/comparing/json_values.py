"""JSON by structure: what was added, removed or changed, at which path.

Numbers are compared by value (1 and 1.0 are one), members of objects by name, arrays in
their order: an element that came or went between others is told as that.
"""

import json
from collections import Counter
from collections.abc import Hashable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from replayd.comparing.alignment import changed
from replayd.comparing.json_path import Search
from replayd.comparing.rules import Rules
from replayd.comparing.volatile import is_id, is_moment, masked
from replayd.json_path import Key

_LONG_NUMBER = 4000
"""Digits from which Python reads no integer."""

_LEFT_OUT = ("left out",)

Keys = tuple[Key, ...]


class NoJsonError(ValueError):
    """A content that is none."""


class JsonDifference(NamedTuple):
    """A place where two values differ."""

    keys: Keys
    recorded: Any
    replayed: Any
    had: bool = True
    """It was there."""
    has: bool = True
    """It is there."""
    reordered: bool = False
    """The elements are the same, their order is not."""


def read_json(content: bytes) -> Any:
    """Reads a content; raises NoJsonError. Numbers stay what they are, to the last digit."""
    try:
        return json.loads(
            content, parse_float=Decimal, parse_int=_integer, parse_constant=_constant
        )
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise NoJsonError(str(error)) from error


def render(value: Any) -> bytes:
    """Writes a value for people, numbers to the last digit."""
    return _written(value).encode(errors="backslashreplace")


class JsonCompared:
    """Two values, compared. `differences` may be iterated once. Raises RecursionError when
    they are too deep.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._masks: dict[int, Hashable] = {}
        """Of containers, by identity: each stands at one place."""
        self.ignored = 0
        """Places that differ and were left out, so far."""

    def differences(self, recorded: Any, replayed: Any) -> Iterator[JsonDifference]:
        """Yields where they differ, in the order of the recorded one."""
        start = Search(self._rules.json), Search(self._rules.order)
        return self._between(recorded, replayed, (), *start)

    def _between(
        self, old: Any, new: Any, keys: Keys, left_out: Search, unordered: Search
    ) -> Iterator[JsonDifference]:
        name = next((key for key in reversed(keys) if isinstance(key, str)), "")
        same = self._mask(old, name, left_out, unordered) == self._mask(
            new, name, left_out, unordered
        )
        if same:
            self.ignored += old != new
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from self._members(old, new, keys, left_out, unordered)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._elements(old, new, keys, left_out, unordered)
        else:
            yield JsonDifference(keys, old, new)

    def _members(
        self,
        old: dict[str, Any],
        new: dict[str, Any],
        keys: Keys,
        left_out: Search,
        unordered: Search,
    ) -> Iterator[JsonDifference]:
        for key in dict.fromkeys((*old, *new)):
            below = left_out.down(key)
            if below.hit:
                self.ignored += key not in old or key not in new or old[key] != new[key]
            elif key not in new:
                yield JsonDifference((*keys, key), old[key], None, has=False)
            elif key not in old:
                yield JsonDifference((*keys, key), None, new[key], had=False)
            else:
                yield from self._between(
                    old[key], new[key], (*keys, key), below, unordered.down(key)
                )

    def _elements(
        self, old: list[Any], new: list[Any], keys: Keys, left_out: Search, unordered: Search
    ) -> Iterator[JsonDifference]:
        masks_old = self._masks_of(old, keys, left_out, unordered)
        masks_new = self._masks_of(new, keys, left_out, unordered)
        if len(old) == len(new) and len(old) > 1 and Counter(masks_old) == Counter(masks_new):
            yield JsonDifference(keys, old, new, reordered=True)
            return
        for first, last, begin, end in changed(masks_old, masks_new):
            both = min(last - first, end - begin)
            for step in range(both):
                # Told by the place in the recorded array.
                index = first + step
                yield from self._between(
                    old[index],
                    new[begin + step],
                    (*keys, index),
                    left_out.down(index),
                    unordered.down(index),
                )
            for index in range(first + both, last):
                yield JsonDifference((*keys, index), old[index], None, has=False)
            for index in range(begin + both, end):
                yield JsonDifference((*keys, index), None, new[index], had=False)

    def _masks_of(
        self, values: list[Any], keys: Keys, left_out: Search, unordered: Search
    ) -> list[Hashable]:
        name = next((key for key in reversed(keys) if isinstance(key, str)), "")
        return [
            self._mask(value, name, left_out.down(index), unordered.down(index))
            for index, value in enumerate(values)
        ]

    def _mask(self, value: Any, name: str, left_out: Search, unordered: Search) -> Hashable:
        """What is compared of a value: two that count as equal have the same."""
        if left_out.hit:
            return _LEFT_OUT
        if isinstance(value, (dict, list)):
            known = self._masks.get(id(value))
            if known is None:
                if isinstance(value, dict):
                    known = self._object(value, left_out, unordered)
                else:
                    known = self._array(value, name, left_out, unordered)
                self._masks[id(value)] = known
            return known
        return self._scalar(value, name)

    def _object(self, value: dict[str, Any], left_out: Search, unordered: Search) -> Hashable:
        members = []
        for key, member in value.items():
            below = left_out.down(key)
            if not below.hit:
                members.append((key, self._mask(member, key, below, unordered.down(key))))
        return ("{", *sorted(members, key=lambda member: member[0]))

    def _array(self, value: list[Any], name: str, left_out: Search, unordered: Search) -> Hashable:
        elements = [
            self._mask(element, name, left_out.down(index), unordered.down(index))
            for index, element in enumerate(value)
        ]
        return ("[", *(sorted(elements, key=repr) if unordered.hit else elements))

    def _scalar(self, value: Any, name: str) -> Hashable:
        volatile = self._rules.volatile
        if isinstance(value, str):
            if volatile and is_id(name):
                return ("id", "text")
            return ("text", masked(value, self._rules.texts, volatile=volatile))
        if isinstance(value, bool) or value is None:
            return ("constant", value)
        if volatile and is_id(name):
            return ("id", "number")
        if volatile and is_moment(name, value):
            return ("moment",)
        return ("number", value)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < _LONG_NUMBER else Decimal(digits)


def _constant(name: str) -> Any:
    raise NoJsonError(f"{name} is no JSON")


def _written(value: Any) -> str:
    if isinstance(value, dict):
        members = [f"{_written(key)}: {_written(member)}" for key, member in value.items()]
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
