"""The front of all formats: which one is it, and who reads it.

Every format is one row of `_READERS`; a new one is its codec's file and a row here.
Knows what first bytes look like, nothing of what comes after. A format's codec is imported
with the first capture that may be of it: a worker starts for each Enqueue that finds none,
and all the codecs together take longer to import than many captures to read.
"""

import io
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from replayd.errors import CaptureError, ReplaydError
from replayd.formats.streams import (
    PackedError,
    Peeked,
    Source,
    Spool,
    Unpacked,
    UpToTear,
    is_packed,
)
from replayd.formats.tnetstring import MAX_LENGTH_DIGITS
from replayd.model.flow import CaptureNote, DamagedFlow, Found
from replayd.reasons import Reason


class Format(Enum):
    """A capture format that is read."""

    MITMPROXY = "mitmproxy"
    HAR = "har"
    GOREPLAY = "goreplay"
    BURP = "burp"
    SAZ = "saz"
    HTTP = "http"
    CURL = "curl"


_Recognise = Callable[[bytes], bool]
"""Tells whether a capture that begins with these bytes is likely of a format."""
_Read = Callable[[Source, Spool], Iterator[Found]]
"""Yields what can be read, and a DamagedFlow where something can't; raises nothing for
damage."""


class _Reader(NamedTuple):
    name: str
    codec: Callable[[], tuple[_Recognise, _Read]]


def _streamed(read: Callable[[Source], Iterator[Found]]) -> _Read:
    """Makes the reader of a format that is read from its beginning to its end."""
    return lambda stream, _spool: read(stream)


def _mitmproxy() -> tuple[_Recognise, _Read]:
    def read(stream: Source, _spool: Spool) -> Iterator[Found]:
        from replayd.formats.mitmproxy import read_dump  # noqa: PLC0415

        return read_dump(stream)

    return _begins_like_tnetstring, read


def _har() -> tuple[_Recognise, _Read]:
    def read(stream: Source, _spool: Spool) -> Iterator[Found]:
        from replayd.formats.har import read_har  # noqa: PLC0415

        return read_har(stream)

    return _begins_like_har, read


def _saz() -> tuple[_Recognise, _Read]:
    def read(stream: Source, spool: Spool) -> Iterator[Found]:
        from replayd.formats.saz import read_saz  # noqa: PLC0415

        return read_saz(stream, spool)

    return _begins_like_zip, read


def _goreplay() -> tuple[_Recognise, _Read]:
    from replayd.formats.goreplay import begins_record, read_goreplay  # noqa: PLC0415

    return begins_record, _streamed(read_goreplay)


def _burp() -> tuple[_Recognise, _Read]:
    from replayd.formats.burp import begins_export, read_burp  # noqa: PLC0415

    return begins_export, _streamed(read_burp)


def _http() -> tuple[_Recognise, _Read]:
    from replayd.formats.http_requests import begins_requests, read_requests  # noqa: PLC0415

    return begins_requests, _streamed(read_requests)


def _curl() -> tuple[_Recognise, _Read]:
    from replayd.formats.curl import begins_curl, read_curl  # noqa: PLC0415

    return begins_curl, _streamed(read_curl)


def _begins_like_har(head: bytes) -> bool:
    return _text(head).startswith(b"{") and b'"log"' in head


def _begins_like_zip(head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04")


def _begins_like_tnetstring(head: bytes) -> bool:
    digits, _, _ = head[: MAX_LENGTH_DIGITS + 1].partition(b":")
    return digits.isdigit()


_READERS = {
    Format.MITMPROXY: _Reader("mitmproxy flow dumps (of mitmproxy 0.11 to 12)", _mitmproxy),
    Format.HAR: _Reader("HAR files", _har),
    Format.GOREPLAY: _Reader("GoReplay files", _goreplay),
    Format.BURP: _Reader("Burp Suite exports (XML)", _burp),
    Format.SAZ: _Reader("Fiddler archives (SAZ)", _saz),
    Format.HTTP: _Reader("HTTP requests (.http)", _http),
    Format.CURL: _Reader("curl commands", _curl),
}

_SNIFFED = 512
"""First bytes that tell."""


def read_capture(
    stream: Source,
    *,
    format: Format | None,  # noqa: A002
    salvage: bool = False,
    spool: Spool = io.BytesIO,
) -> Iterator[Found]:
    """Reads a capture's flows, each after the notes about it; an empty one has none.

    `format` None: the first bytes tell. One that is packed with gzip or zlib is unpacked on
    the way, and the places in errors are those in what was packed. Nothing is read before
    the first `next`; what can't be read from its beginning to its end goes to a file that
    `spool` makes. Raises ReplaydError UNKNOWN_FORMAT, and CaptureError when the capture
    is damaged; with `salvage` it goes on after damage, with a DamagedFlow in its place.
    """
    index = 0
    for found in _read(Peeked(stream, _SNIFFED), format, spool):
        if isinstance(found, DamagedFlow) and not salvage:
            raise CaptureError(
                found.message,
                byte_offset=found.byte_offset,
                flow_index=index,
                reason=found.reason,
            )
        yield found
        index += not isinstance(found, CaptureNote)


def _read(
    peeked: Peeked,
    format: Format | None,  # noqa: A002
    spool: Spool,
) -> Iterator[Found]:
    if is_packed(peeked.head):
        yield from _read_packed(UpToTear(Unpacked(peeked)), format, spool)
    elif read := _reader(peeked.head, format):
        yield from read(peeked, spool)


def _read_packed(
    stream: UpToTear,
    format: Format | None,  # noqa: A002
    spool: Spool,
) -> Iterator[Found]:
    """Reads what is packed. Where it is torn, that is why the last flow can't be read."""
    peeked = Peeked(stream, _SNIFFED)
    read = _reader(peeked.head, format)
    told = False
    for found in read(peeked, spool) if read else ():
        if isinstance(found, DamagedFlow) and stream.tear:
            told = True
            yield _torn(stream.tear)
        else:
            yield found
    if stream.tear and not told:
        yield _torn(stream.tear)


def _torn(tear: PackedError) -> DamagedFlow:
    return DamagedFlow(tear.message, tear.byte_offset)


def _reader(head: bytes, format: Format | None) -> _Read | None:  # noqa: A002
    """Returns who reads a capture that begins so; None: there is nothing to read."""
    if format is not None:
        return _READERS[format].codec()[1]
    if not head:
        return None
    for reader in _READERS.values():
        recognises, read = reader.codec()
        if recognises(head):
            return read
    known = "; ".join(reader.name for reader in _READERS.values())
    raise ReplaydError(
        Reason.UNKNOWN_FORMAT,
        f"the capture is of no format that is read: {_describe(head)}. Read are: {known}. "
        "If it is one of these, name its format",
        first_bytes=repr(head[:16]),
    )


_LOOKS = (
    (b"\x1f\x8b", "a gzip file inside a packed file (unpack it first)"),
    (b"\xff\xfe", "UTF-16 text (save it as UTF-8)"),
    (b"\xfe\xff", "UTF-16 text (save it as UTF-8)"),
    (b"\x28\xb5\x2f\xfd", "a zstd file (unpack it first)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x0a\x0d\x0d\x0a", "a pcapng packet capture"),
    (b"\xd4\xc3\xb2\xa1", "a pcap packet capture"),
)
"""What begins with which bytes, for the error's text."""


def _describe(head: bytes) -> str:
    for magic, name in _LOOKS:
        if head.startswith(magic):
            return f"it looks like {name}"
    text = _text(head).lower()
    if text.startswith((b"{", b"[")):
        return "it is JSON, but not like a HAR file"
    if text.startswith((b"<!doctype html", b"<html")):
        return "it is an HTML page (was it the capture that was downloaded?)"
    if text.startswith(b"<"):
        return "it is XML, but not like a Burp export"
    if text.startswith(b"http/"):
        return "it is an HTTP message, but not a request"
    return f"it begins with {head[:16]!r}"


def _text(head: bytes) -> bytes:
    """Returns a text's beginning without byte order mark and blanks."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()
