"""JSON paths, read: `$.data[0].token`, `$.items[*].id`, `$..csrf`. Of RFC 9535 what selects by
name, index and wildcard, and descendants; no filters, no slices. Pure.
"""

import re
from typing import NamedTuple

Key = str | int

_SEGMENT = re.compile(
    r"""(?P<deep>\.\.)(?:(?P<deep_name>[^\s.\[\]'"*]+)|(?P<deep_any>\*)|(?=\[))
    |\.(?:(?P<name>[^\s.\[\]'"*]+)|(?P<any>\*))
    |\[(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<index>-?\d{1,9})|(?P<all>\*))\]
    """,
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")


class Step(NamedTuple):
    """One step down."""

    key: Key | None
    """A name or an index, from the end where it is negative; None: any."""
    deep: bool
    """At any depth."""


JsonPath = tuple[Step, ...]


def parse_json_path(text: str) -> JsonPath:
    """Reads a path. Raises ValueError, its text saying where, for what is none."""
    if not text.startswith("$"):
        raise ValueError(f"the JSON path {text!r} does not begin with $")
    steps: list[Step] = []
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
        steps.append(Step(key, deep or bool(found["deep"])))
        deep = False
    if deep or not steps:
        raise ValueError(f"the JSON path {text!r} selects nothing; name something after $")
    return tuple(steps)


def _key(found: re.Match[str]) -> Key | None:
    if found["index"] is not None:
        return int(found["index"])
    for quoted in (found["single"], found["double"]):
        if quoted is not None:
            return _ESCAPED.sub(r"\1", quoted)
    return found["name"] or found["deep_name"]
