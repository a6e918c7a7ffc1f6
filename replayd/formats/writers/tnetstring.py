"""Values to tnetstrings, byte for byte as mitmproxy writes them.

It writes from the end to the front, since a length stands before what it measures, so that
the keys of a dictionary come out in reverse order. Contents are not copied.
"""

from collections.abc import Iterable, Mapping

Value = None | bool | int | float | bytes | str | list["Value"] | Mapping[str, "Value"]


def tnetstring(value: Value) -> list[bytes]:
    """Returns the pieces of a value's encoding, in order."""
    pieces: list[bytes] = []
    _put(value, pieces)
    pieces.reverse()
    return pieces


def _put(value: Value, pieces: list[bytes]) -> int:
    """Appends the pieces of a value from back to front; returns how many bytes they are."""
    if isinstance(value, Mapping):
        backwards = (part for name, each in value.items() for part in (each, name))
        return _put_all(backwards, b"}", pieces)
    if isinstance(value, list):
        return _put_all(reversed(value), b"]", pieces)
    payload, tag = _scalar(value)
    prefix = b"%d:" % len(payload)
    pieces += (tag, payload, prefix)
    return len(prefix) + len(payload) + 1


def _put_all(backwards: Iterable[Value], tag: bytes, pieces: list[bytes]) -> int:
    pieces.append(tag)
    size = sum(_put(each, pieces) for each in backwards)
    prefix = b"%d:" % size
    pieces.append(prefix)
    return len(prefix) + size + 1


def _scalar(value: bool | int | float | bytes | str | None) -> tuple[bytes, bytes]:
    if value is None:
        return b"", b"~"
    if isinstance(value, bytes):
        return value, b","
    if isinstance(value, str):
        return value.encode(), b";"
    if isinstance(value, bool):
        return (b"true" if value else b"false"), b"!"
    return repr(value).encode(), (b"^" if isinstance(value, float) else b"#")
