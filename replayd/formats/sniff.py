"""The front of all formats: which one is it, and who reads it.

Every format is one row of `_READERS`; a new one is its codec's file and a row here.
Knows what first bytes look like, nothing of what comes after.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from replayd.errors import ReplaydError
from replayd.formats.mitmproxy import read_dump
from replayd.formats.tnetstring import MAX_LENGTH_DIGITS, Source
from replayd.model.flow import CaptureNote, Flow
from replayd.reasons import Reason


class Format(Enum):
    """A capture format that is read."""

    MITMPROXY = "mitmproxy"


class _Reader(NamedTuple):
    name: str
    recognises: Callable[[bytes], bool]
    """Whether a capture that begins with these bytes is likely of this format."""
    read: Callable[[Source], Iterator[Flow | CaptureNote]]


def _begins_like_tnetstring(head: bytes) -> bool:
    digits, _, _ = head[: MAX_LENGTH_DIGITS + 1].partition(b":")
    return digits.isdigit()


_READERS = {
    Format.MITMPROXY: _Reader(
        "mitmproxy flow dumps (of mitmproxy 0.11 to 12)", _begins_like_tnetstring, read_dump
    ),
}

_SNIFFED = 512
"""First bytes that tell."""


def read_capture(stream: Source, *, format: Format | None) -> Iterator[Flow | CaptureNote]:  # noqa: A002
    """Reads a capture's flows, each after the notes about it; an empty one has none.

    `format` None: the first bytes tell. Nothing is read before the first `next`.
    Raises ReplaydError UNKNOWN_FORMAT, and CaptureError when the capture is damaged.
    """
    if format is not None:
        yield from _READERS[format].read(stream)
        return
    peeked = _Peeked(stream)
    head = peeked.head
    if not head:
        return
    for reader in _READERS.values():
        if reader.recognises(head):
            yield from reader.read(peeked)
            return
    known = "; ".join(reader.name for reader in _READERS.values())
    raise ReplaydError(
        Reason.UNKNOWN_FORMAT,
        f"the capture looks like {_describe(head)}, which is not read. Known are: {known}. "
        "If it is one of these, name its format",
        first_bytes=repr(head[:16]),
    )


class _Peeked:
    """A stream whose first bytes can be looked at before they are read."""

    def __init__(self, stream: Source) -> None:
        self._stream = stream
        head = b""
        while len(head) < _SNIFFED and (piece := stream.read(_SNIFFED - len(head))):
            head += piece
        self.head = head
        self._rest = head

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end."""
        if not self._rest:
            return self._stream.read(size)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


_LOOKS = (
    (b"\x1f\x8b", "a gzip file (unpack it first)"),
    (b"x\x9c", "zlib data, such as a .zhar (unpack it first)"),
    (b"\x28\xb5\x2f\xfd", "a zstd file (unpack it first)"),
    (b"PK\x03\x04", "a zip archive, such as a .saz (unpack it first)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x0a\x0d\x0d\x0a", "a pcapng packet capture"),
    (b"\xd4\xc3\xb2\xa1", "a pcap packet capture"),
    (b"curl ", "curl commands"),
    (b"1 ", "a GoReplay file"),
    (b"2 ", "a GoReplay file"),
)
"""What begins with which bytes, for the error's text."""


def _describe(head: bytes) -> str:
    for magic, name in _LOOKS:
        if head.startswith(magic):
            return name
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"{", b"[")):
        return "JSON, such as a HAR file" if b'"log"' in text else "JSON"
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page (was it the capture that was downloaded?)"
    if text.startswith(b"<"):
        return "XML, such as a Burp export"
    if b" http/1." in text.partition(b"\n")[0]:
        return "a plain HTTP message"
    return f"nothing known (it begins with {head[:16]!r})"
