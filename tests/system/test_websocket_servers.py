"""WebSocket replays by a real daemon, with servers of all tempers that share no code with it.

What a server received is compared with what was recorded, message by message.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

import pytest
from flowreplay.v1 import event_pb2, flow_pb2, plan_pb2, reason_pb2
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from replayd.model.flow import WebSocketMessage
from replayd.wire.permessage_deflate import Compressor
from replayd.wire.websocket_handshake import accept_of
from tests.support.calls import Event, Stub, connect_to, enqueue, events, outcomes, wait_for
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.proxies import Proxy
from tests.support.scripted_server import Peer, ScriptedServer
from tests.support.websockets import (
    DEFLATE,
    KEY,
    Handler,
    Visit,
    WebSocketServer,
    echo,
    heard,
    listen,
    said,
    typed,
    websocket_flow,
)

BIG = bytes(range(256)) * (8 << 10)
"""2 MiB."""

Serve = Callable[..., WebSocketServer]
Messages = tuple[WebSocketMessage, ...]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(handler: Handler, **options: Any) -> WebSocketServer:
            return stack.enter_context(WebSocketServer(handler, max_size=None, **options))

        yield start


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    """A daemon that these tests share."""
    with Daemon("--ephemeral", "--read-timeout", "2s", "--body-size-limit", "16m") as daemon:
        yield daemon.stub()


def replay(stub: Stub, *flows: flow_pb2.Flow, **options: object) -> list[Event]:
    """Replays flows to their ends."""
    receipt = enqueue(stub, flows, **options)
    assert receipt.accepted_count == len(flows), receipt
    found = outcomes(events(stub, receipt.cursor, batch_id=receipt.batch_id))
    return [each[0] for each in found.values()]


def reason(event: Event) -> str:
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


def client_messages(messages: Messages) -> list[str | bytes]:
    """What a server should get of a recorded conversation."""
    return [
        each.content.decode() if each.kind == 1 else each.content
        for each in messages
        if each.replayed
    ]


def push_first(visit: Visit) -> None:
    visit.send("welcome")
    visit.send("say something")
    visit.receive()
    visit.send("bye")
    listen(visit)


def fragments(visit: Visit) -> None:
    visit.receive()
    visit.send(["in ", "three ", "parts"])
    visit.send([b"\0", b"\1" * 70_000])
    listen(visit)


def pings(visit: Visit) -> None:
    visit.receive()
    assert visit.connection.ping(b"there?").wait(DEADLINE)
    visit.send("you are")
    assert visit.connection.ping(b"still?").wait(DEADLINE)
    visit.send("still here")  # Whoever has heard all it waits for may close without a pong.
    listen(visit)


def closes(visit: Visit) -> None:
    visit.receive()
    visit.send("that is all")
    visit.connection.close(4001, "served")


CONVERSATIONS: dict[str, tuple[Handler, Messages, dict[str, Any]]] = {
    "echo": (
        echo,
        (said("päivää"), heard("päivää"), said(b"\0\xff"), heard(b"\0\xff"), said(""), heard("")),
        {},
    ),
    "push-first": (
        push_first,
        (heard("welcome"), heard("say what?"), said("something"), heard("bye")),
        {"close_code": 1001, "close_reason": "going on"},
    ),
    "nothing": (listen, (), {"close_code": 3000}),
    "without-code": (listen, (said("a"),), {"close_code": 0}),
    "only-ours": (listen, tuple(said(str(number)) for number in range(300)), {}),
    "big": (echo, (said(BIG), heard(BIG), said("x" * len(BIG)), heard("x")), {}),
    "fragments": (fragments, (said("?"), heard("in three parts"), heard(b"")), {}),
    "pings": (pings, (said("?"), heard("you are"), heard("still here")), {}),
    "server-closes": (closes, (said("?"), heard("that is all")), {"client_closed": False}),
}


@pytest.mark.parametrize("compression", ["deflate", None], ids=["deflate", "plain"])
@pytest.mark.parametrize(("handler", "messages", "end"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_the_server_gets_what_was_recorded(
    stub: Stub,
    serve: Serve,
    handler: Handler,
    messages: Messages,
    end: dict[str, Any],
    compression: str | None,
) -> None:
    server = serve(handler, compression=compression)
    found = websocket_flow(server.port, *messages, offer=DEFLATE, **end)
    (ended,) = replay(stub, typed(found))
    (visit,) = server.wait_for_ends(1)
    assert visit.messages == client_messages(messages)
    told = ended.response.websocket
    assert ended.response.head.status_code == 101
    assert told.sent_count == len(visit.messages)
    assert told.received_count == sum(each.awaited for each in messages)
    if end.get("client_closed", True):
        assert told.client_closed
        assert visit.close_code == (end.get("close_code", 1000) or 1005)
        assert visit.close_reason == end.get("close_reason", "")
    else:
        assert (told.client_closed, told.close_code, told.close_reason) == (False, 4001, "served")


@pytest.mark.parametrize("limit", [0, 3, 1 << 20])
def test_a_watcher_gets_as_much_as_it_wants(stub: Stub, serve: Serve, limit: int) -> None:
    server = serve(echo)
    found = websocket_flow(server.port, said("first"), heard("first"), said(BIG), heard(BIG))
    receipt = enqueue(stub, [typed(found)])
    seen = events(
        stub,
        receipt.cursor,
        batch_id=receipt.batch_id,
        content_limit_bytes=limit,
        reveal_secrets=True,
    )
    (ended,) = outcomes(seen).values()
    told = ended[0].response.websocket
    contents = b"firstfirst" + BIG + BIG
    assert b"".join(each.content for each in told.messages) == contents[:limit]
    assert told.messages_truncated
    assert (told.sent_count, told.received_count) == (2, 2)


def test_at_the_recorded_moments(stub: Stub, serve: Serve) -> None:
    server = serve(listen)
    begin = 1_600_000_000.0
    messages = [said(str(number), begin + number / 4) for number in range(1, 4)]
    found = typed(websocket_flow(server.port, *messages, answered=begin))
    pace = plan_pb2.WEB_SOCKET_PACE_RECORDED
    ended = replay(stub, found, websocket_pace=pace)[0].response
    assert server.wait_for_ends(1)[0].messages == ["1", "2", "3"]
    start = ended.timings.start_time.ToNanoseconds()
    waits = [each.message_time.ToNanoseconds() - start for each in ended.websocket.messages]
    # A machine under load is late, never early.
    assert all(wait > number * 250_000_000 for number, wait in enumerate(waits, 1))


# Servers that do not want to


def test_a_refused_handshake_is_a_response(stub: Stub, serve: Serve) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.FORBIDDEN, "members only")

    server = serve(echo, process_request=refuse)
    (ended,) = replay(stub, typed(websocket_flow(server.port, said("hi"))))
    assert ended.response.head.status_code == 403
    assert ended.response.content == b"members only"
    assert not ended.response.HasField("websocket")


def test_a_server_that_closes_early(stub: Stub, serve: Serve) -> None:
    def tired(visit: Visit) -> None:
        visit.send(str(visit.receive()))
        visit.connection.close(1013, "try later")

    server = serve(tired)
    found = websocket_flow(server.port, said("a"), heard("a"), heard("more"), said("b"))
    (ended,) = replay(stub, typed(found))
    assert reason(ended) == "CLOSED_EARLY"
    assert ended.error.message == (
        "the server closed the WebSocket (1013 'try later') after 1 of 2 messages were sent and "
        "1 of 2 came"
    )
    assert [each.content for each in ended.error.websocket.messages] == [b"a", b"a"]
    assert server.wait_for_ends(1)[0].close_code == 1013


def test_a_server_that_breaks_off(stub: Stub, serve: Serve) -> None:
    def gone(visit: Visit) -> None:
        visit.receive()
        visit.connection.socket.close()

    server = serve(gone)
    (ended,) = replay(stub, typed(websocket_flow(server.port, said("a"), heard("b"))))
    assert reason(ended) in ("CLOSED_EARLY", "CONNECTION_RESET")
    assert ended.error.websocket.sent_count == 1


def test_a_server_that_never_answers(stub: Stub, serve: Serve) -> None:
    server = serve(listen)
    (ended,) = replay(stub, typed(websocket_flow(server.port, said("a"), heard("b"), said("c"))))
    assert reason(ended) == "READ_TIMEOUT"
    assert ended.error.message == "message 1 of 1 did not come from the server within 2 s"


COMPRESSED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + accept_of(KEY) + b"\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
BOMB = Compressor(15, forgets=False).compress(bytes(64 << 20))

HOSTILE: dict[str, tuple[bytes, bytes, str]] = {
    "masked": (b"\x81\x82\0\0\0\0hi", b"", "INVALID_RESPONSE"),
    "reserved-bits": (b"\xb1\x00", b"", "INVALID_RESPONSE"),
    "not-utf-8": (b"\x81\x02\xff\xff", b"", "INVALID_RESPONSE"),
    "oversized": (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), bytes(65536), "BODY_TOO_LARGE"),
    "bomb": (b"\xc2\x7e" + len(BOMB).to_bytes(2, "big") + BOMB, b"", "BODY_TOO_LARGE"),
    "pings": (b"", b"\x89\x00" * 4096, "INVALID_RESPONSE"),
}
"""What a server says first, and then for ever."""


@pytest.mark.parametrize(("first", "for_ever", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_costs_one_replay(
    stub: Stub, serve: Serve, first: bytes, for_ever: bytes, expected: str
) -> None:
    def script(peer: Peer) -> None:
        peer.answer(COMPRESSED + first)
        with contextlib.suppress(ConnectionError):
            while for_ever:
                peer.send(for_ever)
        peer.until_closed()

    plain = serve(echo)
    with ScriptedServer(script) as hostile:
        failed, succeeded = replay(
            stub,
            typed(websocket_flow(hostile.port, heard("a"), said("b"), offer=DEFLATE)),
            typed(websocket_flow(plain.port, said("b"), heard("b"))),
        )
    assert reason(failed) == expected
    assert succeeded.response.websocket.received_count == 1


# On the way there


def test_through_an_upstream_it_is_a_tunnel(
    start_daemon: Callable[..., Daemon], serve: Serve
) -> None:
    server = serve(echo)
    with Proxy() as proxy:
        daemon = start_daemon("--ephemeral", "--upstream", f"http://127.0.0.1:{proxy.port}")
        found = websocket_flow(server.port, said("hi"), heard("hi"))
        (ended,) = replay(daemon.stub(), typed(found))
        assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:%d " % server.port)
    assert ended.response.websocket.received_count == 1
    assert ended.response.connection.proxied


def test_over_tls(start_daemon: Callable[..., Daemon], serve: Serve, authority: Authority) -> None:
    server = serve(echo, tls=authority.server_context("chat.test"))
    daemon = start_daemon("--ephemeral", "--ca-file", str(authority.ca_file))
    found = websocket_flow(
        443, said(BIG), heard(BIG), said("bye"), heard("bye"), host="chat.test", scheme=b"https"
    )
    (ended,) = replay(daemon.stub(), typed(found), connect_to=[connect_to("https", server.port)])
    assert server.wait_for_ends(1)[0].messages == [BIG, "bye"]
    assert ended.response.connection.tls_version == "TLSv1.3"
    assert ended.response.websocket.received_count == 2


# What stays


def test_what_was_said_outlives_the_daemon(
    start_daemon: Callable[..., Daemon], serve: Serve
) -> None:
    server = serve(echo)
    daemon = start_daemon()
    messages = [each for _ in range(3) for each in (said(BIG), heard("so much"))]
    replay(daemon.stub(), typed(websocket_flow(server.port, *messages)))
    daemon.kill()
    daemon.restart()
    shown = events(daemon.stub(), content_limit_bytes=1 << 20, reveal_secrets=True)
    (ended,) = outcomes(shown).values()
    told = ended[0].response.websocket
    assert [each.content for each in told.messages] == [BIG[: 1 << 20]]
    assert (told.sent_count, told.received_count) == (3, 3)
    assert server.wait_for_ends(1)[0].messages == [BIG] * 3


@pytest.mark.parametrize("speaks", [True, False], ids=["says-something", "only-listens"])
def test_what_may_have_had_effects_is_not_said_twice(
    start_daemon: Callable[..., Daemon], serve: Serve, speaks: bool
) -> None:
    def hang(visit: Visit) -> None:
        with contextlib.suppress(ConnectionClosed):
            listen(visit)

    server = serve(hang)
    daemon = start_daemon()
    ours = [said("a")] if speaks else []
    enqueue(daemon.stub(), [typed(websocket_flow(server.port, *ours, heard("b")))])
    wait_for(daemon.stub(), "request")
    server.wait_for(lambda: bool(server.visits) and len(server.visits[0].messages) == len(ours))
    daemon.kill()
    daemon.restart()
    if speaks:
        (ended,) = outcomes(events(daemon.stub())).values()
        assert ended[0].error.state == event_pb2.REPLAY_STATE_INTERRUPTED
        assert len(server.visits) == 1
    else:
        # Whoever says nothing does nothing: it asks once more.
        server.wait_for(lambda: len(server.visits) == 2)
