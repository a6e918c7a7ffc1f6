"""mitmproxy's flow dumps: one tnetstring dictionary a flow, versions 0.11 to 21.

Yields a Flow for every record, the TCP, UDP and DNS ones too, so that each can be refused
by its index. A dump is untrusted: a record that lacks a field or holds a wrong
type is a DamagedFlow with the record's byte offset; fields that version 21 does not
have, and times that are none, are ignored with a note. Of the recorded connections only
identity and server name are read: what state they were in means nothing for a replay.

Not kept in a dump, and so never said here: whether a flow was live.
"""

import re
from collections.abc import Iterator

from replayd.formats import fields
from replayd.formats import mitmproxy_websocket as websocket
from replayd.formats.fields import FieldError, Structure
from replayd.formats.mitmproxy_alike import AlikeFlows
from replayd.formats.mitmproxy_roles import MAX_ID
from replayd.formats.mitmproxy_versions import UnsupportedVersionError, migrate
from replayd.formats.streams import Source
from replayd.formats.tnetstring import Records, TnetstringError
from replayd.formats.tnetstring_parser import Parser, Value
from replayd.formats.tnetstring_search import Signature
from replayd.model.flow import (
    CaptureNote,
    DamagedFlow,
    Flow,
    FlowError,
    FlowKind,
    Found,
    Request,
    Response,
    WebSocket,
)
from replayd.reasons import Reason

_SKIPPED = frozenset(
    {
        b"alpn_offers",
        b"backup",
        b"certificate_list",
        b"cipher_list",
        b"metadata",
    }
)
"""Fields whose insides say nothing about a replay."""

_KINDS = {"http": FlowKind.HTTP, "tcp": FlowKind.TCP, "udp": FlowKind.UDP, "dns": FlowKind.DNS}

_FLOW = frozenset(
    b"version type id error client_conn server_conn intercepted is_replay marked metadata "
    b"comment timestamp_created".split()
)
_FIELDS = {
    FlowKind.HTTP: _FLOW | {b"request", b"response", b"websocket"},
    FlowKind.TCP: _FLOW | {b"messages"},
    FlowKind.UDP: _FLOW | {b"messages"},
    FlowKind.DNS: _FLOW | {b"request", b"response"},
}
"""All of a flow's fields, and all of them are required."""
_OPTIONAL = frozenset({b"backup", websocket.CLIENT_KEY})

_SIGNATURE = Signature(
    begins=re.compile(rb"(?<!backup[;,])([1-9][0-9]{1,11}):[0-9]{1,2}:[a-z_]{2,30}[;,]"),
    holds=re.compile(rb"7:version[;,]"),
)
"""How flows are told; what stands under `backup` looks like one and is none."""

_NOTED = 20
"""Unknown fields of a structure that get a note of their own."""

_MESSAGE = frozenset(b"http_version headers content trailers timestamp_start timestamp_end".split())
_REQUEST = _MESSAGE | frozenset(b"host port method scheme authority path".split())
_ERROR = frozenset({b"msg", b"timestamp"})
_RESPONSE = _MESSAGE | frozenset(b"status_code reason".split())


def read_dump(stream: Source) -> Iterator[Found]:
    """Reads the flows of a dump, one record in memory at a time; notes before their flow.

    Goes on after damage with the next record, which may stand inside the damaged one when
    that says a wrong length.
    """
    records, parser, handshakes = Records(stream), Parser(_SKIPPED), websocket.Handshakes()
    alike = AlikeFlows(_SKIPPED)
    index, more = 0, True
    while more:
        try:
            for record in records:
                known = alike.read(record)
                if known is not None:
                    yield known
                    index += 1
                    continue
                reader = _FlowReader(parser.parse(record))
                flow = reader.joined(handshakes, index)
                for note in reader.notes:
                    yield CaptureNote(index, note)
                if not reader.notes:
                    alike.learn(record, flow, named_by_server=reader.named_by_server)
                yield flow
                index += 1
            return
        except TnetstringError as error:
            message = f"this is not a whole mitmproxy dump: {error.message}"
            yield DamagedFlow(message, error.byte_offset)
        except FieldError as error:
            message = f"this is not a flow of mitmproxy: {error}"
            yield DamagedFlow(message, records.record_offset)
        except UnsupportedVersionError as error:
            message = f"a flow of mitmproxy's format {error}"
            yield DamagedFlow(message, records.record_offset, Reason.UNSUPPORTED_VERSION)
        index += 1
        more = records.resume(_SIGNATURE)


class _FlowReader:
    """Reads one flow's state; `notes` says what was ignored in it."""

    def __init__(self, state: Value) -> None:
        if not isinstance(state, dict):
            raise FieldError(f"a flow must be a dictionary, but is of type {type(state).__name__}")
        self._state = migrate(state)
        self.notes: list[str] = []

    def joined(self, handshakes: websocket.Handshakes, index: int) -> Flow:
        """Returns the flow; messages of a WebSocket with the handshake that came before."""
        flow = self.flow()
        if flow.kind is FlowKind.WEBSOCKET and flow.websocket is None:
            handshakes.add(index, flow)
        elif flow.websocket is not None and flow.request is None:
            said = fields.substructure(self._state, b"websocket")
            key = (
                fields.octets(said, websocket.CLIENT_KEY) if said.get(websocket.CLIENT_KEY) else b""
            )
            return handshakes.join(flow, key, self.notes.append)
        return flow

    @property
    def named_by_server(self) -> bool:
        """Whether the server's connection has the flow's server name."""
        return bool(fields.substructure(self._state, b"server_conn").get(b"sni"))

    def flow(self) -> Flow:
        state = self._state
        kind = _KINDS.get(fields.text(state, b"type"))
        if kind is None:
            raise FieldError(f"there is no type of flow named {state[b'type']!r:.40}")
        self._check(state, _FIELDS[kind], "the flow")
        http = kind is FlowKind.HTTP
        if http and state[b"websocket"] is not None:
            kind = FlowKind.WEBSOCKET
        said = self._websocket() if kind is FlowKind.WEBSOCKET else None
        return Flow(
            flow_id=_id(state),
            session_id=_session(fields.substructure(state, b"client_conn")),
            kind=kind,
            request=self._request() if http else None,
            response=self._response() if http else None,
            error=self._error(),
            intercepted=fields.flag(state, b"intercepted"),
            server_name=_server_name(state),
            comment=fields.text(state, b"comment"),
            mark=fields.text(state, b"marked"),
            websocket=said,
        )

    def _check(self, found: Structure, known: frozenset[bytes], where: str) -> None:
        """Refuses what lacks a field; notes what has one too many."""
        if found.keys() == known:
            return
        missing = known - found.keys()
        if missing:
            names = ", ".join(sorted(name.decode() for name in missing))
            raise FieldError(f"{where} lacks {names}")
        unknown = sorted(found.keys() - known - _OPTIONAL)
        for name in unknown[:_NOTED]:
            shown = name[:40].decode("utf-8", "backslashreplace")
            self.notes.append(f"{where} has an unknown field {shown!r}, which was ignored")
        if len(unknown) > _NOTED:
            more = len(unknown) - _NOTED
            self.notes.append(f"{where} has {more} more unknown fields, which were ignored")

    def _request(self) -> Request | None:
        state = fields.optional_substructure(self._state, b"request")
        if state is None:
            return None
        self._check(state, _REQUEST, "the request")
        return Request(
            fields.octets(state, b"method"),
            fields.octets(state, b"scheme"),
            fields.text(state, b"host"),
            fields.integer(state, b"port"),
            fields.octets(state, b"path"),
            fields.octets(state, b"http_version"),
            fields.headers(state, b"headers"),
            fields.optional_octets(state, b"content"),
            fields.octets(state, b"authority"),
            fields.optional_headers(state, b"trailers"),
            self._time(state, b"timestamp_start"),
            self._time(state, b"timestamp_end"),
        )

    def _response(self) -> Response | None:
        state = fields.optional_substructure(self._state, b"response")
        if state is None:
            return None
        self._check(state, _RESPONSE, "the response")
        return Response(
            fields.octets(state, b"http_version"),
            fields.integer(state, b"status_code"),
            fields.octets(state, b"reason"),
            fields.headers(state, b"headers"),
            fields.optional_octets(state, b"content"),
            fields.optional_headers(state, b"trailers"),
            self._time(state, b"timestamp_start"),
            self._time(state, b"timestamp_end"),
        )

    def _websocket(self) -> WebSocket | None:
        state = fields.substructure(self._state, b"websocket")
        if fields.require(state, b"messages") is not None:
            self._check(state, websocket.FIELDS, "the WebSocket")
        return websocket.read_websocket(state, self._time, self.notes.append)

    def _error(self) -> FlowError | None:
        state = fields.optional_substructure(self._state, b"error")
        if state is None:
            return None
        self._check(state, _ERROR, "the error")
        return FlowError(fields.text(state, b"msg"), self._time(state, b"timestamp"))

    def _time(self, state: Structure, name: bytes) -> float | None:
        """Reads a time; one that no timestamp can say is as good as none."""
        try:
            return fields.optional_time(state, name)
        except fields.TimeRangeError as error:
            self.notes.append(f"{error}, which was ignored")
            return None


def _id(state: Structure) -> str:
    text = fields.text(state, b"id")
    if len(text) > MAX_ID:
        raise FieldError(f"an id has {len(text)} characters, more than {MAX_ID}")
    return text


def _session(client: Structure) -> str:
    """The client connection's id; where it is empty, its address and start, if it has one."""
    connection_id = _id(client)
    if connection_id:
        return connection_id
    peer, start = fields.require(client, b"peername"), fields.require(client, b"timestamp_start")
    return f"{peer!r:.100} {start!r:.100}" if start else ""


def _server_name(state: Structure) -> str:
    """The name that the server was asked for in TLS.

    mitmproxy's own server connection has it, also where the client named somebody else
    (reverse proxy) or where the flow's host is an address (transparent, eager
    connections). Where no such connection was made the client's is as good, unless it
    named the reverse proxy.
    """
    server = fields.optional_text(fields.substructure(state, b"server_conn"), b"sni")
    if server:
        return server
    client = fields.substructure(state, b"client_conn")
    if fields.text(client, b"proxy_mode").startswith("reverse:"):
        return ""
    return fields.optional_text(client, b"sni") or ""
