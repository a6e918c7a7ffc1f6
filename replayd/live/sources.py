"""Where a value stands in an answer: `json:PATH`, `header:NAME`, `header:NAME:REGEX` or
`regex:REGEX`, the last one in the content.

Regular expressions are RE2's, which take time in proportion to what they look through: they
come from clients. How much that may be is told before, so that who has no time asks elsewhere.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from replayd.live.json_path import MAX_FOUND, JsonPath
from replayd.model.flow import Headers

CONTENT_LIMIT = 256 * 1024
"""Bytes of a content, unpacked, that are looked through."""

MIN_VALUE, MAX_VALUE = 4, 8 * 1024
"""Bytes of a recorded value. A shorter one stands in too many places by chance."""

_REGEX_MEMORY = 1 << 20
"""Bytes that RE2 may take for an expression."""

_REGEX_SIZE = 600
"""Steps of an expression, as RE2 compiles it: at the worst each octet of an answer takes as many,
which is a second for 256 KiB. Usual ones have some tens."""

_JSON_STEPS = 50
"""Of a JSON content, that is lists and nothing else, an octet takes as long as so many steps."""


class Finder(NamedTuple):
    """Finds values in an answer's fields and its content, unpacked."""

    find: Callable[[Headers, bytes], list[bytes]]
    steps: int
    """How long an octet of the content takes at the worst: some nanoseconds for each."""
    field_steps: int = 0
    """The same, of the fields."""


@lru_cache(maxsize=256)
def finder(source: str) -> Finder:
    """Reads a source; raises ValueError, its text saying what is wrong with it."""
    kind, colon, rest = source.partition(":")
    if not colon or kind not in ("json", "header", "regex") or not rest:
        raise ValueError(
            f"{source!r} is no source of values; use json:PATH, header:NAME, header:NAME:REGEX "
            "or regex:REGEX"
        )
    if kind == "json":
        path = JsonPath(rest)
        return Finder(lambda _, content: _usable(path.find(content)), _JSON_STEPS)
    if kind == "regex":
        matches, steps = _regex(rest)
        return Finder(lambda _, content: _usable(matches(content)), steps)
    return _in_fields(rest)


def _in_fields(rest: str) -> Finder:
    name, colon, expression = rest.partition(":")
    wanted = name.strip().lower().encode()
    if not wanted:
        raise ValueError(f"'header:{rest}' names no field; use header:NAME or header:NAME:REGEX")
    matches, steps = _regex(expression) if colon else (lambda value: [value.strip()], 1)

    def find(headers: Headers, _content: bytes) -> list[bytes]:
        values = [value for other, value in headers if other.strip().lower() == wanted]
        return _usable([found for value in values for found in matches(value)])

    return Finder(find, 0, steps)


def work(sources: Iterable[str], headers: Headers, content: bytes) -> int:
    """Tells how many steps looking through an answer may take: of some nanoseconds each."""
    finders = [finder(source) for source in sources]
    fields = sum(len(value) for _, value in headers)
    return sum(each.steps * len(content) + each.field_steps * fields for each in finders)


def _regex(expression: str) -> tuple[Callable[[bytes], list[bytes]], int]:
    """Returns what finds the first groups, or all that is matched where there are none, and how
    many steps that takes for an octet.
    """
    # Loaded by those few who need it.
    import re2  # noqa: PLC0415

    options = re2.Options()
    # Any bytes are a text then.
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _REGEX_MEMORY
    try:
        pattern = re2.compile(expression.encode(), options)
    except re2.error as error:
        (said,) = error.args
        raise ValueError(
            f"the regular expression {expression!r} can't be read: {said.decode(errors='replace')}"
        ) from error
    if pattern.programsize > _REGEX_SIZE:
        raise ValueError(
            f"the regular expression {expression!r} is too large for answers to be looked through "
            "quickly; write * or + in place of large counts such as {0,900}"
        )
    group = 1 if pattern.groups else 0

    def find(text: bytes) -> list[bytes]:
        found: list[bytes] = []
        for match in pattern.finditer(text):
            value: bytes | None = match.group(group)
            found.append(value or b"")
            if len(found) == MAX_FOUND:
                break
        return found

    return find, pattern.programsize


def _usable(values: list[bytes]) -> list[bytes]:
    """Empties values that can't stand in a request; the others keep their places."""
    return [value if _is_usable(value) else b"" for value in values]


def _is_usable(value: bytes) -> bool:
    return len(value) <= MAX_VALUE and not any(octet < 0x20 or octet == 0x7F for octet in value)
