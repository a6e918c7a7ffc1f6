"""Finds the requests on a connection; every byte of each is kept.

It knows just enough HTTP/1 to find where a request ends (RFC 9112 section 6).
"""

import socket
import ssl
from collections.abc import Iterator

Stream = socket.socket | ssl.SSLSocket


class EndConnectionError(Exception):
    """The connection ends here: an answer says so, or what came can't be a whole request."""


class RequestReader:
    """Iterates over the requests on a stream, as (head, content without framing, all bytes).

    Raises EndConnectionError when the client closes within a content or writes no chunk
    where one must stand, and what the stream raises.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._taken = bytearray()

    def __iter__(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        while (head := self._until(b"\r\n\r\n")) is not None:
            content = self._content(head)
            raw = bytes(self._taken)
            self._taken.clear()
            yield head, content, raw

    @property
    def unfinished(self) -> bytes:
        """What has come of a request that did not end yet."""
        return bytes(self._taken + self._buffer)

    def _content(self, head: bytes) -> bytes:
        """Reads a content as the head frames it."""
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
        fields = {name: value.strip() for name, _, value in reversed(lines)}
        if fields.get(b"expect") == b"100-continue":
            self._stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return b"".join(self._chunks())
        length = fields.get(b"content-length", b"")
        return self._exactly(int(length)) if length.isdigit() else b""

    def _chunks(self) -> Iterator[bytes]:
        """The chunks' data; the trailer section is only kept."""
        while size := self._chunk_size():
            yield self._exactly(size)
            self._line()
        while self._line().strip():
            pass

    def _chunk_size(self) -> int:
        try:
            return int(self._line().split(b";")[0], 16)
        except ValueError:
            raise EndConnectionError from None

    def _until(self, end: bytes) -> bytes | None:
        """The bytes to `end`, itself included; None when the client closed before."""
        while (at := self._buffer.find(end)) < 0:
            data = self._stream.recv(65536)
            if not data:
                return None
            self._buffer += data
        return self._take(at + len(end))

    def _line(self) -> bytes:
        """The next line."""
        line = self._until(b"\r\n")
        if line is None:
            raise EndConnectionError
        return line

    def _exactly(self, size: int) -> bytes:
        """The next `size` bytes."""
        while len(self._buffer) < size:
            data = self._stream.recv(65536)
            if not data:
                raise EndConnectionError
            self._buffer += data
        return self._take(size)

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._taken += data
        return data
