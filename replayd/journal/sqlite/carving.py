"""Rows out of single pages, whatever became of the tree that they stood in.

Each row says by the number and types of its columns which table's it may be, and by its
checksum that it is, and whole.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from replayd.codec.event import sequence_of
from replayd.journal.sqlite.checksum import checksum, prepared_checksum
from replayd.journal.sqlite.pages import Pages

Values = tuple[Any, ...]

_TABLE_LEAF = 0x0D
_INDEX_LEAF = 0x0A
_INDEX_INTERIOR = 0x02
_TABLE_INTERIOR = 0x05
_FREE_OR_OVERFLOW = 0
_LONGEST = 1 << 30
"""Bytes of a row; no real one is so long."""


class Carved(NamedTuple):
    """A row that is as it was written."""

    table: str
    values: Values


class DamagedRowError(ValueError):
    """What should be a row can't be one."""


def carve(pages: Pages, number: int) -> Iterator[tuple[Carved | None, bool]]:
    """Yields the rows of a page with whether they are of its newest image; None: one that is
    damaged. Older images are looked at only where the newest is damaged.
    """
    if pages.is_map(number):
        return
    for age, image in enumerate(pages.images(number)):
        rows = list(_rows(pages, image, 100 if number == 1 else 0))
        yield from ((row, age == 0) for row in rows)
        if None not in rows:
            return


def _rows(pages: Pages, image: bytes, begin: int) -> Iterator[Carved | None]:
    kind = image[begin]
    if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
        if kind not in (_FREE_OR_OVERFLOW, _TABLE_INTERIOR):
            yield None
        return
    head = 12 if kind == _INDEX_INTERIOR else 8
    (cells,) = struct.unpack_from(">H", image, begin + 3)
    for at in range(begin + head, begin + head + 2 * cells, 2):
        if at + 2 > len(image):
            yield None
            return
        (cell,) = struct.unpack_from(">H", image, at)
        try:
            yield from _row(pages, image, cell, kind)
        except (DamagedRowError, IndexError, struct.error, UnicodeDecodeError):
            yield None


def _row(pages: Pages, image: bytes, cell: int, kind: int) -> Iterator[Carved | None]:
    if kind == _INDEX_INTERIOR:
        cell += 4
    size, at = _varint(image, cell)
    rowid = 0
    if kind == _TABLE_LEAF:
        rowid, at = _varint(image, at)
        rowid -= (rowid >> 63) << 64
    values = _values(_payload(pages, image, at, size, kind == _TABLE_LEAF))
    tables = _ROWID if kind == _TABLE_LEAF else _KEYED
    found = tables.get(len(values))
    if found is None:
        return
    row = found(rowid, values)
    if row is not None or not _is_index(kind, values):
        yield row


def _is_index(kind: int, values: Values) -> bool:
    """Tells rows of indexes, and of the schema, from damaged ones."""
    if kind == _TABLE_LEAF:
        return len(values) == 5 and values[0] in ("table", "index", "trigger")
    return len(values) == 4 and isinstance(values[1], str)


def _payload(pages: Pages, image: bytes, at: int, size: int, in_table: bool) -> bytes:
    """Reads a row's bytes, along the chain of pages on which it goes on."""
    usable = pages.usable
    most = usable - 35 if in_table else (usable - 12) * 64 // 255 - 23
    if size > _LONGEST:
        raise DamagedRowError(size)
    if size <= most:
        return image[at : at + size]
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    local = local if local <= most else least
    found = [image[at : at + local]]
    left = size - local
    (following,) = struct.unpack_from(">I", image, at + local)
    while left > 0:
        page = next(pages.images(following), b"") if 0 < following <= pages.count else b""
        if not page:
            raise DamagedRowError(following)
        (following,) = struct.unpack_from(">I", page)
        found.append(page[4 : min(usable, 4 + left)])
        left -= usable - 4
    return b"".join(found)


def _values(record: bytes) -> Values:
    """Reads a record's columns."""
    end, at = _varint(record, 0)
    values: list[Any] = []
    data = end
    while at < end:
        kind, at = _varint(record, at)
        if kind >= 12:
            size = (kind - 12) // 2
            value: Any = record[data : data + size]
            if len(value) != size:
                raise DamagedRowError(kind)
            values.append(value.decode() if kind % 2 else value)
            data += size
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind in _INTEGERS:
            size = _INTEGERS[kind]
            values.append(int.from_bytes(record[data : data + size], "big", signed=True))
            data += size
        elif kind == 0:
            values.append(None)
        else:
            raise DamagedRowError(kind)
    if data != len(record):
        raise DamagedRowError(data)
    return tuple(values)


_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(9):
        byte = data[at + number]
        if number == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + number + 1
    raise DamagedRowError(at)


def _prepared(place: int, values: Values) -> Carved | None:
    _, session, idempotent, plan, asked, expected, flow, recorded, flow_expected = values
    intact = expected == prepared_checksum(place, session, idempotent, plan, asked)
    if intact and flow_expected == checksum(place, flow, recorded):
        return Carved("prepared", (place, *values[1:]))
    return None


def _replay(place: int, values: Values) -> Carved | None:
    *row, expected = (place, *values[1:])
    return Carved("replay", (*row, expected)) if checksum(*row) == expected else None


def _resolved_or_shown(place: int, values: Values) -> Carved | None:
    *row, expected = (place, *values[1:])
    table = "resolved" if isinstance(values[2], str) else "shown"
    return Carved(table, (*row, expected)) if checksum(*row) == expected else None


def _withheld(place: int, values: Values) -> Carved | None:
    *row, expected = (place, *values[1:])
    return Carved("withheld", (*row, expected)) if checksum(*row) == expected else None


def _event_or_piece(rowid: int, values: Values) -> Carved | None:
    if values[0] is not None:
        return Carved("piece", values) if checksum(*values[:-1]) == values[-1] else None
    _, kind, batch_id, body, expected = values
    intact = checksum(kind, batch_id, body) == expected and sequence_of(body) == rowid
    return Carved("event", (rowid, *values[1:])) if intact else None


def _removed(number: int, values: Values) -> Carved | None:
    return Carved("removed", (number,)) if values == (None,) else None


def _batch(number: int, values: Values) -> Carved | None:
    position, figures = values[2], values[7:13]
    policy, expected, figures_expected, *options = values[14:]
    if position is None and not expected:
        # Its rows were staged, and never accepted.
        return Carved("removed", (number,))
    described = checksum(number, *values[1:7], policy, *options)
    if (described, checksum(number, *figures)) != (expected, figures_expected):
        return None
    return Carved("batch", (number, *values[1:]))


def _keyed(table: str) -> Callable[[int, Values], Carved | None]:
    def row(_: int, values: Values) -> Carved | None:
        intact = checksum(*values[:-1]) == values[-1] or values[0] == "file_bytes"
        return Carved(table, values) if intact else None

    return row


def _old_file(_: int, values: Values) -> Carved | None:
    """Before version 6; its content tells whether it is whole."""
    if tuple(map(type, values)) != (int, str, str, int, bytes):
        return None
    return Carved("file", (*values, checksum(*values)))


_ROWID: dict[int, Callable[[int, Values], Carved | None]] = {
    1: _removed,
    3: _withheld,
    4: _resolved_or_shown,
    5: _event_or_piece,
    6: _replay,
    9: _prepared,
    19: _batch,
}
"""Tables by their number of columns."""

_KEYED = {
    3: _keyed("meta"),
    4: _keyed("cleared"),
    5: _old_file,
    6: _keyed("file"),
    7: _keyed("answered"),
}
"""Those without a rowid: their rows stand in the pages of an index."""
