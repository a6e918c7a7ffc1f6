"""Values to tnetstrings, byte for byte as mitmproxy writes them.

It writes from the end to the front, since a length stands before what it measures, so that
the keys of a dictionary come out in reverse order. Contents are not copied.
"""

from collections.abc import Iterable

Value = None | bool | int | float | bytes | str | list["Value"] | dict[str, "Value"]

_LARGE = 64 * 1024
"""Bytes of a payload that is not copied."""


def tnetstring(value: Value) -> list[bytes]:
    """Returns the pieces of a value's encoding, in order; one when it is small."""
    pieces: list[bytes] = []
    size = _put(value, pieces)
    pieces.reverse()
    return pieces if size > _LARGE else [b"".join(pieces)]


def _put(value: Value, pieces: list[bytes]) -> int:
    """Appends the pieces of a value from back to front; returns how many bytes they are."""
    # Asked in the order of how many there are: a flow has hundreds.
    if isinstance(value, str):
        return _put_scalar(value.encode(), b";", pieces)
    if value is None:
        pieces.append(b"0:~")
        return 3
    if isinstance(value, bytes):
        return _put_scalar(value, b",", pieces)
    if isinstance(value, dict):
        backwards = [part for name, each in value.items() for part in (each, name)]
        return _put_all(backwards, b"}", pieces)
    if isinstance(value, list):
        return _put_all(reversed(value), b"]", pieces)
    if isinstance(value, bool):
        return _put_scalar(b"true" if value else b"false", b"!", pieces)
    return _put_scalar(repr(value).encode(), b"^" if isinstance(value, float) else b"#", pieces)


def _put_all(backwards: Iterable[Value], tag: bytes, pieces: list[bytes]) -> int:
    pieces.append(tag)
    size = 0
    for each in backwards:
        size += _put(each, pieces)
    prefix = b"%d:" % size
    pieces.append(prefix)
    return len(prefix) + size + 1


def _put_scalar(payload: bytes, tag: bytes, pieces: list[bytes]) -> int:
    prefix = b"%d:" % len(payload)
    if len(payload) < _LARGE:
        pieces.append(prefix + payload + tag)
    else:
        pieces += (tag, payload, prefix)
    return len(prefix) + len(payload) + 1
