"""WebSocket replays: the handshake and what becomes of it, with servers of flesh and script."""

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.codec.websocket import decode_conversation
from replayd.journal.interface import Part
from replayd.model.flow import WebSocketMessage
from replayd.model.replay import ReplayKey
from replayd.replay.budget import Holder
from replayd.wire.websocket_handshake import accept_of
from tests.support.processes import DEADLINE
from tests.support.replaying import Replaying
from tests.support.scripted_server import OK, Peer, Script, ScriptedServer, answers
from tests.support.websockets import (
    DEFLATE,
    KEY,
    Visit,
    WebSocketServer,
    echo,
    heard,
    said,
    websocket_flow,
)

SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + accept_of(KEY) + b"\r\n"
)
ACCEPTED = SWITCH + b"\r\n"


def reason(event: event_pb2.Event) -> str:
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


def kept(replaying: Replaying) -> list[WebSocketMessage]:
    """The conversation that the journal keeps of the first replay."""
    return list(decode_conversation(replaying.journal.content(_FIRST, Part.RESPONSE)))


_FIRST = ReplayKey("batch1", 0, 0)


def test_a_conversation_is_told_and_kept() -> None:
    with WebSocketServer(echo) as server, Replaying() as replaying:
        (ended,) = replaying.run(
            websocket_flow(
                server.port, said("hi"), heard("HI"), said(b"\0"), heard(b"\1"), close_code=1001
            )
        )
        (visit,) = server.wait_for_ends(1)
        assert (visit.messages, visit.close_code) == (["hi", b"\0"], 1001)
        response = ended.response
        assert (response.head.status_code, response.recorded_status_code) == (101, 101)
        assert (response.content, response.content_size_bytes) == (b"", 0)
        assert not response.content_truncated
        said_now = response.websocket
        assert (said_now.sent_count, said_now.received_count) == (2, 2)
        assert (said_now.client_closed, said_now.close_code) == (True, 1001)
        told = [(each.from_client, each.kind, each.content) for each in said_now.messages]
        # Of what is binary nothing is shown.
        assert told == [(True, 1, b"hi"), (False, 1, b"hi"), (True, 2, b""), (False, 2, b"")]
        assert said_now.messages_truncated
        times = [each.message_time.ToNanoseconds() for each in said_now.messages]
        begin = response.timings.start_time.ToNanoseconds()
        assert [begin, *times, ended.record_time.ToNanoseconds()] == sorted(
            [begin, *times, ended.record_time.ToNanoseconds()]
        )
        conversation = kept(replaying)
        assert [each.content for each in conversation] == [b"hi", b"hi", b"\0", b"\0"]
        assert [(each.from_client, each.kind) for each in conversation] == [
            (each.from_client, each.kind) for each in said_now.messages
        ]


def test_the_request_is_told_without_what_is_said_later() -> None:
    with WebSocketServer(echo) as server, Replaying() as replaying:
        replaying.run(websocket_flow(server.port, said("hi"), heard("hi")))
        request = replaying.events()[1].request
        assert (request.content, request.content_size_bytes) == (b"", 0)
        assert request.plan.websocket.client_message_count == 1


def test_much_is_told_in_part_and_kept_whole() -> None:
    large = "text" * 256 * 1024
    with WebSocketServer(echo) as server, Replaying() as replaying:
        messages = [each for _ in range(3) for each in (said(large), heard(large))]
        (ended,) = replaying.run(websocket_flow(server.port, *messages))
        told = ended.response.websocket
        assert [len(each.content) for each in told.messages] == [65536]
        assert told.messages_truncated
        assert (told.sent_count, told.received_count) == (3, 3)
        assert [each.content for each in kept(replaying)] == [large.encode()] * 6


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_what_was_offered_is_spoken(compression: str | None) -> None:
    def shout(visit: Visit) -> None:
        while True:
            visit.send(str(visit.receive()).upper())

    with WebSocketServer(shout, compression=compression) as server, Replaying() as replaying:
        (ended,) = replaying.run(
            websocket_flow(server.port, said("ab" * 999), heard("x"), said("c"), offer=DEFLATE)
        )
        fields = {each.name.lower() for each in ended.response.head.headers}
        assert (b"sec-websocket-extensions" in fields) == (compression is not None)
        assert server.wait_for_ends(1)[0].messages == ["ab" * 999, "c"]
        contents = [each.content for each in ended.response.websocket.messages]
        assert contents[1] == b"AB" * 999


def test_the_connection_is_not_used_again_after_a_conversation() -> None:
    with ScriptedServer(stays(b"\x88\x00"), answers(OK)) as server, Replaying() as replaying:
        each = websocket_flow(server.port, session="a", client_closed=False)
        ended = replaying.run(each, each)
        assert [each.response.head.status_code for each in ended] == [101, 200]
        assert len(server.peers) == 2


def test_a_refused_handshake_is_a_response_and_its_connection_goes_on() -> None:
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nnever"
    with ScriptedServer(answers(refusal, OK)) as server, Replaying() as replaying:
        each = websocket_flow(server.port, said("hi"), session="a")
        refused, after = replaying.run(each, each)
        assert refused.response.head.status_code == 403
        assert refused.response.content == b"never"
        assert not refused.response.HasField("websocket")
        assert after.response.connection.reused


def test_what_comes_with_the_handshakes_answer_belongs_to_the_conversation() -> None:
    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED + b"\x81\x05hello\x81\x02" + b"yo\x88\x00")
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying() as replaying:
        ended = replaying.run(websocket_flow(server.port, heard("1"), heard("2")))[0].response
        assert [each.content for each in ended.websocket.messages] == [b"hello", b"yo"]
        assert ended.connection.address


def test_a_101_with_a_length_is_no_content_of_that_length() -> None:
    def script(peer: Peer) -> None:
        peer.answer(SWITCH + b"Content-Length: 3\r\n\r\n" + b"\x81\x02hi\x88\x00")
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying() as replaying:
        (ended,) = replaying.run(websocket_flow(server.port, heard("1")))
        assert ended.response.websocket.messages[0].content == b"hi"


def drops(data: bytes) -> Script:
    """Accepts the handshake, says this and is gone."""

    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED + data)

    return script


def stays(data: bytes) -> Script:
    """Accepts the handshake, says this and nothing more."""

    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED + data)
        peer.until_closed()

    return script


def floods(data: bytes) -> Script:
    """Says this for as long as anybody listens."""

    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED)
        while True:
            peer.send(data)

    return script


WRONG_ACCEPT = ACCEPTED.replace(accept_of(KEY), accept_of(b"other"))
STRANGE_EXTENSION = SWITCH + b"Sec-WebSocket-Extensions: x-bzip2\r\n\r\n"

HOSTILE: dict[str, tuple[Script, str, str]] = {
    "wrong-accept": (answers(WRONG_ACCEPT), "INVALID_RESPONSE", "Sec-WebSocket-Accept"),
    "strange-extension": (answers(STRANGE_EXTENSION), "INVALID_RESPONSE", "'x-bzip2'"),
    "no-answer": (lambda peer: peer.until_closed(), "FIRST_BYTE_TIMEOUT", "0.5 s"),
    "silent": (stays(b""), "READ_TIMEOUT", "message 1 of 2 did not come"),
    "stops": (stays(b"\x81\x02hi"), "READ_TIMEOUT", "message 2 of 2 did not come"),
    "stops-amidst": (stays(b"\x81\x02hi\x81\x09part"), "READ_TIMEOUT", "message 2 of 2"),
    "leaves": (drops(b""), "CLOSED_EARLY", "0 of 1 messages were sent and 0 of 2 came"),
    "leaves-amidst": (drops(b"\x81\x02hi\x81\x09part"), "CLOSED_EARLY", "0 of 1 messages"),
    "closes": (drops(b"\x88\x06\x03\xf3oops"), "CLOSED_EARLY", "(1011 'oops') after 0 of 1"),
    "masked": (stays(b"\x81\x82\0\0\0\0hi"), "INVALID_RESPONSE", "masked frame"),
    "reserved-bits": (stays(b"\xf1\x00"), "INVALID_RESPONSE", "Reserved bit"),
    "not-utf-8": (stays(b"\x81\x02\xff\xff"), "INVALID_RESPONSE", "0xff"),
    "oversized": (floods(b"\x82\x7e\x10\x00" + bytes(4096)), "BODY_TOO_LARGE", "20000 bytes"),
    "announced": (stays(b"\x82\x7f" + b"\0\0\1" + bytes(5)), "READ_TIMEOUT", "message 1 of 2"),
    "pings": (floods(b"\x89\x00" * 999), "INVALID_RESPONSE", "control frames"),
}


@pytest.mark.parametrize(("script", "expected", "text"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_fails_its_replay_and_the_next_one_runs(
    script: Script, expected: str, text: str
) -> None:
    read_timeout = 0.5 if expected.endswith("_TIMEOUT") else DEADLINE
    with (
        ScriptedServer(script) as hostile,
        WebSocketServer(echo) as plain,
        Replaying(read_timeout=read_timeout, body_size_limit=20_000) as replaying,
    ):
        failed, succeeded = replaying.run(
            websocket_flow(hostile.port, heard("1"), heard("2"), said("a"), offer=DEFLATE),
            websocket_flow(plain.port, said("a"), heard("a")),
        )
        assert (reason(failed), failed.error.state) == (expected, event_pb2.REPLAY_STATE_FAILED)
        assert text in failed.error.message
        assert succeeded.response.websocket.received_count == 1


def test_what_came_before_a_failure_is_told_and_kept() -> None:
    script = drops(b"\x81\x02hi\x88\x06\x03\xf3oops")
    with ScriptedServer(script) as server, Replaying() as replaying:
        (failed,) = replaying.run(
            websocket_flow(server.port, said("a"), heard("1"), heard("2"), said("b"))
        )
        assert reason(failed) == "CLOSED_EARLY"
        told = failed.error.websocket
        assert (told.sent_count, told.received_count) == (1, 1)
        assert (told.client_closed, told.close_code, told.close_reason) == (False, 1011, "oops")
        assert failed.error.head.status_code == 101
        assert failed.error.content_size_bytes == 0
        assert sorted(each.content for each in kept(replaying)) == [b"a", b"hi"]


@pytest.mark.parametrize("end", ["closes", "resets"])
def test_how_a_server_leaves_after_our_close_does_not_matter(end: str) -> None:
    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED)
        assert len(peer.receive(100)) == 8
        if end == "resets":
            peer.reset()

    with ScriptedServer(script) as server, Replaying() as replaying:
        (ended,) = replaying.run(websocket_flow(server.port))
        told = ended.response.websocket
        assert (told.client_closed, told.close_code) == (True, 0)


def test_a_server_that_never_closes_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replayd.replay.conversation.CLOSE_WAIT", 100_000_000)

    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED + b"\x81\x02hi")
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying() as replaying:
        (ended,) = replaying.run(
            websocket_flow(server.port, heard("hi"), client_closed=False, close_code=1000)
        )
        assert ended.response.websocket.client_closed
        assert [log.message for log in replaying.logs()] == [
            "the server did not close within 0.1 s, as it had; we closed with 1000",
            "the server did not answer our Close within 0.1 s",
        ]
        assert [log.reason for log in replaying.logs()] == [0, 0]


def test_the_total_timeout_holds() -> None:
    def script(peer: Peer) -> None:
        peer.answer(ACCEPTED)
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying(total_timeout=0.3) as replaying:
        (failed,) = replaying.run(websocket_flow(server.port, heard("never")))
        assert reason(failed) == "TOTAL_TIMEOUT"
        assert failed.error.HasField("websocket")


def test_a_conversation_that_can_not_be_read_ends_its_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.support.replaying.request_content", lambda _: b"\x05part")
    with WebSocketServer(echo) as server, Replaying() as replaying:
        (failed,) = replaying.run(websocket_flow(server.port, said("a")))
        assert reason(failed) == "INTERNAL"
        assert "a conversation is cut" in failed.error.message


def test_a_message_that_has_not_ended_counts_in_the_budget() -> None:
    def half(peer: Peer) -> None:
        peer.answer(ACCEPTED)
        peer.send(b"\x02\x7e\xff\xff" + bytes(65535))
        peer.until_released()
        peer.send(b"\x80\x03end\x88\x02\x03\xe8")
        peer.until_closed()

    with ScriptedServer(half) as server, Replaying() as replaying:
        budget = replaying.thread._around.budget
        held: list[int] = []
        charge = budget.charge

        def noting(holder: Holder, size: int) -> bool:
            held.append(size)
            if size == 65535:
                server.released.set()
            return charge(holder, size)

        budget.charge = noting  # type: ignore[method-assign]
        (ended,) = replaying.run(websocket_flow(server.port, heard(b"x"), client_closed=False))
        assert ended.response.websocket.received_count == 1
        assert 65535 in held
        assert budget.held == 0
