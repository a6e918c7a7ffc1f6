"""Reads plain HTTP/1.1 responses fast; hands everything else to the reader on h11. Pure.

Plain is what nearly every server sends: a head that comes whole, fields of one line each,
and one Content-Length or chunks without extensions and trailers. One regular expression
checks the head's bytes, more strictly than h11 does; whatever it does not take, h11 reads
from the first byte, or from the chunk where it stopped being plain. So the two can differ
only in what is accepted here, and a test compares that over millions of responses.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.reasons import Reason
from replayd.wire.reader import ResponseReader, connection_facts
from replayd.wire.settings import WireSettings

_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-9][0-9][0-9]) ([\x20-\x7e]*+)\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
)
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_CHUNK_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")
_LAST_CHUNK = b"0\r\n\r\n"
_CHUNK_END = b"\r\n"
_WITHOUT_CONTENT = (204, 304)
_FIELD = re.compile(rb"([^:]++):[\t ]*+([^\r]*+)\r\n")
"""A field of a block that `_HEAD` took: its value ends with the spaces that follow it."""
_HEEDED = frozenset(
    {
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"transfer-encoding",
        b"www-authenticate",
    }
)
"""Fields that say something about the connection or the content's end."""


class _Said(NamedTuple):
    """What fields say besides the content's length."""

    chunked: bool | None
    """None: it has codings that are not plain."""
    reusable: bool
    idle_seconds: int | None
    bound: bool


@lru_cache(maxsize=256)
def _said(fields: tuple[tuple[bytes, bytes], ...]) -> _Said:
    """Understands fields with names in lower case; servers say the same again and again."""
    facts = connection_facts(fields)
    codings = [coding.lower() for coding in facts.codings]
    chunked = None if codings not in ([], [b"chunked"]) else bool(codings)
    return _Said(chunked, b"close" not in facts.options, facts.idle_seconds, facts.bound)


@lru_cache(maxsize=64)
def _heeded(names: tuple[bytes, ...]) -> list[tuple[int, bytes]]:
    """Tells which of these fields are heeded; servers send the same ones again and again."""
    return [(at, lower) for at, name in enumerate(names) if (lower := name.lower()) in _HEEDED]


class _Head(NamedTuple):
    """A plain head."""

    head: ResponseHead
    end: int
    """Where the content begins."""
    length: int | None
    """What it says of the content's; None: nothing."""
    empty: bool
    """There is no content, whatever it says."""
    said: _Said


def _plain_head(data: bytes, method: bytes, settings: WireSettings) -> _Head | None:
    """Understands a head; None: it is not plain."""
    found = _HEAD.match(data)
    if found is None:
        return None
    status, reason, block = found.groups()
    end = found.end()
    fields = _FIELD.findall(block)
    if end > settings.head_size_limit or len(fields) >= settings.head_field_limit:
        return None
    if b" \r" in block or b"\t\r" in block:
        fields = [(name, value.rstrip(b"\t ")) for name, value in fields]
    length = b""
    others = []
    for at, lower in _heeded(next(zip(*fields, strict=True), ())):
        value = fields[at][1]
        if lower != b"content-length":
            others.append((lower, value))
        elif length or _LENGTH.fullmatch(value) is None:
            return None
        else:
            length = value
    said = _said(tuple(others))
    if said.chunked is None or (length and said.chunked) or method == b"CONNECT":
        return None
    status_code = int(status)
    empty = method == b"HEAD" or status_code in _WITHOUT_CONTENT
    if not (empty or length or said.chunked):
        return None
    head = ResponseHead(b"HTTP/1.1", status_code, reason, tuple(fields))
    return _Head(head, end, int(length) if length else None, empty, said)


class Whole(NamedTuple):
    """A plain response that came at once; see `reader.ResponseReader`."""

    head: ResponseHead
    content: bytes
    reusable: bool
    idle_seconds: int | None
    bound: bool


def read_whole(data: bytes, method: bytes, settings: WireSettings) -> Whole | None:
    """Reads a response to a request with this method, as `PlainReader` does; None: these bytes
    are not exactly one plain response.
    """
    plain = _plain_head(data, method, settings)
    if plain is None:
        return None
    head, end, length, empty, (chunked, reusable, idle_seconds, bound) = plain
    content: bytes | None = data[end:]
    if chunked and not empty:
        content = _whole_chunks(data, end)
    elif len(data) - end != (0 if empty else length):
        content = None
    if content is None:
        return None
    return Whole(head, content, reusable, idle_seconds, bound)


def _whole_chunks(data: bytes, at: int) -> bytes | None:
    pieces: list[bytes] = []
    while line := _CHUNK.match(data, at):
        start = line.end()
        end = start + int(line[1], 16)
        if end == start:
            return b"".join(pieces) if data[at:] == _LAST_CHUNK else None
        at = end + len(_CHUNK_END)
        if data[end:at] != _CHUNK_END:
            return None
        pieces.append(data[start:end])
    return None


class PlainReader:
    """Reads one response to a request with this method; see `reader.ResponseReader`."""

    head: ResponseHead | None = None
    continued = False
    complete = False
    trailers: Headers = ()
    lenient = False
    declared_length = False
    reusable = False
    idle_seconds: int | None = None
    bound = False
    _other: ResponseReader | None = None
    _block = b""
    """The head's bytes, for h11 should the chunks stop being plain."""
    _left = 0
    """Bytes of the content, or of the chunk with its line end, that are still to come."""
    _held = b""
    """The beginning of a chunk's first line."""

    def __init__(self, method: bytes, settings: WireSettings) -> None:
        self._method = method
        self._settings = settings

    def feed(self, data: bytes, write: Callable[[bytes], object]) -> None:
        """Takes what came; see `ResponseReader.feed`."""
        if self._other is not None:
            self._pass_on(self._other, data, write)
        elif self.head is None:
            self._begin(data, write)
        elif self.complete:
            self._end_with(data)
        elif self.declared_length:
            self._take_length(data, write)
        else:
            self._take_chunks(data, write)

    # The head

    def _begin(self, data: bytes, write: Callable[[bytes], object]) -> None:
        plain = _plain_head(data, self._method, self._settings)
        if plain is None:
            self._hand_over(data, write)
            return
        self.head, end, length, self.complete, said = plain
        chunked, self.reusable, self.idle_seconds, self.bound = said
        if length is not None:
            self.declared_length = True
            self._left = length
        rest = data[end:]
        if self.complete:
            self._end_with(rest)
        elif not chunked:
            if rest or not self._left:
                self._take_length(rest, write)
        else:
            self._block = data[:end]
            if rest:
                self._take_chunks(rest, write)

    # The content

    def _take_length(self, data: bytes, write: Callable[[bytes], object]) -> None:
        if not data and self._left:
            raise WireError(
                Reason.CLOSED_EARLY,
                f"the server closed early: {self._left} bytes of the content are missing",
            )
        content = data if len(data) <= self._left else data[: self._left]
        self._left -= len(content)
        if not self._left:
            self.complete = True
            self._end_with(data[len(content) :])
        if content:
            write(content)

    def _take_chunks(self, data: bytes, write: Callable[[bytes], object]) -> None:
        if not data:
            self._hand_over_chunks(self._held, write)
            self.feed(data, write)
            return
        data = self._held + data
        self._held = b""
        pieces: list[bytes] = []
        try:
            odd_from = self._plain_chunks(data, pieces)
        finally:
            # One write, however small the chunks; also of what came before a fault.
            if pieces:
                write(b"".join(pieces))
        if odd_from is not None:
            self._hand_over_chunks(data[odd_from:], write)

    def _plain_chunks(self, data: bytes, pieces: list[bytes]) -> int | None:
        """Takes chunks; returns where one begins that is not plain, if one does."""
        at, end = 0, len(data)
        while at < end:
            if self._left:
                at = self._take_chunk(data, at, pieces)
                continue
            line = _CHUNK.match(data, at)
            if line is None:
                if _CHUNK_BEGUN.fullmatch(data, at) is None:
                    return at
                self._held = data[at:]
                return None
            size = int(line[1], 16)
            if not size:
                return self._take_last_chunk(data, at)
            self._left = size + len(_CHUNK_END)
            at = line.end()
        return None

    def _take_chunk(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Takes what is there of a chunk; returns where that ends."""
        content = self._left - len(_CHUNK_END)
        if content > 0:
            piece = data[at : at + content]
            pieces.append(piece)
            self._left -= len(piece)
            return at + len(piece)
        wanted = _CHUNK_END[-self._left :]
        found = data[at : at + len(wanted)]
        if not wanted.startswith(found):
            raise WireError(
                Reason.INVALID_RESPONSE,
                f"in the response's content: a chunk is followed by {found!r}, not by a line end",
            )
        self._left -= len(found)
        return at + len(found)

    def _take_last_chunk(self, data: bytes, at: int) -> int | None:
        last = data[at : at + len(_LAST_CHUNK)]
        if last == _LAST_CHUNK:
            self.complete = True
            self._end_with(data[at + len(_LAST_CHUNK) :])
        elif _LAST_CHUNK.startswith(last):
            self._held = last
        else:
            return at
        return None

    def _end_with(self, data: bytes) -> None:
        """Bytes after the response: nobody asked for them, so nobody reads on here."""
        if data:
            self.reusable = False

    # What is not plain

    def _hand_over_chunks(self, rest: bytes, write: Callable[[bytes], object]) -> None:
        """Lets h11 go on, as if the content began with the chunk in `rest`."""
        broken_off = self._left
        self._hand_over(self._block, write)
        if broken_off:
            # The server closed inside a chunk: so it does for h11.
            rest = b"%x\r\n" % broken_off
        if rest:
            self.feed(rest, write)

    def _hand_over(self, data: bytes, write: Callable[[bytes], object]) -> None:
        # Most servers never need h11, whose loading would make each start longer.
        from replayd.wire.http1 import H11Reader  # noqa: PLC0415

        self._other = H11Reader(self._method, self._settings)
        self._pass_on(self._other, data, write)

    def _pass_on(
        self, other: ResponseReader, data: bytes, write: Callable[[bytes], object]
    ) -> None:
        try:
            other.feed(data, write)
        finally:
            self.head = other.head
            self.continued = other.continued
            self.complete = other.complete
            self.trailers = other.trailers
            self.lenient = other.lenient
            self.declared_length = other.declared_length
            self.reusable = other.reusable
            self.idle_seconds = other.idle_seconds
            self.bound = other.bound
