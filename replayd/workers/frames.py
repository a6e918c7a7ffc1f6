"""What travels through a worker's pipes: frames of a kind, a length and a payload. Pure but for
the stream that one is read from. What kinds there are is their users'.
"""

import struct
from typing import IO

HEADER = struct.Struct(">BI")
"""A frame's kind and the bytes of its payload."""


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Puts the header in front of a payload."""
    return HEADER.pack(kind, len(payload)) + payload


def read_frame(source: IO[bytes]) -> tuple[int, bytes]:
    """Reads a frame's kind and payload; raises EOFError when there is no whole one any more."""
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        raise EOFError
    kind, length = HEADER.unpack(header)
    payload = source.read(length)
    if len(payload) < length:
        raise EOFError
    return kind, payload
