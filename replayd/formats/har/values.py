"""Values of a HAR's objects, read by name and type.

Tools differ: numbers stand as text, lists are null, header fields are objects, pairs or
one object. Each function takes every form that means only one thing, and raises
FieldError with the name for any other.
"""

import re
from collections.abc import Iterator
from typing import Any

from replayd.formats.fields import FieldError
from replayd.formats.header_fields import value_of
from replayd.formats.times import iso_8601
from replayd.model.flow import Headers

Object = dict[str, Any]

_INTEGER = re.compile(r"-?[0-9]{1,18}")

_MAX_MILLISECONDS = 1e10
"""Months: what lasted longer is a mistake."""


def subobject(parent: Object, name: str) -> Object:
    """Returns an object; an empty one where it is missing or null."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FieldError(f"{name!r} must be an object")
    return value


def text(parent: Object, name: str) -> str:
    """Returns text, which must be there and not be empty."""
    value = optional_text(parent, name)
    if not value:
        raise FieldError(f"{name!r} is missing")
    return value


def optional_text(parent: Object, name: str) -> str:
    """Returns text; empty where it is missing or null. A number is as good as its digits."""
    value = parent.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise FieldError(f"{name!r} must be text")


def integer(parent: Object, name: str) -> int:
    """Returns an integer; -1, as HAR says "unknown", where it is missing or none."""
    value = parent.get(name)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def duration(parent: Object, name: str) -> float | None:
    """Returns milliseconds as seconds; None where they are unknown: missing, below 0, odd."""
    value = parent.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # One comparison refuses NaN, infinities, and integers that no float can hold.
    return value / 1000 if 0 <= value < _MAX_MILLISECONDS else None


def time(parent: Object, name: str) -> float | None:
    """Returns a date and time in seconds since the epoch; None where it is missing.

    Without a zone it is taken as UTC.
    """
    said = parent.get(name)
    if said is None or said == "":
        return None
    seconds = iso_8601(said) if isinstance(said, str) else None
    if seconds is None:
        raise FieldError(f"{name!r} is {said!r:.60}, not a time")
    return seconds


def octets(said: str, what: str) -> bytes:
    """Encodes text as UTF-8.

    Bytes that were no UTF-8 stand in it as Python's surrogate escapes: put there by
    mitmproxy, or when the file was read. Half a character of UTF-16 is an error.
    """
    try:
        return said.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise FieldError(f"{what} holds half a character ({said[error.start]!a})") from None


def headers(parent: Object, name: str) -> Headers:
    """Returns header fields in their order; none where the list is missing or null."""
    found = []
    for position, (key, value) in enumerate(_pairs(parent.get(name), name)):
        where = f"{name}[{position}]"
        if not isinstance(key, str) or not key:
            raise FieldError(f"{where} has no name")
        # Polly lists the values of all fields of a name.
        for each in value if isinstance(value, list) else (value,):
            said = optional_text({where: each}, where)
            found.append((octets(key, where), octets(said, where)))
    return tuple(found)


def _pairs(value: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Yields names and values from a list of objects, a list of pairs, or one object."""
    if isinstance(value, dict):
        yield from value.items()
        return
    if value is not None and not isinstance(value, list):
        raise FieldError(f"{name!r} must be a list")
    for position, each in enumerate(value or ()):
        if isinstance(each, dict):
            yield each.get("name"), each.get("value")
        elif isinstance(each, list) and len(each) == 2:
            yield each[0], each[1]
        else:
            raise FieldError(f"{name}[{position}] must have a name and a value")


def content_type(headers: Headers, described: Object) -> bytes:
    """Returns the Content-Type field's value, else what the HAR itself says."""
    said = described.get("mimeType")
    declared = said.encode("utf-8", "replace") if isinstance(said, str) else b""
    return value_of(headers, b"content-type") or declared
