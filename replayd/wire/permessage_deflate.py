"""Compresses WebSocket messages (permessage-deflate, RFC 7692). Pure; knows no frames.

What comes is inflated up to a limit and not a byte further, so that a small message can't
become a large one in memory.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

_TAIL = b"\0\0\xff\xff"
"""The end of a flushed block: not sent (RFC 7692 section 7.2.1)."""

_EMPTY = b"\0"
"""An empty message; zlib flushes nothing at all when nothing is new (section 7.2.3.6)."""

_MIN_WINDOW_BITS = 9
"""zlib's smallest raw window. It refers back 250 bytes at most, so that a window of 8 bits
is enough for who inflates it, and what was made with 8 bits fits in it."""


class Deflate(NamedTuple):
    """What both sides agreed on (RFC 7692 section 7.1)."""

    client_window_bits: int = 15
    server_window_bits: int = 15
    client_forgets: bool = False
    """We compress each message for itself (`client_no_context_takeover`)."""
    server_forgets: bool = False


class TooLargeError(Exception):
    """A message inflates to more than there is room for."""


class Compressor:
    """Compresses the messages of one side."""

    def __init__(self, window_bits: int, *, forgets: bool) -> None:
        self._bits = max(window_bits, _MIN_WINDOW_BITS)
        self._forgets = forgets
        self._zlib = self._new()

    def compress(self, content: bytes) -> bytes:
        """Returns a whole message, compressed."""
        if not content:
            return _EMPTY
        compressed = self._zlib.compress(content) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
        if self._forgets:
            self._zlib = self._new()
        return compressed.removesuffix(_TAIL)

    def compress_in_pieces(self, content: bytes, size: int) -> Iterator[bytes]:
        """Yields a whole message, compressed, as it takes `size` bytes after the other; a piece
        may be empty.
        """
        for start in range(0, len(content), size):
            yield self._zlib.compress(content[start : start + size])
        yield self._zlib.flush(zlib.Z_SYNC_FLUSH).removesuffix(_TAIL)
        if self._forgets:
            self._zlib = self._new()

    def _new(self) -> "zlib._Compress":
        return zlib.compressobj(wbits=-self._bits)


class Inflater:
    """Inflates the messages of one side, as they come."""

    def __init__(self, window_bits: int, *, forgets: bool) -> None:
        self._bits = max(window_bits, _MIN_WINDOW_BITS)
        self._forgets = forgets
        self._zlib = self._new()

    def inflate(self, data: bytes, room: int) -> bytes:
        """Inflates a piece of a message.

        Raises TooLargeError when that gives more than `room` bytes, ValueError when it is
        not deflated.
        """
        content = self._inflate(data, room)
        if self._zlib.eof:
            # A final block (section 7.2.3.4): the next stream begins behind it.
            rest, self._zlib = self._zlib.unused_data, self._new()
            content += self._inflate(rest, room - len(content))
            if self._zlib.eof:
                raise ValueError("several final blocks in one piece")
        return content

    def end_message(self, room: int) -> bytes:
        """Ends a message and returns what was still held back; raises as `inflate`."""
        content = self.inflate(_TAIL, room)
        if self._forgets:
            self._zlib = self._new()
        return content

    def _inflate(self, data: bytes, room: int) -> bytes:
        try:
            content = self._zlib.decompress(data, room + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        if len(content) > room:
            raise TooLargeError
        return content

    def _new(self) -> "zlib._Decompress":
        return zlib.decompressobj(-self._bits)
