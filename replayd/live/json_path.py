"""What JSON paths find in contents."""

import json
from collections.abc import Iterator
from typing import Any

from replayd.json_path import parse_json_path

MAX_FOUND = 100
"""Values that one path finds at most."""


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class JsonPath:
    """A path, read once."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, its text saying where, for what is no path."""
        self._steps = parse_json_path(text)

    def find(self, text: bytes) -> list[bytes]:
        """Returns the strings and numbers there, in their order; none when it is no JSON."""
        try:
            document = json.loads(text, parse_int=_Number, parse_float=_Number)
        except (ValueError, RecursionError):
            return []
        nodes = [document]
        for key, deep in self._steps:
            nodes = list(_step(nodes, key, deep=deep))
        strings = [node for node in nodes if isinstance(node, str)]
        return [node.encode("utf-8", "surrogatepass") for node in strings[:MAX_FOUND]]


def _step(nodes: list[Any], key: str | int | None, *, deep: bool) -> Iterator[Any]:
    """Yields each place once, however many ways lead there: of ways there may be without end."""
    seen: set[int] = set()
    left = nodes[::-1]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        if isinstance(each, dict | list):
            seen.add(id(each))
        yield from _children(each, key)
        if deep:
            left += reversed(list(_children(each, None)))


def _children(node: Any, key: str | int | None) -> Iterator[Any]:
    if isinstance(node, dict):
        if key is None:
            yield from node.values()
        elif key in node:
            yield node[key]
    elif isinstance(node, list):
        if key is None:
            yield from node
        elif isinstance(key, int) and -len(node) <= key < len(node):
            yield node[key]
