"""Values of a decoded structure, read by name and type.

A structure is what a decoder made of untrusted bytes: any key may be missing, any value
of any type. Each function here returns the value as what it must be, or raises
FieldError with the field's name and what stands there instead.
"""

from typing import cast

from replayd.formats.tnetstring_parser import Value
from replayd.model.flow import Headers

Structure = dict[bytes, Value]

LAST_TIME = 253_402_300_800
"""The year 10000, in seconds since the epoch: no timestamp of the contract reaches it."""


class FieldError(Exception):
    """A structure lacks a field, or holds something else there."""


class TimeRangeError(FieldError):
    """A time is a number, but none that a timestamp can say."""


def _wrong(name: bytes, needed: str, value: Value) -> FieldError:
    found = "null" if value is None else f"of type {type(value).__name__}"
    return FieldError(f"{name.decode()!r} must be {needed}, but is {found}")


def require(structure: Structure, name: bytes) -> Value:
    """Returns the value, whatever it is."""
    try:
        return structure[name]
    except KeyError:
        raise FieldError(f"{name.decode()!r} is missing") from None


def substructure(structure: Structure, name: bytes) -> Structure:
    """Returns a dictionary."""
    value = require(structure, name)
    if isinstance(value, dict):
        return value
    raise _wrong(name, "a dictionary", value)


def optional_substructure(structure: Structure, name: bytes) -> Structure | None:
    """Returns a dictionary, or None for null."""
    return None if require(structure, name) is None else substructure(structure, name)


def octets(structure: Structure, name: bytes) -> bytes:
    """Returns bytes; text, which some writers put in their place, as UTF-8."""
    value = structure.get(name)
    if type(value) is bytes:
        return value
    value = require(structure, name)
    if isinstance(value, str):
        return value.encode()
    raise _wrong(name, "bytes", value)


def optional_octets(structure: Structure, name: bytes) -> bytes | None:
    """Returns bytes, or None for null."""
    value = structure.get(name)
    if type(value) is bytes:
        return value
    return None if require(structure, name) is None else octets(structure, name)


def text(structure: Structure, name: bytes) -> str:
    """Returns text; bytes, which some writers put in its place, decoded as UTF-8."""
    value = structure.get(name)
    if type(value) is str:
        return value
    value = require(structure, name)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise FieldError(f"{name.decode()!r} is not UTF-8 text") from None
    raise _wrong(name, "text", value)


def optional_text(structure: Structure, name: bytes) -> str | None:
    """Returns text, or None for null."""
    return None if require(structure, name) is None else text(structure, name)


def flag(structure: Structure, name: bytes) -> bool:
    """Returns a boolean."""
    value = require(structure, name)
    if isinstance(value, bool):
        return value
    raise _wrong(name, "true or false", value)


def integer(structure: Structure, name: bytes, limit: int = 1 << 31) -> int:
    """Returns an integer whose amount is below `limit`."""
    value = require(structure, name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "an integer", value)
    if not -limit < value < limit:
        raise FieldError(f"{name.decode()!r} is out of range")
    return value


def optional_time(structure: Structure, name: bytes) -> float | None:
    """Returns seconds since the epoch; None for null. Raises TimeRangeError too."""
    value = structure.get(name)
    if type(value) is float and 0 <= value < LAST_TIME:
        return value
    value = require(structure, name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _wrong(name, "a time", value)
    # Refuses NaN, infinities, and integers that no float can hold.
    if not 0 <= value < LAST_TIME:
        raise TimeRangeError(f"{name.decode()!r} is {value}, not a time")
    return float(value)


def headers(structure: Structure, name: bytes) -> Headers:
    """Returns header or trailer fields: a list of pairs of bytes."""
    value = require(structure, name)
    if not isinstance(value, tuple):
        raise _wrong(name, "a list", value)
    for pair in value:
        if type(pair) is not tuple or len(pair) != 2:
            raise FieldError(f"{name.decode()!r} must be a list of pairs")
        if type(pair[0]) is not bytes or type(pair[1]) is not bytes:
            raise FieldError(f"{name.decode()!r} must be a list of pairs of bytes")
    return cast(Headers, value)


def optional_headers(structure: Structure, name: bytes) -> Headers:
    """Returns header or trailer fields; none for null."""
    return () if require(structure, name) is None else headers(structure, name)
