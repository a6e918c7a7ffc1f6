"""Streams of captures, looked at and unpacked before a codec reads them.

Knows gzip (RFC 1952) and zlib (RFC 1950), nothing of what is inside. What is unpacked is
never held: each read makes about as many bytes as were asked for, whatever a hostile
stream would swell to.
"""

import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

_PACKED_PIECE = 1 << 16
"""Packed bytes asked of the stream at once."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MAGIC = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class Source(Protocol):
    """What a capture is read from."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end."""


Spool = Callable[[], BinaryIO]
"""Makes an empty file to write to and read from, which is gone when it is closed: for what
can't be read from its beginning to its end."""


class PackedError(Exception):
    """A packed stream is damaged; the text says how, `byte_offset` counts unpacked bytes."""

    def __init__(self, message: str, byte_offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.byte_offset = byte_offset


class Peeked:
    """A stream whose first `size` bytes, in `head`, can be looked at before they are read."""

    def __init__(self, stream: Source, size: int) -> None:
        self._stream = stream
        head = b""
        while len(head) < size and (piece := stream.read(size - len(head))):
            head += piece
        self.head = head
        self._rest = head

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end."""
        if not self._rest:
            return self._stream.read(size)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


class UpToTear:
    """A packed stream up to where it is damaged, as if it ended there."""

    def __init__(self, stream: Source) -> None:
        self._stream = stream
        self.tear: PackedError | None = None
        """How it is damaged, once that was reached."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end, or the damage."""
        if self.tear is None:
            try:
                return self._stream.read(size)
            except PackedError as error:
                self.tear = error
        return b""


def read_whole(stream: Source, max_size: int) -> bytes | None:
    """Returns all of a stream; None when it has more than `max_size` bytes."""
    pieces, size = [], 0
    while piece := stream.read(_PACKED_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > max_size:
            return None
    return b"".join(pieces)


def is_packed(head: bytes) -> bool:
    """Tells whether a stream that begins so is gzip or zlib data."""
    return head.startswith(_MAGIC)


class Unpacked:
    """What a gzip or zlib stream holds; members that follow each other count as one."""

    def __init__(self, stream: Source) -> None:
        self._stream = stream
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._packed = b""
        self._offset = 0

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end. Raises PackedError."""
        while True:
            if not self._packed:
                self._packed = self._stream.read(_PACKED_PIECE)
            if self._inflater.eof and not self._next_member():
                return b""
            ended = not self._packed
            try:
                piece = self._inflater.decompress(self._packed, size)
            except zlib.error as error:
                raise PackedError(f"the packed data is damaged ({error})", self._offset) from None
            inflater = self._inflater
            self._packed = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            self._offset += len(piece)
            if piece:
                return piece
            if ended and not inflater.eof:
                raise PackedError("the packed data ends before it is whole", self._offset)

    def _next_member(self) -> bool:
        """Begins what follows a whole member: another one, zeros as on tapes, or nothing."""
        while not (rest := self._packed.lstrip(b"\0")):
            self._packed = self._stream.read(_PACKED_PIECE)
            if not self._packed:
                return False
        self._packed = rest
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        return True
