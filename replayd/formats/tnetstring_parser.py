"""Tnetstring records to Python values (their grammar: `tnetstring`).

Dictionary keys are bytes, lists are tuples. Knows nothing of what the values mean.
"""

from collections.abc import Callable

from replayd.formats.tnetstring import MAX_LENGTH_DIGITS, Record, TnetstringError

Value = bytes | str | int | float | bool | None | tuple["Value", ...] | dict[bytes, "Value"]

MAX_DEPTH = 16
"""Flows nest six deep; free-form metadata, which may nest deeper, is skipped."""

_Pair = tuple[bytes, bytes, bytes, Value]
"""A pair of a dictionary as last seen: all of it and its key as they stood in the stream,
the key, the value."""

_NOWHERE = b"no tnetstring begins so"
_NO_PAIR: _Pair = (_NOWHERE, _NOWHERE, b"", None)

MAX_REMEMBERED = 64
"""Dictionaries, and pairs of each, that are remembered."""

MAX_REMEMBERED_PAIR = 16 << 10
"""Bytes of a pair that is remembered: a connection with its certificates."""

MAX_REMEMBERED_NAME = 64

MAX_REMEMBERED_ELEMENTS = 1024
MAX_REMEMBERED_ELEMENT = 1 << 10
"""Header fields, and the bytes of one, that are remembered."""


class Parser:
    """Decodes the payloads of one stream's records.

    A record is much like the one before it: the same keys in the same order, and many of
    the same values. So each dictionary's pairs are first compared with those last seen
    under its name, and only what differs is taken apart. Values are therefore shared
    between records: nobody may change them.

    The containers under keys in `skip` become empty without being looked into.
    """

    def __init__(self, skip: frozenset[bytes] = frozenset()) -> None:
        self._skip = skip
        self._data = b""
        self._pairs: dict[bytes, list[_Pair]] = {}
        self._elements: dict[bytes, Value] = {}

    def parse(self, record: Record) -> Value:
        """Decodes a record's payload. Raises TnetstringError."""
        self._data = record.payload
        try:
            return self._value(b"", record.tag[0], 0, len(record.payload), 0)
        except TnetstringError as error:
            offset = error.byte_offset + record.payload_offset
            raise TnetstringError(error.message, offset) from None

    def _value(self, name: bytes, tag: int, start: int, end: int, depth: int) -> Value:
        """Decodes what lies between `start` and `end`, where the tag stands."""
        if tag == _BYTES:
            return self._data[start:end]
        if tag == _DICTIONARY:
            return self._dictionary(name, start, end, depth + 1)
        if tag == _LIST:
            return self._list(start, end, depth + 1)
        decode = _SCALARS.get(tag)
        if decode is None:
            raise TnetstringError(f"there is no type {bytes((tag,))!r}", end)
        try:
            return decode(self._data[start:end])
        except ValueError:
            raise TnetstringError(f"this is no {_NAMES[tag]}", start) from None

    def _span(self, start: int, limit: int) -> tuple[int, int]:
        """Finds where the payload of the tnetstring at `start` begins and ends."""
        colon = self._data.find(b":", start, start + MAX_LENGTH_DIGITS + 1)
        digits = self._data[start:colon]
        if colon < 0 or not digits.isdigit():
            raise TnetstringError("a length and a colon are missing", start)
        end = colon + 1 + int(digits)
        if end >= limit:
            raise TnetstringError(f"a length of {int(digits)} reaches too far", start)
        return colon + 1, end

    def _dictionary(self, name: bytes, start: int, limit: int, depth: int) -> dict[bytes, Value]:
        _check_depth(depth, start)
        startswith = self._data.startswith
        seen = self._remembered(name)
        out = {}
        position = 0
        while start < limit:
            pair = seen[position] if position < len(seen) else _NO_PAIR
            raw, _, key, value = pair
            end = start + len(raw)
            if end > limit or not startswith(raw, start):
                pair, value, end = self._pair(pair, start, limit, depth)
                key = pair[2]
                if position < MAX_REMEMBERED and len(key) <= MAX_REMEMBERED_NAME:
                    seen[position : position + 1] = (pair,)
            out[key] = value
            start = end
            position += 1
        return out

    def _remembered(self, name: bytes) -> list[_Pair]:
        if name not in self._pairs and (
            len(self._pairs) >= MAX_REMEMBERED or len(name) > MAX_REMEMBERED_NAME
        ):
            return []
        return self._pairs.setdefault(name, [])

    def _pair(
        self, expected: _Pair, start: int, limit: int, depth: int
    ) -> tuple[_Pair, Value, int]:
        """Decodes the pair at `start`; returns what to remember, the value, where it ends."""
        data = self._data
        _, raw_key, key, _ = expected
        if not data.startswith(raw_key, start):
            key_start, key_end = self._span(start, limit)
            if data[key_end] not in (_TEXT, _BYTES):
                raise TnetstringError("a key must be text", key_end)
            raw_key, key = data[start : key_end + 1], data[key_start:key_end]
        value_start, end = self._span(start + len(raw_key), limit)
        tag = data[end]
        value: Value
        if key in self._skip and tag in (_LIST, _DICTIONARY):
            value = {} if tag == _DICTIONARY else ()
        else:
            value = self._value(key, tag, value_start, end, depth)
        end += 1
        if end - start > MAX_REMEMBERED_PAIR:
            return (_NOWHERE, raw_key, key, None), value, end
        return (data[start:end], raw_key, key, value), value, end

    def _list(self, start: int, limit: int, depth: int) -> tuple[Value, ...]:
        _check_depth(depth, start)
        data, elements = self._data, self._elements
        out = []
        while start < limit:
            value_start, end = self._span(start, limit)
            if data[end] != _LIST or end - start > MAX_REMEMBERED_ELEMENT:
                out.append(self._value(b"", data[end], value_start, end, depth))
            else:
                # A header field: one of few that come again and again.
                raw = data[start:end]
                element = elements.get(raw)
                if element is None:
                    element = self._list(value_start, end, depth + 1)
                    if len(elements) >= MAX_REMEMBERED_ELEMENTS:
                        elements.clear()
                    elements[raw] = element
                out.append(element)
            start = end + 1
        return tuple(out)


def _check_depth(depth: int, start: int) -> None:
    if depth > MAX_DEPTH:
        raise TnetstringError(f"values nest deeper than {MAX_DEPTH} levels", start)


def _boolean(data: bytes) -> bool:
    if data in (b"true", b"false"):
        return data == b"true"
    raise ValueError(data)


def _null(data: bytes) -> None:
    if data:
        raise ValueError(data)


_BYTES, _TEXT, _LIST, _DICTIONARY = b",;]}"
_SCALARS: dict[int, Callable[[bytes], Value]] = {
    _TEXT: bytes.decode,
    ord("#"): int,
    ord("^"): float,
    ord("!"): _boolean,
    ord("~"): _null,
}
_NAMES = {_TEXT: "UTF-8 text", 35: "integer", 94: "number", 33: "boolean", 126: "null"}
