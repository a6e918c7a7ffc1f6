"""What the values of a mitmproxy flow say that may differ between flows that are laid out alike.

Which these are, and how each is read: as strictly as `mitmproxy` reads it. Knows nothing of
layouts.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from replayd.formats import fields
from replayd.formats.tnetstring import Record
from replayd.formats.tnetstring_layout import DICTIONARY, Place
from replayd.formats.tnetstring_parser import Parser, Value
from replayd.model.flow import Flow, Headers, Request, Response

_MAX_LISTS, _MAX_LIST_BYTES = 1024, 4096
"""Lists, such as header fields, that are remembered, and the bytes of one."""

MAX_ID = 200
"""Characters of an id; mitmproxy's are UUIDs of 36."""

_BYTES, _TEXT, _INTEGER, _FLOAT, _LIST = b",;#^]"

_CONNECTIONS = frozenset({b"client_conn", b"server_conn"})

_MESSAGE = {
    (b"http_version", _BYTES): "http_version",
    (b"headers", _LIST): "headers",
    (b"content", _BYTES): "content",
    (b"timestamp_start", _FLOAT): "start_time",
    (b"timestamp_end", _FLOAT): "end_time",
}
_FIELDS = {
    b"request": _MESSAGE
    | {
        (b"method", _BYTES): "method",
        (b"scheme", _BYTES): "scheme",
        (b"host", _TEXT): "host",
        (b"port", _INTEGER): "port",
        (b"path", _BYTES): "path",
        (b"authority", _BYTES): "authority",
    },
    b"response": _MESSAGE
    | {(b"status_code", _INTEGER): "status_code", (b"reason", _BYTES): "reason_phrase"},
    b"": {(b"id", _TEXT): "flow_id"},
    b"client_conn": {(b"id", _TEXT): "session_id"},
    b"server_conn": {(b"sni", _TEXT): "server_name"},
}
"""By dictionary: what may differ of it, with its type, and which field it is. The others of a
message, and of a flow, are the same in flows that are alike."""

_NAMED = frozenset(Place(name, key) for name, found in _FIELDS.items() for key, _ in found)
"""The places of all of these: one of another type is no value that says nothing."""

_UNREAD = {(b"timestamp_created", _FLOAT), (b"backup", DICTIONARY), (b"metadata", DICTIONARY)}
"""What else of a flow may differ."""

ITSELF, REQUEST, RESPONSE = -1, Flow._fields.index("request"), Flow._fields.index("response")
_HALVES = {b"request": REQUEST, b"response": RESPONSE}
_NAMES = {ITSELF: Flow._fields, REQUEST: Request._fields, RESPONSE: Response._fields}

_Decode = Callable[[bytes], Any]


class Role(NamedTuple):
    """What a value is."""

    half: int
    """The index in the flow of what it is a field of: request, response, or itself."""
    field: int
    """Its index there; behind the last one: it says nothing."""
    decode: _Decode


class Roles:
    """Of the values of one dump."""

    def __init__(self, skipped: frozenset[bytes]) -> None:
        """`skipped`: keys of what is not looked into."""
        # Not that of the dump, which remembers lists by how deep they may be.
        self._parser = Parser()
        self._skipped = skipped
        self._lists: dict[bytes, Headers] = {}

    def of(self, place: Place, tag: int, named: bool) -> Role | None:
        """Returns what a value is; None: where it differs, flows are not alike."""
        dictionary, key = place
        if key == b"sni" and not named:
            return None
        name = _FIELDS[dictionary].get((key, tag))
        if name is not None:
            half = _HALVES.get(dictionary, ITSELF)
            field = _NAMES[half].index(name)
            decode = _NAMED_DECODERS.get(name) or _DECODERS.get(tag) or self._headers
            return Role(half, field, decode)
        unread = self._unread(place, tag, named)
        return None if unread is None else Role(ITSELF, len(Flow._fields), unread)

    def _unread(self, place: Place, tag: int, named: bool) -> _Decode | None:
        """Returns what checks a value that says nothing, as whoever reads all of it would."""
        dictionary, key = place
        if not dictionary:
            return _UNREAD_DECODERS[tag] if (key, tag) in _UNREAD else None
        if dictionary not in _CONNECTIONS or key == b"proxy_mode" or place in _NAMED:
            return None
        if key in self._skipped and tag in (_LIST, DICTIONARY):
            return bytes
        return self._address if tag == _LIST else _UNREAD_DECODERS.get(tag)

    def _headers(self, payload: bytes) -> Headers:
        found = self._lists.get(payload)
        if found is None:
            found = fields.headers({b"headers": self._list(payload)}, b"headers")
            if len(payload) <= _MAX_LIST_BYTES:
                if len(self._lists) >= _MAX_LISTS:
                    self._lists.clear()
                self._lists[payload] = found
        return found

    def _address(self, payload: bytes) -> None:
        if any(isinstance(each, tuple | dict) for each in self._list(payload)):
            raise ValueError("no address")

    def _list(self, payload: bytes) -> tuple[Value, ...]:
        found = self._parser.parse(Record(0, 0, payload, b"]"))
        assert isinstance(found, tuple)
        return found


def _integer(payload: bytes) -> int:
    value = int(payload)
    if not -(1 << 31) < value < 1 << 31:
        raise ValueError("out of range")
    return value


def _time(payload: bytes) -> float:
    value = float(payload)
    if not 0 <= value < fields.LAST_TIME:
        raise ValueError("no time")
    return value


def _some_text(payload: bytes) -> str:
    """Reads what must not be empty, nor long."""
    text = payload.decode()
    if not 0 < len(text) <= MAX_ID:
        raise ValueError("no name")
    return text


def _id(payload: bytes) -> str:
    return _some_text(payload) if payload else ""


_DECODERS: dict[int, _Decode] = {
    _BYTES: bytes,
    _TEXT: bytes.decode,
    _INTEGER: _integer,
    _FLOAT: _time,
}
_UNREAD_DECODERS: dict[int, _Decode] = {
    _BYTES: bytes,
    _TEXT: bytes.decode,
    _INTEGER: int,
    _FLOAT: float,
    DICTIONARY: bytes,
}
_NAMED_DECODERS: dict[str, _Decode] = {
    "flow_id": _id,
    "session_id": _some_text,
    "server_name": _some_text,
}
