r"""Values to JSON (RFC 8259) in pieces, so that no large text is ever made at once.

Text that came of bytes that were no UTF-8 holds them as Python's surrogate escapes; JSON
carries those as `\udcXX`, as mitmproxy does, and `formats.har` reads them back.
"""

import codecs
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_STEP = 192 * 1024
"""Bytes of a content that are encoded at once; a multiple of 3, for base64."""

_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
"""What no text has in it."""


@dataclass(frozen=True, slots=True)
class LongText:
    """UTF-8 that becomes a string."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes that become a string of base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LongList:
    """A list whose members may hold long texts."""

    members: Sequence["Value"]


Value = (
    None
    | bool
    | int
    | float
    | str
    | LongText
    | Base64
    | LongList
    | list["Value"]
    | Mapping[str, "Value"]
)


def json_pieces(value: Value) -> Iterator[bytes]:
    """Yields the pieces of a value's encoding, in order."""
    if isinstance(value, LongText | Base64):
        yield b'"'
        yield from _base64(value.data) if isinstance(value, Base64) else _text(value.data)
        yield b'"'
    elif isinstance(value, Mapping):
        yield b"{"
        for number, (name, each) in enumerate(value.items()):
            yield b"%b%b:" % (b"," if number else b"", json.dumps(name).encode())
            yield from json_pieces(each)
        yield b"}"
    elif isinstance(value, LongList):
        yield b"["
        for number, each in enumerate(value.members):
            yield b"," if number else b""
            yield from json_pieces(each)
        yield b"]"
    else:
        yield json.dumps(value, allow_nan=False).encode()


def is_text(data: bytes) -> bool:
    """Tells whether bytes are UTF-8 without control characters."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in _pieces(data):
            if _CONTROLS.search(piece):
                return False
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _text(data: bytes) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in _pieces(data):
        yield json.dumps(decoder.decode(piece), ensure_ascii=False)[1:-1].encode()


def _base64(data: bytes) -> Iterator[bytes]:
    return map(b64encode, _pieces(data))


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _STEP] for start in range(0, len(data), _STEP))
