"""Tnetstrings, in the variant of mitmproxy's flow dumps: a stream to its records.

`LENGTH ":" PAYLOAD TAG`: LENGTH is PAYLOAD's size in decimal digits, TAG its type:
`,` bytes, `;` UTF-8 text, `#` integer, `^` float, `!` true or false, `~` null, `]` a list
of tnetstrings, `}` a dictionary of alternating keys (`;` or `,`) and values.

`Records` cuts a stream into its top-level tnetstrings, one in memory at a time, and does
not look into them: that is `tnetstring_parser`. Every TnetstringError carries the exact
byte offset of what is wrong; to go on after it, `tnetstring_search` finds the next record.
"""

from collections.abc import Iterator
from typing import NamedTuple

from replayd.formats.streams import Source
from replayd.formats.tnetstring_search import Search, Signature

MAX_LENGTH_DIGITS = 12
"""As mitmproxy: more digits are "an absurdly large length prefix"."""

MAX_RECORD_SIZE = 192 << 20
"""Bytes: a request and a response of 64 MiB each, and then some."""

_PIECE = 1 << 18
"""Bytes asked of the stream at once: a long record grows by what really arrives."""

_HANDLED_AGAIN = 1 << 31
"""Bytes that searches may handle again, beside 32 times what was read: where one needs more
than some pieces in memory, each one after it handles all of them.
"""


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
    """The records of a stream; iterate once. Raises TnetstringError: then `resume`, and
    iterate again.
    """

    def __init__(self, stream: Source, max_size: int = MAX_RECORD_SIZE) -> None:
        self._stream = stream
        self._max_size = max_size
        self._buffer = b""
        self._position = 0
        self._offset = 0
        self._taken: tuple[bytes, ...] = ()
        self._whole = False
        self._handled_again = 0
        self.record_offset = 0
        """Where the record being read, or read last, begins."""

    def __iter__(self) -> Iterator[Record]:
        while self._fill():
            self.record_offset = self._offset
            self._taken, self._whole = (), False
            size = self._take_length()
            payload_offset = self._offset
            data = self._take(size + 1)
            self._taken += (data,)
            self._whole = len(data) > size
            if not self._whole:
                raise TnetstringError(
                    f"the capture ends at byte {self._offset}, inside a record that says "
                    f"to be {size} bytes long",
                    self.record_offset,
                )
            yield Record(self.record_offset, payload_offset, data[:-1], data[-1:])

    def resume(self, signature: Signature) -> bool:
        """Goes on after damage in the record read last; False when no other one follows, or
        when looking for it after so much damage would take too long.

        Where that one's length leads to the next record it was right; else the next one
        is searched from its first byte on.
        """
        if self._handled_again > _HANDLED_AGAIN + 32 * (self._offset + len(self._buffer)):
            return False
        rest = self._buffer[self._position :]
        search = Search(rest, self._stream, signature, self._max_size)
        if self._whole and search.ended():
            return False
        start = self._offset
        found = self._whole and search.begins_record()
        if not found:
            start = self.record_offset
            data = b"".join((*self._taken, search.data))
            search = Search(data, self._stream, signature, self._max_size)
            found = search.find(1)
            self._handled_again += max(len(data) - 2 * _PIECE, 0)
        self._handled_again += max(len(search.data) - 2 * _PIECE, 0)
        self._buffer, self._position = search.data, 0
        self._offset = start + search.skipped
        return found

    def _fill(self) -> bool:
        """Makes a whole length prefix available; False at the end of the stream."""
        if len(self._buffer) - self._position > MAX_LENGTH_DIGITS:
            return True
        rest = self._buffer[self._position :]
        while len(rest) <= MAX_LENGTH_DIGITS:
            piece = self._stream.read(_PIECE)
            if not piece:
                break
            rest += piece
        self._buffer, self._position = rest, 0
        return bool(rest)

    def _take_length(self) -> int:
        start = self._position
        prefix = self._buffer[start : start + MAX_LENGTH_DIGITS + 1]
        digits, colon, _ = prefix.partition(b":")
        if not digits.isdigit() or (not colon and len(prefix) > MAX_LENGTH_DIGITS):
            raise TnetstringError(
                "a record must begin with its length in at most 12 digits and a colon, "
                f"not with {prefix!r}",
                self.record_offset,
            )
        if not colon:
            raise TnetstringError("the capture ends inside a record's length", self.record_offset)
        self._taken = (digits, colon)
        self._position += len(digits) + 1
        self._offset += len(digits) + 1
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
