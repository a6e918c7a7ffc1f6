"""What is left out of a comparison, as users write it.

status                  the status code
header:ETag             fields of this name, trailers too; `*` stands for anything
json:$.meta.time        what stands at a JSON path, there or not
order:$.items           the order of a JSON array's elements
body                    the whole content
body:REGEX              what this finds in text, and in the texts of JSON
line:12                 a line of the new text, as learnt noise has it
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from replayd.json_path import JsonPath, parse_json_path

MAX_RULES = 100
MAX_RULE = 500
"""Characters of a rule."""


class RuleError(ValueError):
    """A rule that can't be read; its text says why."""


class Rules(NamedTuple):
    """What to leave out."""

    status: bool = False
    body: bool = False
    headers: tuple[str, ...] = ()
    """Patterns of names in lower case."""
    json: tuple[JsonPath, ...] = ()
    order: tuple[JsonPath, ...] = ()
    texts: tuple[re.Pattern[str], ...] = ()
    lines: frozenset[int] = frozenset()
    volatile: bool = True
    """Also what changes with every answer (`volatile`)."""

    def leaves_out(self, name: str) -> bool:
        """Tells whether fields of a name, in lower case, are left out."""
        return any(fnmatchcase(name, pattern) for pattern in self.headers)


def parse_rules(texts: Iterable[str], *, volatile: bool = True) -> Rules:
    """Reads rules; raises RuleError for the first one that can't be read."""
    found: dict[str, list[str]] = {}
    for text in texts:
        kind, argument = _parted(text)
        found.setdefault(kind, []).append(argument)
    bodies = found.get("body", [])
    return Rules(
        "status" in found,
        "" in bodies,
        tuple(name.lower() for name in found.get("header", ())),
        tuple(map(_path, found.get("json", ()))),
        tuple(map(_path, found.get("order", ()))),
        tuple(_regex(text) for text in bodies if text),
        frozenset(map(_number, found.get("line", ()))),
        volatile,
    )


def _parted(text: str) -> tuple[str, str]:
    kind, colon, argument = text.partition(":")
    if len(text) > MAX_RULE:
        raise RuleError(f"{text[:40]!r}... has more than {MAX_RULE} characters")
    alone = kind in ("status", "body") and not colon
    if not alone and not (kind in ("header", "json", "order", "body", "line") and argument):
        raise RuleError(
            f"{text!r} is none; write status, header:NAME, json:PATH, order:PATH, body, "
            "body:REGEX or line:N"
        )
    return kind, argument


def _path(text: str) -> JsonPath:
    try:
        path = parse_json_path(text)
    except ValueError as error:
        raise RuleError(str(error)) from error
    if any(isinstance(step.key, int) and step.key < 0 for step in path):
        raise RuleError(f"the JSON path {text!r} counts from an array's end, which no rule can")
    return path


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise RuleError(f"{text!r} is no regular expression: {error}") from error


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise RuleError(f"{text!r} is no number of a line")
    return int(text)
