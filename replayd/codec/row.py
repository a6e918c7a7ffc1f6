"""Rows as bytes: how the decoder hands prepared flows to the daemon through a pipe.

Each row is a fixed header of lengths and then its parts; a group is their concatenation.
What is read is checked: lengths that do not add up raise ValueError.
"""

import struct
from collections.abc import Iterator

from replayd.model.replay import Row

_HEADER = struct.Struct(">QB5I")


def encode_row(row: Row) -> bytes:
    """Encodes a row."""
    index, session, idempotent, *payloads = row
    parts = (session.encode(), *payloads)
    return b"".join((_HEADER.pack(index, idempotent, *map(len, parts)), *parts))


def decode_rows(data: bytes) -> Iterator[Row]:
    """Decodes a group of rows; raises ValueError when it was not made by `encode_row`."""
    end = 0
    while end < len(data):
        session = end + _HEADER.size
        if session > len(data):
            raise ValueError(f"a row's header is cut at byte {end}")
        flow_index, idempotent, *sizes = _HEADER.unpack_from(data, end)
        plan = session + sizes[0]
        flow = plan + sizes[1]
        request = flow + sizes[2]
        recorded = request + sizes[3]
        end = recorded + sizes[4]
        if end > len(data):
            raise ValueError(f"row {flow_index} is cut at byte {session}")
        yield Row(
            flow_index,
            data[session:plan].decode(),
            bool(idempotent),
            data[plan:flow],
            data[flow:request],
            data[request:recorded],
            data[recorded:end],
        )
