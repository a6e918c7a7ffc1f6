"""WebSocket flows: what a replay of one needs, and what becomes of its plan.

The handshake is a GET over HTTP/1.1 (RFC 6455 section 4.1) that leaves byte for byte as
captured, Sec-WebSocket-Key and all; what was said after it is the replay's content
(`codec.websocket`). Knows nothing of frames.
"""

from collections.abc import Sequence

from replayd.model.flow import Flow, Request, WebSocket
from replayd.model.plan import Plan, WebSocketPace, WebSocketPlan
from replayd.planning.draft import is_field

_UNSENT_CLOSE_CODES = frozenset({1005, 1006, 1015})
"""No Close frame may have them (RFC 6455 section 7.4.1): they say that there was none."""

_CLOSE_CODES = range(1000, 5000)
"""RFC 6455 section 7.4.2."""

_MAX_CLOSE_REASON = 123
"""Bytes: those of a control frame without its code (RFC 6455 section 5.5)."""


def lacking(flow: Flow) -> str | None:
    """Returns what keeps a WebSocket flow from being replayed, None when nothing does."""
    if flow.websocket is None:
        return (
            "the capture has the handshake of this WebSocket connection alone, not what was "
            "said on it (mitmproxy up to 6 kept that as another flow, which has this handshake "
            "too: where that is in the capture, it is replayed)"
        )
    if flow.request is None:
        return "the capture has what was said on a WebSocket connection, but not its handshake"
    return _odd_handshake(flow.request)


def _odd_handshake(request: Request) -> str | None:
    """Says why a request is no handshake of RFC 6455; None: it is one."""
    version = request.http_version.decode("latin-1")
    if request.method == b"CONNECT":
        return f"the WebSocket's handshake is a CONNECT over {version} (RFC 8441), and not a GET"
    if request.http_version != b"HTTP/1.1":
        return f"the WebSocket's handshake was captured over {version}, and not over HTTP/1.1"
    if request.method != b"GET":
        return f"the WebSocket's handshake is a {request.method[:40].decode('latin-1')!r}, no GET"
    if b"websocket" not in _members(request, b"upgrade"):
        return "the WebSocket's handshake has no field Upgrade: websocket"
    if len(_values(request, b"sec-websocket-key")) != 1:
        return "the WebSocket's handshake has no Sec-WebSocket-Key, or several"
    if request.content or _values(request, b"transfer-encoding"):
        return "the WebSocket's handshake has content, which no GET of RFC 6455 has"
    return None


def too_large(websocket: WebSocket, body_size_limit: int) -> str | None:
    """Says that the messages, those of both sides together, are over the limit of a content."""
    size = sum([len(message.content) for message in websocket.messages])
    if size <= body_size_limit:
        return None
    return f"the messages have {size} bytes; the daemon's --body-size-limit is {body_size_limit}"


def with_websocket(plan: Plan, flow: Flow, pace: WebSocketPace) -> Plan:
    """Returns the plan of a WebSocket flow's handshake with what is said after it.

    A client's messages may have effects: a replay that sends any is not sent again.
    """
    websocket = flow.websocket
    assert websocket is not None
    sent = sum([message.replayed for message in websocket.messages])
    code = websocket.close_code
    closed = code in _CLOSE_CODES and code not in _UNSENT_CLOSE_CODES
    return plan._replace(
        target=plan.target._replace(tunnelled=True),
        idempotent=not sent,
        websocket=WebSocketPlan(
            client_message_count=sent,
            server_message_count=sum([message.awaited for message in websocket.messages]),
            pace=pace,
            # Where nobody knows who closed first we do: a server may wait for ever.
            client_closed=websocket.client_closed is not False,
            close_code=code if closed else 0,
            close_reason=_cut(websocket.close_reason) if closed else "",
            handshake_time=flow.response.start_time if flow.response else None,
        ),
    )


def _cut(reason: str) -> str:
    return reason.encode("utf-8", "replace")[:_MAX_CLOSE_REASON].decode("utf-8", "ignore")


def _members(request: Request, name: bytes) -> list[bytes]:
    listed = b",".join(_values(request, name)).lower().split(b",")
    return [member.strip() for member in listed]


def _values(request: Request, name: bytes) -> Sequence[bytes]:
    return [value for other, value in request.headers if is_field(other, name)]
