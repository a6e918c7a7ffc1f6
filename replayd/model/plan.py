"""A plan: exactly which bytes go where when a flow is replayed."""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from replayd.model.flow import Headers


class Framing(IntEnum):
    """How the end of the content is marked, numbered as `flowreplay.v1.Framing`."""

    NONE = 0
    CONTENT_LENGTH = 1
    CHUNKED = 2
    RAW = 3


class ChangeKind(IntEnum):
    """Kinds of changes, numbered as `flowreplay.v1.ChangeKind`."""

    HTTP_VERSION = 1
    COOKIES_JOINED = 2
    CONTENT_LENGTH = 3
    CHUNK_SIZES = 4
    ABSOLUTE_TARGET = 5
    PROXY_AUTHORIZATION = 6
    CONNECT_TO = 7
    FIELD_REMOVED = 8
    LOWER_CASE = 9
    TARGET_REWRITTEN = 10
    PATH_REWRITTEN = 11
    FIELD_REWRITTEN = 12
    CONTENT_REWRITTEN = 13
    SERVER_NAME_REWRITTEN = 14
    STICKY_COOKIE = 20
    VALUE_CARRIED = 21
    HOOK = 30


class HttpVersion(IntEnum):
    """What a batch is sent with, numbered as `flowreplay.v1.HttpVersion`."""

    AUTO = 1
    """As captured, HTTP/2 and HTTP/3 where the server chooses HTTP/2 in TLS."""
    RECORDED = 2
    """As captured, HTTP/2 and HTTP/3 as HTTP/2 or not at all."""
    ONE = 3
    """HTTP/1.0 as captured, everything else as HTTP/1.1."""
    TWO = 4
    """Everything as HTTP/2 or not at all, but CONNECT and WebSocket."""


class HttpVersions(IntEnum):
    """Which versions a connection may speak, numbered as `flowreplay.v1.HttpVersions`."""

    ONE = 1
    """HTTP/1.0 or HTTP/1.1, whichever the request's head says."""
    TWO_OR_ONE = 2
    """HTTP/2 when the server chooses it (ALPN), else HTTP/1.1."""
    TWO = 3
    """HTTP/2 only: chosen by ALPN, or without TLS with prior knowledge."""


class WebSocketPace(IntEnum):
    """When WebSocket messages are sent, numbered as `flowreplay.v1.WebSocketPace`."""

    AFTER_MESSAGES = 1
    """Each once as many of the server's messages came as had come before it."""
    RECORDED = 2
    """Each as long after the handshake as in the capture."""


class Change(NamedTuple):
    """One difference between what was captured and what is sent."""

    kind: ChangeKind
    description: str


class Target(NamedTuple):
    """Where a request goes. Hashable: the pool keeps connections by target."""

    scheme: str
    """`http` or `https`."""
    host: str
    port: int
    server_name: str = ""
    """What TLS asks for (SNI) and verifies; empty for http."""
    dial_host: str = ""
    """Dialled in place of `host`; empty: `host` itself."""
    dial_port: int = 0
    """Dialled in place of `port`; 0: `port` itself."""
    http_versions: HttpVersions = HttpVersions.ONE
    """What a connection to it may speak."""
    tunnelled: bool = False
    """An upstream HTTP proxy is asked for a tunnel also without TLS, as HTTP/2 and WebSocket
    need it, and what may only be heard by the target (raw bytes)."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to dial."""
        return self.dial_host or self.host, self.dial_port or self.port


class Http2Request(NamedTuple):
    """A request as HTTP/2 has it (RFC 9113 section 8)."""

    headers: Headers
    """In the order in which they are written, the pseudo fields first."""
    trailers: Headers = ()
    changes: tuple[Change, ...] = ()


class WebSocketPlan(NamedTuple):
    """What is said on a WebSocket connection after its handshake; the messages themselves
    are the replay's request content (`codec.websocket`).
    """

    client_message_count: int = 0
    """How many are sent."""
    server_message_count: int = 0
    """How many the server had sent."""
    pace: WebSocketPace = WebSocketPace.AFTER_MESSAGES
    client_closed: bool = True
    """We close first; else the server is waited for."""
    close_code: int = 0
    """0: none."""
    close_reason: str = ""
    handshake_time: float | None = None
    """When the handshake was answered in the capture, in seconds since the epoch."""


class RecordedValue(NamedTuple):
    """A value of a recorded answer that later requests of the capture may hold."""

    source: str
    """Where it stood (`live.sources`)."""
    value: bytes


class LivePlan(NamedTuple):
    """What live values need to know of a flow."""

    sticky_cookies: bool = False
    recorded_values: tuple[RecordedValue, ...] = ()
    recorded_set_cookies: tuple[bytes, ...] = ()
    """Values of the recorded answer's Set-Cookie fields."""
    cookies: tuple[tuple[bytes, bytes], ...] | None = None
    """Those of the request as captured; None: they still stand in the head. Not encoded."""


class Plan(NamedTuple):
    """What will be sent over HTTP/1: `head`, then the content as `framed` says; and, when
    the connection speaks HTTP/2, `http2` in its place.
    """

    method: bytes
    url: bytes
    """For people: scheme, Host as captured, path."""
    target: Target
    head: bytes
    """Start line, fields, empty line, as written."""
    framing: Framing = Framing.NONE
    content_size: int = 0
    """Bytes of the content before framing."""
    trailer_section: bytes = b""
    """Trailer fields (each with CRLF) written after the last chunk."""
    changes: tuple[Change, ...] = ()
    idempotent: bool = True
    """By its method (RFC 9110 section 9.2.2) or a trusted Idempotency-Key: may be sent again."""
    expect_continue: bool = False
    flow_index: int = 0
    flow_id: str = ""
    recorded_status_code: int = 0
    """0: no response was recorded."""
    proxy_authorization: bool = False
    """The head holds Proxy-Authorization fields of the capture."""
    http2: Http2Request | None = None
    """Set when the target's `http_versions` allow HTTP/2."""
    websocket: WebSocketPlan | None = None
    """Only of a WebSocket flow."""
    resends_replay_id: str = ""
    """The replay that this one sends again; empty: none."""
    live: LivePlan | None = None
    """None: its batch has no live values."""
    recorded_digest: bytes = b""
    """Tells an equal response (`comparing.digests`); empty: responses are not compared."""


def framed(plan: Plan, content: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the bytes after the head: the content with its framing (RFC 9112 section 7)."""
    if plan.framing is Framing.NONE:
        return
    if plan.framing is not Framing.CHUNKED:
        yield from content
        return
    if plan.content_size:
        yield b"%x\r\n" % plan.content_size
        yield from content
        yield b"\r\n"
    yield b"0\r\n" + plan.trailer_section + b"\r\n"


class ConnectTo(NamedTuple):
    """A rule of `--connect-to`: dial another address. Empty or 0 parts match all."""

    scheme: str
    host: str
    port: int
    dial_host: str
    dial_port: int

    def matches(self, scheme: str, host: str, port: int) -> bool:
        """Tells whether the rule is about this target; hosts match without case."""
        return (
            self.scheme in ("", scheme)
            and self.host.lower() in ("", host.lower())
            and self.port in (0, port)
        )
