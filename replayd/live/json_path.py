"""JSON paths: `$.data[0].token`, `$.items[*].id`, `$..csrf`. Of RFC 9535 what selects by name,
index and wildcard, and descendants; no filters, no slices.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_FOUND = 100
"""Values that one path finds at most."""

_SEGMENT = re.compile(
    r"""(?P<deep>\.\.)(?:(?P<deep_name>[^\s.\[\]'"*]+)|(?P<deep_any>\*)|(?=\[))
    |\.(?:(?P<name>[^\s.\[\]'"*]+)|(?P<any>\*))
    |\[(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<index>-?\d{1,9})|(?P<all>\*))\]
    """,
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class JsonPath:
    """A path, read once."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, its text saying where, for what is no path."""
        self._steps: list[tuple[str | int | None, bool]] = []
        """A name, an index or (None) anything; and whether at any depth."""
        if not text.startswith("$"):
            raise ValueError(f"the JSON path {text!r} does not begin with $")
        at, deep = 1, False
        while at < len(text):
            found = _SEGMENT.match(text, at)
            if found is None:
                raise ValueError(f"the JSON path {text!r} can't be read from character {at} on")
            at = found.end()
            key = _key(found)
            if found["deep"] and not (found["deep_name"] or found["deep_any"]):
                deep = True  # `..[0]`: the step follows in brackets.
                continue
            self._steps.append((key, deep or bool(found["deep"])))
            deep = False
        if deep or not self._steps:
            raise ValueError(f"the JSON path {text!r} selects nothing; name something after $")

    def find(self, text: bytes) -> list[bytes]:
        """Returns the strings and numbers there, in their order; none when it is no JSON."""
        try:
            document = json.loads(text, parse_int=_Number, parse_float=_Number)
        except (ValueError, RecursionError):
            return []
        nodes = [document]
        for key, deep in self._steps:
            nodes = [found for node in nodes for found in _step(node, key, deep=deep)]
        strings = [node for node in nodes if isinstance(node, str)]
        return [node.encode("utf-8", "surrogatepass") for node in strings[:MAX_FOUND]]


def _key(found: re.Match[str]) -> str | int | None:
    if found["index"] is not None:
        return int(found["index"])
    for quoted in (found["single"], found["double"]):
        if quoted is not None:
            return _ESCAPED.sub(r"\1", quoted)
    return found["name"] or found["deep_name"]


def _step(node: Any, key: str | int | None, *, deep: bool) -> Iterator[Any]:
    left = [node]
    while left:
        each = left.pop()
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
