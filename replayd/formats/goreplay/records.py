"""GoReplay's files: a stream to its records.

A record is `META LF PAYLOAD LF SEPARATOR LF`; META is `TYPE ID TIME [LATENCY]` with TYPE 1
for a request, 2 for its recorded response, 3 for a replayed one, TIME in nanoseconds since
the epoch. Nothing in a payload is escaped, so that a separator in a content looks like a
record's end. Here it is one only if a META or the end of the file follows, and if the
message's own framing does not say that its content goes on there.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from replayd.formats.http1_messages import (
    MessageError,
    parse_head,
    parse_status_line,
    request_body,
    response_body,
    skip_empty_lines,
)
from replayd.formats.streams import Source

SEPARATOR = "\n🐵🙈🙉\n".encode()

MAX_RECORD_SIZE = 96 << 20
"""Bytes of a payload: a content of 64 MiB, and then some."""

_PIECE = 1 << 18
"""Bytes asked of the stream at once."""

_META = re.compile(rb"([123]) ([0-9A-Za-z]{1,64}) ([0-9]{1,19})(?: (-?[0-9]{1,19}))?\r?\n")
_TORN_META = re.compile(rb"[123](?: [0-9A-Za-z]{0,64}(?: [0-9]{0,19}(?: -?[0-9]{0,19}\r?)?)?)?")
_MAX_META = 128

_TRIES = 16
"""Separators inside one chunked content that are looked beyond."""


class RecordType(IntEnum):
    """What a record holds."""

    REQUEST = 1
    RESPONSE = 2
    REPLAYED_RESPONSE = 3


class Record(NamedTuple):
    """A record, its payload not yet looked into."""

    type: RecordType
    id: str
    """Shared by a request and its responses."""
    time: float
    """Seconds since the epoch; of a message's first packet."""
    latency: float
    """Seconds; what they measure differs between types and versions. 0: unknown."""
    payload: bytes
    torn: bool
    """The file ended before the record did."""


class RecordError(Exception):
    """The bytes are no record; `byte_offset` is where."""

    def __init__(self, message: str, byte_offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.byte_offset = byte_offset


def begins_record(head: bytes) -> bool:
    """Tells whether something that begins so is a GoReplay file."""
    return _META.match(head) is not None


class Records:
    """The records of a stream; iterate once. Raises RecordError: then `resume`, and iterate
    again.
    """

    def __init__(self, stream: Source, max_size: int = MAX_RECORD_SIZE) -> None:
        self._stream = stream
        self._max_size = max_size
        self._buffer = bytearray()
        self._ended = False
        self._offset = 0
        self.torn_line = b""
        """What is left of a last record of which not even the first line is whole."""

    def __iter__(self) -> Iterator[Record]:
        while self._fill(_MAX_META) or self._buffer:
            meta = _META.match(self._buffer)
            if meta is None:
                if b"\n" not in self._buffer and self._ended:
                    self.torn_line = bytes(self._buffer)
                    return
                raise RecordError(
                    "a record must begin with its type, id and time, not with "
                    f"{bytes(self._buffer[:40])!r}",
                    self._offset,
                )
            fields = meta.groups()
            self._drop(meta.end())
            end = self._payload_end()
            payload = self._take(len(self._buffer) if end is None else end)
            if end is not None:
                self._drop(len(SEPARATOR))
            yield _record(fields, payload, torn=end is None)

    def resume(self) -> bool:
        """Goes on after damage with the next record; False when no other one follows."""
        while True:
            found = self._buffer.find(SEPARATOR)
            if found >= 0:
                self._drop(found + len(SEPARATOR))
                self._fill(_MAX_META)
                if _META.match(self._buffer):
                    return True
                continue
            self._drop(max(len(self._buffer) - len(SEPARATOR) + 1, 0))
            if not self._fill(len(self._buffer) + 1):
                return False

    def _fill(self, size: int) -> bool:
        """Makes `size` bytes available; False when the stream has fewer."""
        while len(self._buffer) < size and not self._ended:
            piece = self._stream.read(_PIECE)
            self._ended = not piece
            self._buffer += piece
        return len(self._buffer) >= size

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._offset += size

    def _take(self, size: int) -> bytes:
        taken = self._peek(size)
        self._drop(size)
        return taken

    def _peek(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            return bytes(view[:size])

    def _payload_end(self) -> int | None:
        """Finds where the payload ends; None: the file ends before."""
        first = end = self._separator(0)
        for _ in range(_TRIES):
            if end is None:
                break
            try:
                declared = _declared_end(self._peek(end))
            except MessageError:
                break
            if declared is not None:
                goes_on = declared > end and self._is_separator(declared)
                return declared if goes_on or declared == end else first
            end = self._separator(end + 1)
        return first

    def _separator(self, start: int) -> int | None:
        """Finds the first separator from `start` on that a record or nothing follows."""
        while True:
            found = self._buffer.find(SEPARATOR, start)
            if found >= 0 and self._is_separator(found):
                return found
            if found >= 0:
                start = found + 1
                continue
            start = max(start, len(self._buffer) - len(SEPARATOR) + 1)
            if len(self._buffer) > self._max_size:
                raise RecordError(f"a record is longer than {self._max_size} bytes", self._offset)
            if not self._fill(len(self._buffer) + 1):
                return None

    def _is_separator(self, at: int) -> bool:
        after = at + len(SEPARATOR)
        if after > self._max_size or not self._fill(after):
            return False
        if not self._buffer.startswith(SEPARATOR, at):
            return False
        whole = self._fill(after + _MAX_META)
        if _META.match(self._buffer, after) is not None:
            return True
        left = self._buffer[after : after + _MAX_META]
        return not whole and (not left or _TORN_META.fullmatch(left) is not None)


def _record(fields: tuple[bytes | None, ...], payload: bytes, *, torn: bool) -> Record:
    kind, record_id, time, latency = (field or b"0" for field in fields)
    if torn:
        payload = _without_torn_separator(payload)
    return Record(
        RecordType(int(kind)),
        record_id.decode("ascii"),
        int(time) / 1e9,
        int(latency) / 1e9,
        payload,
        torn,
    )


def _without_torn_separator(payload: bytes) -> bytes:
    for size in range(len(SEPARATOR) - 1, 1, -1):
        if payload.endswith(SEPARATOR[:size]):
            return payload[:-size]
    return payload


def _declared_end(payload: bytes) -> int | None:
    """Returns where the payload's messages say to end; None: beyond it, nobody knows where.

    Raises MessageError for what is no message.
    """
    at = 0
    while at < len(payload):
        head = parse_head(payload, at)
        if head.start_line.startswith(b"HTTP/"):
            status = parse_status_line(head.start_line).status_code
            body = response_body(payload, head, status, b"GET")
        else:
            body = request_body(payload, head)
        if body.content is None or body.end is None:
            return body.end
        at = skip_empty_lines(payload, body.end)
    return at
