"""Rows as bytes: how the decoder hands prepared flows to the daemon through a pipe.

Each row is a fixed header of lengths and then its parts; a group is their concatenation.
What is read is checked: lengths that do not add up raise ValueError.
"""

import struct
from collections.abc import Iterator

from replayd.model.replay import Row

_HEADER = struct.Struct(">Q?5I")


def encode_row(row: Row) -> bytes:
    """Encodes a row."""
    index, session, idempotent, *payloads = row
    parts = (session.encode(), *payloads)
    return b"".join((_HEADER.pack(index, idempotent, *map(len, parts)), *parts))


def decode_rows(data: bytes) -> Iterator[Row]:
    """Decodes a group of rows; raises ValueError when it was not made by `encode_row`."""
    end, size, unpack = 0, len(data), _HEADER.unpack_from
    while end < size:
        session = end + _HEADER.size
        if session > size:
            raise ValueError(f"a row's header is cut at byte {end}")
        flow_index, idempotent, named, planned, told, asked, answered = unpack(data, end)
        plan = session + named
        flow = plan + planned
        request = flow + told
        recorded = request + asked
        end = recorded + answered
        if end > size:
            raise ValueError(f"row {flow_index} is cut at byte {session}")
        yield Row(
            flow_index,
            data[session:plan].decode(),
            idempotent,
            data[plan:flow],
            data[flow:request],
            data[request:recorded],
            data[recorded:end],
        )
