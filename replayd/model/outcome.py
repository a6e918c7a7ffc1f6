"""How a replay ended, with everything seen on the way."""

from dataclasses import dataclass, field
from typing import NamedTuple

from replayd.model.flow import Headers, WebSocketMessage
from replayd.model.replay import ReplayState
from replayd.reasons import Reason


class ResponseHead(NamedTuple):
    """The head of a response, as the server wrote it."""

    http_version: bytes
    status_code: int
    reason_phrase: bytes = b""
    headers: Headers = ()
    interim_status_codes: tuple[int, ...] = ()
    """Status codes of the 1xx responses that came before."""


class ConnectionInfo(NamedTuple):
    """The connection that a replay used."""

    address: str
    """Connected to, such as `127.0.0.1:80` or `[::1]:80`."""
    local_address: str = ""
    reused: bool = False
    proxied: bool = False
    """Whether `address` is the upstream proxy's."""
    tls_version: str = ""
    tls_cipher: str = ""
    server_name: str = ""
    alpn: str = ""
    """The protocol that the server chose in TLS, such as `h2`; empty: none."""


@dataclass(frozen=True, slots=True)
class WebSocketResult:
    """What was said on a WebSocket connection; the messages themselves, of both sides, are
    the response's content (`codec.websocket`).
    """

    sent_count: int = 0
    received_count: int = 0
    messages: tuple[WebSocketMessage, ...] = ()
    """The first of both sides, all together at most `event.PREVIEW_LIMIT` bytes of content."""
    messages_truncated: bool = False
    """`messages` are not all, or not whole."""
    client_closed: bool = False
    """We closed first."""
    close_code: int = 0
    """What the server closed with, or answered our close with; 0: none."""
    close_reason: str = ""
    recorded_received_count: int | None = None
    """`received_count` of the capture; None: the event was written before this was told."""


class Note(NamedTuple):
    """Something worth a `log` event besides the outcome itself."""

    message: str
    reason: Reason = Reason.UNSPECIFIED


class LiveValue(NamedTuple):
    """A value that an answer gave for later requests, and the recorded one that it stands for."""

    source: str
    """Where it stood: one of `carry`, or `cookie:` and a cookie's name."""
    recorded: bytes
    """Empty: the recorded server gave none."""
    value: bytes = b""
    """Empty: this answer gave none, or deleted the cookie."""


class HookMarks(NamedTuple):
    """What hooks had to do with a response."""

    answering: str = ""
    """The hook that answered: nothing was sent; empty: the server did."""
    changing: tuple[str, ...] = ()
    """Those that changed it."""


class ToldComparison(NamedTuple):
    """A response beside the recorded one: an encoded `flowreplay.v1.Comparison`."""

    shown: bytes
    """As everybody may see it."""
    whole: bytes
    """With its secrets."""


@dataclass(slots=True)
class Timings:
    """When each phase was reached, in nanoseconds from `start`; None: it was not."""

    start: int
    """Wall clock at take, nanoseconds since the epoch."""
    connected: int | None = None
    tls: int | None = None
    sent: int | None = None
    first_byte: int | None = None
    total: int | None = None
    lag: int | None = None
    """How long `start` was after the time that the batch's pace said; None: it said none."""


@dataclass(slots=True)
class Outcome:
    """How a replay ended."""

    state: ReplayState
    timings: Timings
    reason: Reason = Reason.UNSPECIFIED
    message: str = ""
    head: ResponseHead | None = None
    content_prefix: bytes = b""
    """The first bytes of the content, at most `event.PREVIEW_LIMIT`."""
    content_size: int = 0
    trailers: Headers = ()
    connection: ConnectionInfo | None = None
    early: bool = False
    lenient: bool = False
    websocket: WebSocketResult | None = None
    """None: no WebSocket handshake was accepted."""
    live_values: tuple[LiveValue, ...] = ()
    hooked: HookMarks | None = None
    """None: no hook touched it."""
    comparison: ToldComparison | None = None
    """None: there is nothing to compare it with, or nobody asked."""
    notes: list[Note] = field(default_factory=list)
    """Becomes one `log` event each."""
