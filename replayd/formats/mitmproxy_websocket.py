"""WebSocket connections in mitmproxy's dumps: what was said, and whose handshake it had.

Since mitmproxy 7 a flow has both. Up to 6 there were two flows: an HTTP flow of the
handshake (its state, brought to the newest version, has null for messages) and one of the
messages, which has the key of its handshake (`client_key`) and no request. `Handshakes`
joins the second kind to the first, so that it can be replayed by itself.
"""

from collections.abc import Callable

from replayd.formats import fields
from replayd.formats.fields import FieldError, Structure
from replayd.formats.header_fields import value_of
from replayd.formats.tnetstring_parser import Value
from replayd.model.flow import (
    Flow,
    Request,
    Response,
    WebSocket,
    WebSocketMessage,
    WebSocketMessageKind,
)

FIELDS = frozenset(b"messages closed_by_client close_code close_reason timestamp_end".split())

CLIENT_KEY = b"client_key"
"""Only of a flow of messages: the Sec-WebSocket-Key of its handshake."""

MAX_HANDSHAKES = 1000
"""Handshakes that wait for their messages; beyond, the oldest is forgotten."""

MAX_HEAD = 64 << 10
"""Characters of all that a handshake, or its answer, has beside a content, written out."""

_KINDS = {1: WebSocketMessageKind.TEXT, 2: WebSocketMessageKind.BINARY}

_ELEMENTS = "opcode, side, content, time, dropped, injected"


def read_websocket(
    state: Structure, time: Callable[[Structure, bytes], float | None], note: Callable[[str], None]
) -> WebSocket | None:
    """Reads what was said; None: the flow has the handshake alone.

    `time` reads a time of a structure. Raises FieldError.
    """
    listed = fields.require(state, b"messages")
    if listed is None:
        return None
    if not isinstance(listed, tuple):
        raise FieldError("'messages' must be a list")
    messages = [_message(each, time, note) for each in listed]
    closed = fields.require(state, b"closed_by_client")
    code = fields.require(state, b"close_code")
    return WebSocket(
        messages=tuple([message for message in messages if message is not None]),
        client_closed=None if closed is None else fields.flag(state, b"closed_by_client"),
        close_code=0 if code is None else fields.integer(state, b"close_code"),
        close_reason=fields.optional_text(state, b"close_reason") or "",
        end_time=time(state, b"timestamp_end"),
    )


def _message(
    given: Value,
    time: Callable[[Structure, bytes], float | None],
    note: Callable[[str], None],
) -> WebSocketMessage | None:
    """Reads a message; None: it is neither text nor binary."""
    if not isinstance(given, tuple) or len(given) != 6:
        raise FieldError(f"a WebSocket message must be a list of {_ELEMENTS}")
    named: Structure = dict(zip(_MESSAGE, given, strict=True))
    opcode = fields.integer(named, b"message's opcode")
    kind = _KINDS.get(opcode)
    if kind is None:
        note(f"a WebSocket message of opcode {opcode} was left out")
        return None
    return WebSocketMessage(
        kind=kind,
        from_client=fields.flag(named, b"message's side"),
        content=fields.octets(named, b"message's content"),
        time=time(named, b"message's time"),
        dropped=fields.flag(named, b"message's dropped"),
        injected=fields.flag(named, b"message's injected"),
    )


_MESSAGE = [f"message's {name}".encode() for name in _ELEMENTS.split(", ")]


class Handshakes:
    """The handshakes of a dump that were read, until their messages come."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, bytes], tuple[int, Request, Response | None]] = {}

    def add(self, index: int, flow: Flow) -> None:
        """Keeps a flow that has a handshake alone."""
        request, response = flow.request, flow.response
        if request is None or not (_is_brief(request) and _is_brief(response)):
            return
        place = flow.session_id, value_of(request.headers, b"sec-websocket-key")
        self._waiting.pop(place, None)
        self._waiting[place] = index, request, response
        if len(self._waiting) > MAX_HANDSHAKES:
            del self._waiting[next(iter(self._waiting))]

    def join(self, flow: Flow, client_key: bytes, note: Callable[[str], None]) -> Flow:
        """Returns a flow of messages with its handshake, and notes whose it is.

        Where that was not read, or another flow has it already, the flow stays without.
        """
        found = self._waiting.pop((flow.session_id, client_key), None)
        if found is None:
            return flow
        index, request, response = found
        note(f"the handshake of these WebSocket messages is flow {index}'s")
        return flow._replace(request=request, response=response)


def _is_brief(half: Request | Response | None) -> bool:
    """Whether it may be kept: a handshake has no content, and its head is short."""
    if half is None:
        return True
    return not half.content and len(repr(half._replace(content=None))) < MAX_HEAD
