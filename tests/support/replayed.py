"""A replay as the writers of captures get it."""

from dataclasses import replace
from typing import Any

from replayd.model.flow import (
    Flow,
    FlowKind,
    Request,
    Response,
    WebSocket,
    WebSocketMessage,
    WebSocketMessageKind,
)
from replayd.model.outcome import ConnectionInfo, Outcome, ResponseHead, Timings, WebSocketResult
from replayd.model.plan import Framing, Http2Request, HttpVersions, Plan, Target
from replayd.model.replay import ReplayKey, ReplayState
from replayd.model.replayed import Replayed
from replayd.reasons import Reason

START = 1_700_000_000_123_456_789
MS = 1_000_000

REQUEST = Request(
    b"POST",
    b"https",
    "a.test",
    443,
    b"/p?q=1",
    headers=((b"Host", b"a.test"), (b"Content-Length", b"3")),
    content=b"abc",
    start_time=1_600_000_000.5,
    end_time=1_600_000_000.75,
)
RECORDED = Response(
    b"HTTP/1.1",
    404,
    b"Not Found",
    ((b"Content-Length", b"3"),),
    b"old",
    start_time=1_600_000_001.0,
    end_time=1_600_000_001.5,
)
HEAD = ResponseHead(b"HTTP/1.1", 200, b"OK", ((b"Content-Type", b"text/plain"),))
TIMINGS = Timings(
    START, connected=2 * MS, tls=5 * MS, sent=6 * MS, first_byte=16 * MS, total=20 * MS
)
CONNECTION = ConnectionInfo(
    "10.0.0.1:443", "10.0.0.9:50000", tls_version="TLSv1.3", tls_cipher="AES", server_name="a.test"
)
HTTP2 = Http2Request(
    (
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", b"/p?q=1"),
        (b":authority", b"b.test"),
        (b"content-length", b"3"),
    ),
    trailers=((b"t", b"u"),),
)
PLAN = Plan(
    b"POST",
    b"https://a.test/p?q=1",
    Target("https", "a.test", 443, "a.test"),
    b"POST /p?q=1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n",
    Framing.CONTENT_LENGTH,
    3,
    idempotent=False,
)

HTTP2_PLAN = PLAN._replace(
    target=PLAN.target._replace(http_versions=HttpVersions.TWO_OR_ONE), http2=HTTP2
)
"""Of a replay whose server may choose HTTP/2."""


def captured(
    request: Request = REQUEST, response: Response | None = RECORDED, **fields: Any
) -> Flow:
    """A captured flow."""
    given = {"flow_id": "flow-1", "session_id": "client-1", "server_name": "a.test"} | fields
    return Flow(request=request, response=response, **given)


def succeeded(flow: Flow | None = None, content: bytes = b"new", **fields: Any) -> Replayed:
    """A replay that got a response; `outcome` fields with their names."""
    given = {"head": HEAD, "timings": TIMINGS, "connection": CONNECTION, "trailers": ()} | fields
    plan = given.pop("plan", PLAN)
    outcome = Outcome(ReplayState.SUCCEEDED, content_size=len(content), **given)
    return Replayed(ReplayKey("batch", 0, 7), 1, flow or captured(), plan, outcome, content)


def failed(flow: Flow | None = None, **fields: Any) -> Replayed:
    """A replay that could not connect."""
    given = {"timings": Timings(START, total=30 * MS), "reason": Reason.CONNECT_TIMEOUT} | fields
    outcome = Outcome(ReplayState.FAILED, message="no answer", **given)
    content = outcome.content_prefix
    return Replayed(ReplayKey("batch", 0, 7), 2, flow or captured(), PLAN, outcome, content)


SAID = WebSocket(
    (
        WebSocketMessage(WebSocketMessageKind.TEXT, True, "grüße".encode(), 1_600_000_002.0),
        WebSocketMessage(WebSocketMessageKind.BINARY, False, b"\0\xff", dropped=True),
    ),
    client_closed=False,
    close_code=1001,
    close_reason="away",
    end_time=1_600_000_003.0,
)
"""What was said on a captured WebSocket."""

SAID_AGAIN = (
    WebSocketMessage(WebSocketMessageKind.TEXT, True, "grüße".encode(), 1_700_000_000.25),
    WebSocketMessage(WebSocketMessageKind.TEXT, False, b"\x00 new", 1_700_000_000.5),
    WebSocketMessage(WebSocketMessageKind.BINARY, False, b"\xff", 1_700_000_000.75),
)
"""And in its replay."""


def conversed(said: tuple[WebSocketMessage, ...] = SAID_AGAIN, **fields: Any) -> Replayed:
    """A replay of a WebSocket."""
    head = ResponseHead(b"HTTP/1.1", 101, b"Switching Protocols", ((b"Upgrade", b"websocket"),))
    result = WebSocketResult(1, 2, said[:1], True, True, 1000, "bye")
    flow = captured(REQUEST._replace(content=b""), kind=FlowKind.WEBSOCKET, websocket=SAID)
    given = {"head": head, "websocket": result} | fields
    return replace(succeeded(flow, content=b"", **given), messages=said)
