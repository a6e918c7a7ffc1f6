"""Tnetstrings, in the variant of mitmproxy's flow dumps: bytes to Python values.

`LENGTH ":" PAYLOAD TAG`: LENGTH is PAYLOAD's size in decimal digits, TAG its type:
`,` bytes, `;` UTF-8 text, `#` integer, `^` float, `!` true or false, `~` null, `]` a list
of tnetstrings, `}` a dictionary of alternating keys (`;` or `,`) and values.

`Records` cuts a stream into top-level records, one in memory at a time; `parse` turns a
record's payload into values. Dictionary keys are bytes. Neither knows what the values
mean. Every TnetstringError carries the exact byte offset of what is wrong.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

MAX_LENGTH_DIGITS = 12
"""As mitmproxy: more digits are "an absurdly large length prefix"."""

MAX_DEPTH = 16
"""Flows nest six deep; free-form metadata, which may nest deeper, is skipped."""

MAX_RECORD_SIZE = 192 << 20
"""Bytes: a request and a response of 64 MiB each, and then some."""

_PIECE = 1 << 18
"""Bytes asked of the stream at once: a long record grows by what really arrives."""

Value = bytes | str | int | float | bool | None | list["Value"] | dict[bytes, "Value"]


class Source(Protocol):
    """What a capture is read from."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end."""


class TnetstringError(Exception):
    """The bytes are not a tnetstring; `byte_offset` is where."""

    def __init__(self, message: str, byte_offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.byte_offset = byte_offset


class Record(NamedTuple):
    """A top-level tnetstring, its payload not yet looked into."""

    offset: int
    """Where it begins in the stream."""
    payload_offset: int
    payload: bytes
    tag: bytes


class Records:
    """The records of a stream; iterate once. Raises TnetstringError."""

    def __init__(self, stream: Source, max_size: int = MAX_RECORD_SIZE) -> None:
        self._stream = stream
        self._max_size = max_size
        self._buffer = b""
        self._position = 0
        self._offset = 0
        self.record_offset = 0
        """Where the record being read, or read last, begins."""

    def __iter__(self) -> Iterator[Record]:
        while self._fill():
            self.record_offset = self._offset
            size = self._take_length()
            payload_offset = self._offset
            data = self._take(size + 1)
            if len(data) <= size:
                raise TnetstringError(
                    f"the capture ends at byte {self._offset}, inside a record that says "
                    f"to be {size} bytes long",
                    self.record_offset,
                )
            yield Record(self.record_offset, payload_offset, data[:-1], data[-1:])

    def _fill(self) -> bool:
        """Makes a whole length prefix available; False at the end of the stream."""
        rest = self._buffer[self._position :]
        while len(rest) <= MAX_LENGTH_DIGITS:
            piece = self._stream.read(_PIECE)
            if not piece:
                break
            rest += piece
        self._buffer, self._position = rest, 0
        return bool(rest)

    def _take_length(self) -> int:
        prefix = self._buffer[: MAX_LENGTH_DIGITS + 1]
        digits, colon, _ = prefix.partition(b":")
        if not digits.isdigit() or (not colon and len(prefix) > MAX_LENGTH_DIGITS):
            raise TnetstringError(
                "a record must begin with its length in at most 12 digits and a colon, "
                f"not with {prefix!r}",
                self.record_offset,
            )
        if not colon:
            raise TnetstringError("the capture ends inside a record's length", self.record_offset)
        self._position = len(digits) + 1
        self._offset += self._position
        size = int(digits)
        if size > self._max_size:
            raise TnetstringError(
                f"a record of {size} bytes is longer than the limit of {self._max_size}; "
                "leave out its content",
                self.record_offset,
            )
        return size

    def _take(self, size: int) -> bytes:
        """Returns `size` bytes, fewer only when the stream ends."""
        pieces = []
        while True:
            piece = self._buffer[self._position : self._position + size]
            self._position += len(piece)
            self._offset += len(piece)
            pieces.append(piece)
            size -= len(piece)
            if not size:
                break
            self._buffer, self._position = self._stream.read(_PIECE), 0
            if not self._buffer:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def parse(record: Record, skip: frozenset[bytes] = frozenset()) -> Value:
    """Decodes a record's payload; the containers under keys in `skip` become empty
    without being looked into.

    Raises TnetstringError.
    """
    payload, end = record.payload, len(record.payload)
    try:
        return _Parser(payload, skip).value(record.tag[0], 0, end, 0)
    except TnetstringError as error:
        offset = error.byte_offset + record.payload_offset
        raise TnetstringError(error.message, offset) from None


class _Parser:
    """Decodes within one payload; offsets count from the payload's first byte."""

    def __init__(self, data: bytes, skip: frozenset[bytes]) -> None:
        self._data = data
        self._skip = skip

    def value(self, tag: int, start: int, end: int, depth: int) -> Value:
        """Decodes what lies between `start` and `end`, where the tag stands."""
        if tag == _BYTES:
            return self._data[start:end]
        if tag == _DICTIONARY:
            return self._dictionary(start, end, depth + 1)
        if tag == _LIST:
            return self._list(start, end, depth + 1)
        decode = _SCALARS.get(tag)
        if decode is None:
            raise TnetstringError(f"there is no type {bytes((tag,))!r}", end)
        try:
            return decode(self._data[start:end])
        except ValueError:
            raise TnetstringError(f"this is no {_NAMES[tag]}", start) from None

    def _span(self, start: int, limit: int) -> tuple[int, int]:
        """Finds where the payload of the tnetstring at `start` begins and ends."""
        colon = self._data.find(b":", start, start + MAX_LENGTH_DIGITS + 1)
        digits = self._data[start:colon]
        if colon < 0 or not digits.isdigit():
            raise TnetstringError("a length and a colon are missing", start)
        end = colon + 1 + int(digits)
        if end >= limit:
            raise TnetstringError(f"a length of {int(digits)} reaches too far", start)
        return colon + 1, end

    def _dictionary(self, start: int, limit: int, depth: int) -> dict[bytes, Value]:
        _check_depth(depth, start)
        data, out = self._data, dict[bytes, Value]()
        while start < limit:
            key_start, key_end = self._span(start, limit)
            if data[key_end] not in (_TEXT, _BYTES):
                raise TnetstringError("a key must be text", key_end)
            key = data[key_start:key_end]
            value_start, end = self._span(key_end + 1, limit)
            tag = data[end]
            if key in self._skip and tag in (_LIST, _DICTIONARY):
                out[key] = {} if tag == _DICTIONARY else []
            else:
                out[key] = self.value(tag, value_start, end, depth)
            start = end + 1
        return out

    def _list(self, start: int, limit: int, depth: int) -> list[Value]:
        _check_depth(depth, start)
        out: list[Value] = []
        while start < limit:
            value_start, end = self._span(start, limit)
            out.append(self.value(self._data[end], value_start, end, depth))
            start = end + 1
        return out


def _check_depth(depth: int, start: int) -> None:
    if depth > MAX_DEPTH:
        raise TnetstringError(f"values nest deeper than {MAX_DEPTH} levels", start)


def _boolean(data: bytes) -> bool:
    if data in (b"true", b"false"):
        return data == b"true"
    raise ValueError(data)


def _null(data: bytes) -> None:
    if data:
        raise ValueError(data)


_BYTES, _TEXT, _LIST, _DICTIONARY = b",;]}"
_SCALARS: dict[int, Callable[[bytes], Value]] = {
    _TEXT: bytes.decode,
    ord("#"): int,
    ord("^"): float,
    ord("!"): _boolean,
    ord("~"): _null,
}
_NAMES = {_TEXT: "UTF-8 text", 35: "integer", 94: "number", 33: "boolean", 126: "null"}
