"""A flow: one captured exchange. Bytes are bytes; nothing is decoded here."""

from enum import IntEnum
from typing import NamedTuple

from replayd.reasons import Reason

Headers = tuple[tuple[bytes, bytes], ...]
"""Header or trailer fields (name, value) in their order, with case and duplicates."""


class FlowKind(IntEnum):
    """Kinds of flows, numbered as `flowreplay.v1.FlowKind`."""

    HTTP = 1
    WEBSOCKET = 2
    TCP = 3
    UDP = 4
    DNS = 5


class Request(NamedTuple):
    """A recorded request."""

    method: bytes
    scheme: bytes
    """`http` or `https`."""
    host: str
    """Name or address to connect to, without brackets."""
    port: int
    path: bytes
    """The request target as captured, without the authority of an absolute-form one."""
    http_version: bytes = b"HTTP/1.1"
    """As captured: HTTP/1.0, HTTP/1.1, HTTP/2.0 or HTTP/3."""
    headers: Headers = ()
    content: bytes | None = b""
    """As on the wire (content-encoded, not chunked); None: the capture left it out."""
    authority: bytes = b""
    """The authority of an absolute-form or HTTP/2 request; empty for origin-form."""
    trailers: Headers = ()
    start_time: float | None = None
    """Seconds since the epoch."""
    end_time: float | None = None


class Response(NamedTuple):
    """A recorded response."""

    http_version: bytes
    status_code: int
    reason_phrase: bytes = b""
    headers: Headers = ()
    content: bytes | None = b""
    """As on the wire (content-encoded, not chunked); None: the capture left it out."""
    trailers: Headers = ()
    start_time: float | None = None
    end_time: float | None = None


class FlowError(NamedTuple):
    """A recorded error: why the captured exchange had no complete response."""

    message: str
    time: float | None = None


class WebSocketMessageKind(IntEnum):
    """Kinds of WebSocket messages, numbered as their opcodes (RFC 6455 section 5.2)."""

    TEXT = 1
    BINARY = 2


class WebSocketMessage(NamedTuple):
    """A WebSocket message of either side, whole: fragments joined, unmasked."""

    kind: WebSocketMessageKind
    from_client: bool
    content: bytes
    time: float | None = None
    """Seconds since the epoch."""
    dropped: bool = False
    """The recorder kept it from the other side: it is not replayed."""
    injected: bool = False
    """The recorder put it in: a client's is replayed like any other."""

    @property
    def replayed(self) -> bool:
        """Whether a replay sends it: what came from the client and went on to the server."""
        return self.from_client and not self.dropped

    @property
    def awaited(self) -> bool:
        """Whether the server sent it, so that a replay expects one there."""
        return not self.from_client and not self.injected


class WebSocket(NamedTuple):
    """What was said on a WebSocket connection after its handshake."""

    messages: tuple[WebSocketMessage, ...] = ()
    client_closed: bool | None = None
    """None: the capture does not tell."""
    close_code: int = 0
    """0: there was none."""
    close_reason: str = ""
    end_time: float | None = None


class Flow(NamedTuple):
    """One captured exchange; immutable."""

    flow_id: str = ""
    session_id: str = ""
    """The client connection it travelled on; empty: a session of its own."""
    kind: FlowKind = FlowKind.HTTP
    request: Request | None = None
    response: Response | None = None
    error: FlowError | None = None
    live: bool = False
    intercepted: bool = False
    server_name: str = ""
    """The recorded SNI; empty: none."""
    comment: str = ""
    mark: str = ""
    websocket: WebSocket | None = None
    """Only of a WebSocket flow; None also when the capture left it out."""


class CaptureNote(NamedTuple):
    """Something in a capture that was ignored or mended; the flow itself follows."""

    flow_index: int
    message: str


class DamagedFlow(NamedTuple):
    """A place in a capture where a flow should stand and can't be read.

    It counts as a flow, so that those after it keep their indexes where that is possible.
    """

    message: str
    byte_offset: int
    """Where in the capture, unpacked, what can't be read begins."""
    reason: Reason = Reason.DAMAGED_CAPTURE


Found = Flow | CaptureNote | DamagedFlow
"""What a capture's reader yields."""
