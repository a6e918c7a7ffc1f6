"""Cuts what an HTTP/2 server sends into frames, and counts what it must not send for ever.
Pure.

Knows of a frame its nine bytes of header (RFC 9113 section 4.1) and no more: what a frame
means is `http2`'s business. A frame that is too large is refused before it has come whole.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http2_events import HTTP1_INSTEAD

MAX_FRAME_SIZE = 16 * 1024
"""Bytes of one frame's payload, the least that may be asked for (RFC 9113 section 4.2)."""

_HEADER = struct.Struct(">BHBBL")
_HEADER_SIZE = _HEADER.size
_STREAM_ID = 0x7FFF_FFFF
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_SHOWN = 80

_CREDIT = 1000
"""Frames that may come without progress. A server that pings each second, or gives back its
window frame by frame, stays far below; Go's limit for the same is ten times as much."""
_REWARD = 11
"""Credit given back for what brings a response, or a request, on: for its own frame, and
ten others."""


class FrameType(IntEnum):
    """Types of frames (RFC 9113 section 6); others may come and mean nothing to us."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


_NAMES = {int(kind): kind.name for kind in FrameType}


class Frame(NamedTuple):
    """One whole frame."""

    kind: int
    flags: int
    stream_id: int
    raw: bytes
    """With its header."""

    @property
    def payload(self) -> bytes:
        """Without its header."""
        return self.raw[_HEADER_SIZE:]

    @property
    def ends_stream(self) -> bool:
        """Nothing follows on its stream."""
        return self.kind in (FrameType.DATA, FrameType.HEADERS) and bool(self.flags & _END_STREAM)

    @property
    def ends_headers(self) -> bool:
        """The header block is whole."""
        return bool(self.flags & _END_HEADERS)


class FrameCutter:
    """The frames of one connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Takes what came; yields the frames that are whole now.

        Raises WireError: VERSION_NOT_SPOKEN when what comes first is HTTP/1, else
        INVALID_RESPONSE.
        """
        buffer = self._buffer
        buffer += data
        if not self._begun:
            self._look_at_start()
        while len(buffer) >= _HEADER_SIZE:
            high, low, kind, flags, stream_id = _HEADER.unpack_from(buffer)
            size = (high << 16) + low
            if size > MAX_FRAME_SIZE:
                raise broken(f"a frame of {size} bytes, more than {MAX_FRAME_SIZE}")
            end = _HEADER_SIZE + size
            if len(buffer) < end:
                return
            raw = bytes(buffer[:end])
            del buffer[:end]
            yield Frame(kind, flags, stream_id & _STREAM_ID, raw)

    def _look_at_start(self) -> None:
        """The first frame is SETTINGS (RFC 9113 section 3.4), told by its first bytes."""
        buffer = self._buffer
        if buffer.startswith(b"HTTP/"):
            raise WireError(
                Reason.VERSION_NOT_SPOKEN,
                f"the server answers in HTTP/1 ({_show(buffer)}), not in HTTP/2; {HTTP1_INSTEAD}",
            )
        if len(buffer) < _HEADER_SIZE:
            return
        self._begun = True
        _, _, kind, flags, stream_id = _HEADER.unpack_from(buffer)
        if kind != FrameType.SETTINGS or flags & _ACK or stream_id:
            raise WireError(
                Reason.INVALID_RESPONSE,
                f"the server does not speak HTTP/2; it sent {_show(buffer)}",
            )


class FloodGuard:
    """Counts frames that bring nothing on, and the bytes of one header block."""

    def __init__(self, block_limit: int) -> None:
        """`block_limit`: bytes of a header block, compressed as it comes."""
        self.block_stream = 0
        """The stream whose header block is not whole yet; 0: none."""
        self._block_limit = block_limit
        self._block_size = 0
        self._credit = _CREDIT

    def progress(self) -> None:
        """Something of a request left, or of a response came."""
        self._credit = min(self._credit + _REWARD, _CREDIT)

    def count(self, frame: Frame) -> None:
        """Counts a frame; raises WireError when there were too many without progress."""
        self._credit -= 1
        if self._credit < 0:
            name = _NAMES.get(frame.kind, "unknown")
            raise broken(f"more than {_CREDIT} frames that bring nothing on, at last {name}")

    def block_too_large(self, frame: Frame) -> bool:
        """Follows header blocks; True: this one has grown larger than anybody may send."""
        if frame.kind == FrameType.HEADERS:
            self._block_size = 0
        elif frame.kind != FrameType.CONTINUATION:
            return False
        self._block_size += len(frame.raw) - _HEADER_SIZE
        self.block_stream = 0 if frame.ends_headers else frame.stream_id
        return self._block_size > self._block_limit


def broken(what: str) -> WireError:
    """What a connection ends with whose server breaks the protocol: it sent `what`."""
    return WireError(Reason.INVALID_RESPONSE, f"the server breaks HTTP/2: it sent {what}")


def _show(data: bytes | bytearray) -> str:
    """The first bytes for people: printable, and never more than a line."""
    return repr(bytes(data[:_SHOWN]))
