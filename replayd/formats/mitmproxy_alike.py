"""Flows of a dump that are laid out as one before them: most of a capture's.

`mitmproxy` reads a flow and this module learns how it is laid out (`tnetstring_layout`); of
the next ones only those values are read that may differ. What is laid out in another way, is
of another version or type, or has anything odd, is not judged here: it is `mitmproxy`'s to
read.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from replayd.formats import fields
from replayd.formats.fields import FieldError
from replayd.formats.mitmproxy_versions import NEWEST
from replayd.formats.tnetstring import Record, TnetstringError
from replayd.formats.tnetstring_layout import DICTIONARY, Layout, Place
from replayd.formats.tnetstring_parser import Parser, Value
from replayd.model.flow import Flow, FlowKind, Headers, Request, Response

MAX_LAYOUTS = 16
MAX_LAYOUT_BYTES = 16 << 10
"""How many layouts are known, and the bytes of one."""

MAX_MISSES = 200
"""After so many flows, one after the other, that are laid out like none before them nobody
looks any more."""

_MAX_LISTS, _MAX_LIST_BYTES = 1024, 4096
"""Lists, such as header fields, that are remembered, and the bytes of one."""

MAX_ID = 200
"""Characters of an id; mitmproxy's are UUIDs of 36."""

_BYTES, _TEXT, _INTEGER, _FLOAT, _LIST = b",;#^]"

_INNER = frozenset({b"request", b"response", b"client_conn", b"server_conn"})
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

_UNREAD = {(b"timestamp_created", _FLOAT), (b"backup", DICTIONARY), (b"metadata", DICTIONARY)}
"""What else of a flow may differ."""

_OFTEN = frozenset(
    [
        Place(name, key)
        for name in (b"request", b"response")
        for key in (b"headers", b"content", b"timestamp_start", b"timestamp_end")
    ]
    + [Place(b"request", b"path"), Place(b"client_conn", b"id"), Place(b"server_conn", b"id")]
    + [Place(b"", b"id"), Place(b"", b"timestamp_created")]
)
"""What is taken to differ from the first flow on."""

_ITSELF, _REQUEST, _RESPONSE = -1, Flow._fields.index("request"), Flow._fields.index("response")
_HALVES = {b"request": _REQUEST, b"response": _RESPONSE}
_NAMES = {_ITSELF: Flow._fields, _REQUEST: Request._fields, _RESPONSE: Response._fields}

_Decode = Callable[[bytes], Any]


class _Role(NamedTuple):
    """What a value is."""

    half: int
    """The index in the flow of what it is a field of: request, response, or itself."""
    field: int
    """Its index there; behind the last one: it says nothing."""
    decode: _Decode


class _Known(NamedTuple):
    """A layout, and what its values are."""

    layout: Layout
    flow: Flow
    """The flow that it was learned from, for what is the same."""
    roles: list[_Role]

    def read(self, record: Record) -> Flow | None:
        """Reads a flow; None: it is laid out in another way, or something of it is odd."""
        values = self.layout.match(record.payload)
        if values is None:
            return None
        try:
            return self._made_of(values)
        except (ValueError, FieldError, TnetstringError):
            return None

    def _made_of(self, values: list[bytes]) -> Flow:
        return _with(
            self.flow,
            [
                (half, field, decode(value))
                for (half, field, decode), value in zip(self.roles, values, strict=True)
            ],
        )

    def without_values(self) -> "_Known":
        """Returns it without what each flow has of its own, such as a long content."""
        return self._replace(
            flow=_with(self.flow, [(half, field, None) for half, field, _ in self.roles])
        )


def _with(like: Flow, values: list[tuple[int, int, Any]]) -> Flow:
    """Returns a flow with other values of its fields, and of its halves'."""
    request: list[Any] = [*(like.request or ())]
    response: list[Any] = [*(like.response or ())]
    flow: list[Any] = [*like, None]
    halves = {_ITSELF: flow, _REQUEST: request, _RESPONSE: response}
    for half, field, value in values:
        halves[half][field] = value
    flow[_REQUEST] = Request._make(request)
    flow[_RESPONSE] = Response._make(response) if response else None
    return Flow._make(flow[:-1])


class AlikeFlows:
    """The layouts of one dump."""

    def __init__(self, skipped: frozenset[bytes]) -> None:
        """`skipped`: keys of what is not looked into."""
        # Not that of the dump, which remembers lists by how deep they may be.
        self._parser = Parser()
        self._skipped = skipped
        self._known: list[_Known] = []
        """The one that was found last is first."""
        self._varying = set(_OFTEN)
        self._misses = 0
        self._lists: dict[bytes, Headers] = {}

    def read(self, record: Record) -> Flow | None:
        """Reads a flow that is laid out as one before; None: that is not for here."""
        for position, known in enumerate(self._known):
            flow = known.read(record)
            if flow is not None:
                if position:
                    self._known.insert(0, self._known.pop(position))
                self._misses = 0
                return flow
        return None

    def learn(self, record: Record, flow: Flow, *, named_by_server: bool) -> None:
        """Learns how a flow is laid out that `read` did not read, and nothing was odd about.

        `named_by_server`: its server name is that of the server's connection, so that the
        client's says nothing.
        """
        if self._misses == MAX_MISSES or flow.kind is not FlowKind.HTTP or flow.request is None:
            return
        self._misses += 1
        if self._misses == MAX_MISSES:
            self._known.clear()
            return
        layout, outdated = self._layout(record, named_by_server), None
        for known in self._known:
            other = known.layout
            if other.slots == layout.slots and other.fixed.keys() == layout.fixed.keys():
                fixed = layout.fixed.items() - other.fixed.items()
                self._varying.update(place for place, _ in fixed)
                varied = self._layout(record, named_by_server)
                if varied.slots != layout.slots:
                    layout, outdated = varied, known
                break
        if self._keep(layout, record, flow, named_by_server) and outdated is not None:
            self._known.remove(outdated)
        del self._known[MAX_LAYOUTS:]

    def _keep(self, layout: Layout, record: Record, flow: Flow, named: bool) -> bool:
        """Keeps a layout, unless something about it is odd."""
        version = layout.fixed.get(Place(b"", b"version"))
        if version != b"%d#" % NEWEST or layout.repeats or layout.size > MAX_LAYOUT_BYTES:
            return False
        roles = [self._role(place, tag, named) for place, tag in layout.slots]
        known = _Known(layout, flow, [role for role in roles if role is not None])
        if known.read(record) != flow:
            # A session without an id, say: it has its name from something else.
            return False
        self._known.insert(0, known.without_values())
        return True

    def _layout(self, record: Record, named: bool) -> Layout:
        def varies(place: Place, tag: int) -> bool:
            return place in self._varying and self._role(place, tag, named) is not None

        return Layout(record.payload, _INNER, varies)

    def _role(self, place: Place, tag: int, named: bool) -> _Role | None:
        """Returns what a value is; None: where it differs, flows are not alike."""
        dictionary, key = place
        if key == b"sni" and not named:
            return None
        name = _FIELDS[dictionary].get((key, tag))
        if name is not None:
            half = _HALVES.get(dictionary, _ITSELF)
            field = _NAMES[half].index(name)
            decode = _NAMED_DECODERS.get(name) or _DECODERS.get(tag) or self._headers
            return _Role(half, field, decode)
        unread = self._unread(place, tag, named)
        return None if unread is None else _Role(_ITSELF, len(Flow._fields), unread)

    def _unread(self, place: Place, tag: int, named: bool) -> _Decode | None:
        """Returns what checks a value that says nothing, as whoever reads all of it would."""
        dictionary, key = place
        if not dictionary:
            return _UNREAD_DECODERS[tag] if (key, tag) in _UNREAD else None
        if dictionary not in _CONNECTIONS or key == b"proxy_mode":
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
