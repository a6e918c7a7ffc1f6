"""What travels through the pipes of a comparing process: frames of a kind, a length, a payload.

To it: KEY once, that of `Redactor`; then for each comparison RULES (a `DiffRequest`), RECORDED
and REPLAYED (both a `Response` without its content), and their contents in this order, each in
PIECEs with an END. From it: SHOWN, WHOLE (both a `Comparison`, with marks and with
secrets) and NOISE (rules, as JSON).
"""

import struct
from enum import IntEnum
from typing import IO

HEADER = struct.Struct(">BI")


class Frame(IntEnum):
    """Kinds of frames."""

    KEY = 1
    RULES = 2
    RECORDED = 3
    REPLAYED = 4
    PIECE = 5
    END = 6
    SHOWN = 7
    WHOLE = 8
    NOISE = 9


def frame(kind: Frame, payload: bytes = b"") -> bytes:
    """Puts the header in front of a payload."""
    return HEADER.pack(kind, len(payload)) + payload


def read_frame(source: IO[bytes]) -> tuple[Frame, bytes]:
    """Reads a frame; raises EOFError when there is no whole one any more."""
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        raise EOFError
    kind, length = HEADER.unpack(header)
    payload = source.read(length)
    if len(payload) < length:
        raise EOFError
    return Frame(kind), payload
