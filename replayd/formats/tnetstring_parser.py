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

_Run = tuple[bytes, int, dict[bytes, Value]]
"""Pairs that stand together and were the same each time: all of them as they stood in the
stream, how many, their keys and values."""


class _Seen:
    """What was last seen of the dictionaries of one name."""

    __slots__ = ("pairs", "runs", "varying")

    def __init__(self) -> None:
        self.pairs: list[_Pair] = []
        self.varying: set[int] = set()
        """Positions of the pairs that were seen to change: only their keys are remembered."""
        self.runs: dict[int, _Run] = {}
        """By the position of their first pair."""

    def learn(self, position: int, pair: _Pair) -> bool:
        """Takes what stands at a position and was not expected there; says whether what is
        the same each time may have become another.
        """
        raw, raw_key, key, _ = pair
        if position >= MAX_REMEMBERED or len(key) > MAX_REMEMBERED_NAME:
            return False
        varied = position in self.varying
        if position < len(self.pairs):
            self.varying.add(position)
        if position in self.varying or len(raw) > MAX_REMEMBERED_PAIR:
            pair = (_NOWHERE, raw_key, key, None)
        self.pairs[position : position + 1] = (pair,)
        return not varied

    def find_runs(self) -> None:
        """Joins the pairs that never changed, where several stand together."""
        self.runs = {}
        first = 0
        for position in (*sorted(self.varying), len(self.pairs)):
            pairs = self.pairs[first:position]
            raw = b"".join([pair[0] for pair in pairs])
            if len(pairs) > 1 and len(raw) <= MAX_REMEMBERED_RUN:
                self.runs[first] = (raw, len(pairs), {pair[2]: pair[3] for pair in pairs})
            first = position + 1


MAX_REMEMBERED = 64
"""Dictionaries, and pairs of each, that are remembered."""

MAX_REMEMBERED_PAIR = 16 << 10
"""Bytes of a pair that is remembered: a connection with its certificates."""

MAX_REMEMBERED_RUN = 16 << 10
"""Bytes of pairs that are compared at once."""

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
        self._seen: dict[bytes, _Seen] = {}
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
        data, startswith = self._data, self._data.startswith
        seen = self._remembered(name)
        pairs, runs, varying, known = seen.pairs, seen.runs, seen.varying, len(seen.pairs)
        out: dict[bytes, Value] = {}
        position, learned = 0, False
        while start < limit:
            if position in runs:
                raw, count, values = runs[position]
                if startswith(raw, start) and start + len(raw) <= limit:
                    out.update(values)
                    start += len(raw)
                    position += count
                    continue
            raw, raw_key, key, value = pairs[position] if position < known else _NO_PAIR
            if position not in varying and startswith(raw, start) and start + len(raw) <= limit:
                start += len(raw)
            else:
                expected = key
                raw_key, key, value, end = self._pair(raw_key, key, start, limit, depth)
                if key is not expected or position not in varying:
                    learned |= seen.learn(position, (data[start:end], raw_key, key, value))
                start = end
            out[key] = value
            position += 1
        if learned:
            seen.find_runs()
        return out

    def _remembered(self, name: bytes) -> _Seen:
        seen = self._seen.get(name)
        if seen is None:
            seen = _Seen()
            if len(self._seen) < MAX_REMEMBERED and len(name) <= MAX_REMEMBERED_NAME:
                self._seen[name] = seen
        return seen

    def _pair(
        self, raw_key: bytes, key: bytes, start: int, limit: int, depth: int
    ) -> tuple[bytes, bytes, Value, int]:
        """Decodes the pair at `start`, which likely has this key; returns the key as it stands
        there and as it is, the value, and where it ends.
        """
        data = self._data
        if not data.startswith(raw_key, start):
            key_start, key_end = self._span(start, limit)
            if data[key_end] not in (_TEXT, _BYTES):
                raise TnetstringError("a key must be text", key_end)
            raw_key, key = data[start : key_end + 1], data[key_start:key_end]
        # What `_span` does, without the call: most of the time goes here.
        length_start = start + len(raw_key)
        colon = data.find(b":", length_start, length_start + MAX_LENGTH_DIGITS + 1)
        digits = data[length_start:colon]
        end = colon + 1 + int(digits) if colon > 0 and digits.isdigit() else limit
        if end >= limit:
            self._span(length_start, limit)
        value_start, tag = colon + 1, data[end]
        if tag == _BYTES:
            return raw_key, key, data[value_start:end], end + 1
        if key in self._skip and tag in (_LIST, _DICTIONARY):
            return raw_key, key, {} if tag == _DICTIONARY else (), end + 1
        return raw_key, key, self._value(key, tag, value_start, end, depth), end + 1

    def _list(self, start: int, limit: int, depth: int) -> tuple[Value, ...]:
        _check_depth(depth, start)
        data, elements = self._data, self._elements
        out = []
        while start < limit:
            colon = data.find(b":", start, start + MAX_LENGTH_DIGITS + 1)
            digits = data[start:colon]
            end = colon + 1 + int(digits) if colon > 0 and digits.isdigit() else limit
            if end >= limit:
                self._span(start, limit)
            # A header field is one of few that come again and again.
            raw = data[start : end + 1] if end - start <= MAX_REMEMBERED_ELEMENT else b""
            element = elements.get(raw)
            if element is None:
                element = self._value(b"", data[end], colon + 1, end, depth)
                if raw and data[end] == _LIST:
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
