"""Rows as bytes: how the decoder hands prepared flows to the daemon through a pipe.

Each row is a fixed header of lengths and then its parts; a group is their concatenation.
What is read is checked: lengths that do not add up raise ValueError.
"""

import struct
from collections.abc import Iterator

from replayd.model.replay import Row

_HEADER = struct.Struct(">Q???7I")
"""Index, idempotent, whether plan and content have a shown form, and lengths."""


def encode_row(row: Row) -> bytes:
    """Encodes a row."""
    index, session, idempotent, *payloads, planned, shown = row
    parts = (session.encode(), *payloads, planned or b"", shown or b"")
    told = (planned is not None, shown is not None)
    head = _HEADER.pack(index, idempotent, *told, *map(len, parts))
    return b"".join((head, *parts))


def decode_rows(data: bytes) -> Iterator[Row]:
    """Decodes a group of rows; raises ValueError when it was not made by `encode_row`."""
    end, size, unpack = 0, len(data), _HEADER.unpack_from
    while end < size:
        session = end + _HEADER.size
        if session > size:
            raise ValueError(f"a row's header is cut at byte {end}")
        flow_index, idempotent, has_plan, has_shown, *sizes = unpack(data, end)
        named, planned, told, asked, answered, shown_planned, shown_asked = sizes
        plan = session + named
        flow = plan + planned
        request = flow + told
        recorded = request + asked
        shown_plan = recorded + answered
        shown_content = shown_plan + shown_planned
        end = shown_content + shown_asked
        if end > size:
            raise ValueError(f"row {flow_index} is cut at byte {session}")
        yield Row(
            flow_index,
            data[session:plan].decode(),
            idempotent,
            data[plan:flow],
            data[flow:request],
            data[request:recorded],
            data[recorded:shown_plan],
            data[shown_plan:shown_content] if has_plan else None,
            data[shown_content:end] if has_shown else None,
        )
