"""WebSocket flows: which can be replayed, and their plans."""

from typing import Any

import pytest

from replayd.model.flow import Flow, FlowKind, Headers, Response, WebSocket, WebSocketMessage
from replayd.model.flow import WebSocketMessageKind as Kind
from replayd.model.plan import ConnectTo, Framing, HttpVersion, Plan, WebSocketPace, WebSocketPlan
from replayd.planning.plan import make_plan
from replayd.planning.refusal import refuse
from replayd.planning.websocket import lacking, too_large
from replayd.reasons import Reason
from tests.planning.requests import flow

FIELDS: Headers = (
    (b"Host", b"example.test"),
    (b"connection", b"keep-alive,  Upgrade"),
    (b"Upgrade", b"WebSocket"),
    (b"sec-webSocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"Sec-WebSocket-Extensions", b"permessage-deflate; client_max_window_bits"),
    (b"Cookie", b"a=1"),
)


def message(from_client: bool, content: bytes = b"hi", **changes: Any) -> WebSocketMessage:
    return WebSocketMessage(Kind.TEXT, from_client, content, **changes)


SAID = WebSocket((message(True), message(False), message(True), message(False), message(False)))


def connection(said: WebSocket | None = SAID, **request: Any) -> Flow:
    """A WebSocket flow with this handshake."""
    handshake = flow(**{"headers": FIELDS, "path": b"/chat", **request})
    return handshake._replace(kind=FlowKind.WEBSOCKET, websocket=said)


def planned(found: Flow, **arguments: Any) -> Plan:
    return make_plan(found, **{"flow_index": 0, "connect_to": (), "raw": False, **arguments})


def websocket_plan(**changes: Any) -> WebSocketPlan:
    found = planned(connection(SAID._replace(**changes))).websocket
    assert found is not None
    return found


def test_the_handshake_leaves_byte_for_byte() -> None:
    for raw in (False, True):
        plan = planned(connection(), raw=raw)
        assert plan.head == (
            b"GET /chat HTTP/1.1\r\nHost: example.test\r\nconnection: keep-alive,  Upgrade\r\n"
            b"Upgrade: WebSocket\r\nsec-webSocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            b"Cookie: a=1\r\n\r\n"
        )
        assert (plan.framing, plan.content_size, plan.changes) == (Framing.NONE, 0, ())


@pytest.mark.parametrize("version", HttpVersion)
def test_whatever_the_batch_chose_it_is_http_1(version: HttpVersion) -> None:
    plan = planned(connection(scheme=b"https"), http_version=version)
    assert plan.http2 is None
    assert plan.target.http_versions.name == "ONE"


def test_it_goes_through_a_tunnel_and_may_be_dialled_elsewhere() -> None:
    plan = planned(connection(), connect_to=[ConnectTo("", "", 0, "127.0.0.1", 8080)])
    assert plan.target.tunnelled
    assert plan.target.address == ("127.0.0.1", 8080)
    assert not planned(flow()).target.tunnelled


def test_what_is_sent_and_awaited_is_counted() -> None:
    said = (
        *SAID.messages,
        message(True, dropped=True),
        message(True, injected=True),
        message(False, dropped=True),
        message(False, injected=True),
    )
    plan = websocket_plan(messages=said)
    assert (plan.client_message_count, plan.server_message_count) == (3, 4)


def test_the_pace_is_the_batch_s() -> None:
    assert websocket_plan().pace is WebSocketPace.AFTER_MESSAGES
    recorded = planned(connection(), websocket_pace=WebSocketPace.RECORDED).websocket
    assert recorded is not None
    assert recorded.pace is WebSocketPace.RECORDED


def test_the_recorded_pace_counts_from_the_handshake_s_answer() -> None:
    assert websocket_plan().handshake_time is None
    answer = Response(b"HTTP/1.1", 101, start_time=1.5, end_time=9.0)
    plan = planned(connection()._replace(response=answer)).websocket
    assert plan is not None
    assert plan.handshake_time == 1.5


def test_what_a_client_says_is_not_sent_twice() -> None:
    assert not planned(connection()).idempotent
    silent = (message(False), message(True, dropped=True))
    assert planned(connection(WebSocket(silent))).idempotent


@pytest.mark.parametrize(("closed", "first"), [(True, True), (False, False), (None, True)])
def test_who_closes_first(closed: bool | None, first: bool) -> None:
    assert websocket_plan(client_closed=closed).client_closed is first


@pytest.mark.parametrize(
    ("code", "reason", "planned_code", "planned_reason"),
    [
        (1000, "bye", 1000, "bye"),
        (4999, "", 4999, ""),
        (0, "odd", 0, ""),
        (1005, "", 0, ""),
        (1006, "lost", 0, ""),
        (1015, "", 0, ""),
        (999, "x", 0, ""),
        (5000, "x", 0, ""),
        (-1, "x", 0, ""),
        (4000, "é" * 100, 4000, "é" * 61),
    ],
)
def test_a_close_is_one_that_can_be_sent(
    code: int, reason: str, planned_code: int, planned_reason: str
) -> None:
    plan = websocket_plan(close_code=code, close_reason=reason)
    assert (plan.close_code, plan.close_reason) == (planned_code, planned_reason)


def without(name: bytes) -> Headers:
    return tuple(field for field in FIELDS if field[0].lower() != name)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (connection(None), "the handshake of this WebSocket connection alone"),
        (connection()._replace(request=None), "but not its handshake"),
        (connection(method=b"CONNECT", http_version=b"HTTP/2.0"), "HTTP/2.0 (RFC 8441)"),
        (connection(http_version=b"HTTP/2.0"), "captured over HTTP/2.0"),
        (connection(http_version=b"HTTP/1.0"), "captured over HTTP/1.0"),
        (connection(method=b"POST"), "is a 'POST', no GET"),
        (connection(headers=without(b"upgrade")), "no field Upgrade: websocket"),
        (connection(headers=((b"Upgrade", b"h2c"), *without(b"upgrade"))), "no field Upgrade"),
        (connection(headers=without(b"sec-websocket-key")), "no Sec-WebSocket-Key"),
        (connection(headers=(*FIELDS, (b"Sec-WebSocket-Key", b"x"))), "or several"),
        (connection(content=b"x"), "has content"),
        (connection(headers=(*FIELDS, (b"Transfer-Encoding", b"chunked"))), "has content"),
    ],
)
def test_what_a_replay_needs(found: Flow, said: str) -> None:
    why = lacking(found)
    assert why is not None
    assert said in why
    refusal = refuse(found, raw=True, body_size_limit=100)
    assert refusal is not None
    assert (refusal.reason, refusal.message) == (Reason.WEBSOCKET_FLOW, why)


def test_a_whole_flow_is_replayed_unless_the_call_refuses_it() -> None:
    assert lacking(connection()) is None
    assert refuse(connection(), raw=False, body_size_limit=100) is None
    refusal = refuse(connection(), raw=False, body_size_limit=100, refuse_websocket=True)
    assert refusal is not None
    assert refusal.reason is Reason.WEBSOCKET_FLOW
    assert refusal.message == "the call asked to refuse WebSocket flows"
    assert refuse(flow(), raw=False, body_size_limit=100, refuse_websocket=True) is None


def test_the_messages_of_both_sides_are_a_content_like_others() -> None:
    said = WebSocket((message(True, b"x" * 60), message(False, b"x" * 40)))
    assert too_large(said, 100) is None
    assert refuse(connection(said), raw=False, body_size_limit=100) is None
    refusal = refuse(connection(said), raw=False, body_size_limit=99)
    assert refusal is not None
    assert refusal.reason is Reason.CONTENT_TOO_LARGE
    assert "the messages have 100 bytes; the daemon's --body-size-limit is 99" in refusal.message
