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
    parts = (row.session.encode(), row.plan, row.flow, row.request_content, row.recorded_content)
    header = _HEADER.pack(row.flow_index, row.idempotent, *map(len, parts))
    return b"".join((header, *parts))


def decode_rows(data: bytes) -> Iterator[Row]:
    """Decodes a group of rows; raises ValueError when it was not made by `encode_row`."""
    start = 0
    while start < len(data):
        if start + _HEADER.size > len(data):
            raise ValueError(f"a row's header is cut at byte {start}")
        flow_index, idempotent, *lengths = _HEADER.unpack_from(data, start)
        start += _HEADER.size
        if start + sum(lengths) > len(data):
            raise ValueError(f"row {flow_index} is cut at byte {start}")
        parts = []
        for length in lengths:
            parts.append(data[start : start + length])
            start += length
        session, plan, flow, request_content, recorded_content = parts
        yield Row(
            flow_index=flow_index,
            session=session.decode(),
            idempotent=bool(idempotent),
            plan=plan,
            flow=flow,
            request_content=request_content,
            recorded_content=recorded_content,
        )
