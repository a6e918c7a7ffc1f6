"""What JSON paths find in contents."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from replayd.json_path import parse_json_path

MAX_FOUND = 100
"""Values that one path finds at most."""

_NESTING = (dict, list)


class JsonPath:
    """A path, read once."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, its text saying where, for what is no path."""
        self._steps = parse_json_path(text)

    def find(self, text: bytes) -> list[bytes]:
        """Returns the strings and numbers there, in their order; none when it is no JSON."""
        try:
            # Numbers as they are written.
            document = json.loads(text, parse_int=str, parse_float=str)
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
        if not isinstance(each, _NESTING) or id(each) in seen:
            continue
        seen.add(id(each))
        yield from _children(each, key)
        if deep:
            left += [one for one in reversed(_all(each)) if isinstance(one, _NESTING)]


def _children(node: dict[str, Any] | list[Any], key: str | int | None) -> Iterable[Any]:
    if key is None:
        yield from _all(node)
    elif isinstance(node, dict):
        if key in node:
            yield node[key]
    elif isinstance(key, int) and -len(node) <= key < len(node):
        yield node[key]


def _all(node: dict[str, Any] | list[Any]) -> Any:
    return node.values() if isinstance(node, dict) else node
