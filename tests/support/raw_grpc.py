"""A gRPC client made of single HTTP/2 frames: it does what no library would."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from typing import Self

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.processes import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SERVICE = "/flowreplay.v1.ReplayService/"
_LARGEST = 16384


def plain(address: str) -> socket.socket:
    """A connection to where a daemon listens, before anything is said."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(DEADLINE)
        connection.connect(address.removeprefix("unix:"))
        return connection
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=DEADLINE)


def message(content: bytes, *, compressed: bool = False, length: int | None = None) -> bytes:
    """A message as gRPC frames it; `length` is what it says of itself."""
    return struct.pack(">BI", compressed, len(content) if length is None else length) + content


class RawPeer:
    """One connection. What the daemon says is read by `read` only."""

    def __init__(self, address: str) -> None:
        self._socket = plain(address)
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._buffer = b""
        self._stream = -1
        self.send(PREFACE, SettingsFrame(0))

    def send(self, *parts: Frame | bytes) -> None:
        """Sends frames, or bytes as they are; nothing when the daemon has hung up."""
        data = b"".join(each if isinstance(each, bytes) else each.serialize() for each in parts)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def call(
        self,
        method: str = "Count",
        *,
        fields: Iterable[tuple[str, str]] = (),
        content_type: str = "application/grpc",
        end: bool = False,
    ) -> int:
        """Opens a call; returns its stream."""
        self._stream += 2
        path = method if method.startswith("/") else SERVICE + method
        headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x")]
        headers += [("te", "trailers"), ("content-type", content_type), *fields]
        block = self._encoder.encode(headers, huffman=False)
        first = HeadersFrame(self._stream, block[:_LARGEST])
        pieces = [block[at : at + _LARGEST] for at in range(_LARGEST, len(block), _LARGEST)]
        if end:
            first.flags.add("END_STREAM")
        if not pieces:
            first.flags.add("END_HEADERS")
        frames: list[Frame | bytes] = [first]
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            head = len(piece).to_bytes(3, "big") + bytes([9, 4 * last])
            frames.append(head + self._stream.to_bytes(4, "big") + piece)
        self.send(*frames)
        return self._stream

    def data(self, stream: int, content: bytes, *, end: bool = False) -> None:
        """Sends a call's bytes, whatever the daemon's window is."""
        pieces = [content[at : at + _LARGEST] for at in range(0, len(content), _LARGEST)] or [b""]
        frames = [DataFrame(stream, piece) for piece in pieces]
        if end:
            frames[-1].flags.add("END_STREAM")
        self.send(*frames)

    def reset(self, stream: int) -> None:
        """Gives a call up."""
        self.send(RstStreamFrame(stream, 8))

    def ping(self) -> None:
        """Asks for a pong."""
        self.send(PingFrame(0, b"12345678"))

    def read(self) -> Frame | None:
        """The next frame; None: the daemon has hung up."""
        while True:
            if len(self._buffer) >= 9:
                frame, size = Frame.parse_frame_header(memoryview(self._buffer[:9]))
                if len(self._buffer) >= 9 + size:
                    frame.parse_body(memoryview(self._buffer[9 : 9 + size]))
                    self._buffer = self._buffer[9 + size :]
                    if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
                        self.send(SettingsFrame(0, flags=("ACK",)))
                    return frame
            try:
                more = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self._buffer += more

    def status(self, stream: int) -> str:
        """How a call ends: its grpc-status, `RST n`, `GOAWAY n`, or `closed`."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            frame = self.read()
            if frame is None:
                return "closed"
            if isinstance(frame, HeadersFrame):
                fields = dict(self._decoder.decode(frame.data))
                if frame.stream_id == stream and "grpc-status" in fields:
                    return str(fields["grpc-status"])
                if frame.stream_id == stream and fields.get(":status", "200") != "200":
                    return f"HTTP {fields[':status']}"
            elif isinstance(frame, RstStreamFrame) and frame.stream_id == stream:
                return f"RST {frame.error_code}"
            elif isinstance(frame, GoAwayFrame):
                return f"GOAWAY {frame.error_code}"
            elif isinstance(frame, DataFrame) and frame.flow_controlled_length:
                self.send(WindowUpdateFrame(0, frame.flow_controlled_length))
        raise AssertionError(f"no end of stream {stream}")

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
