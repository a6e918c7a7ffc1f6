"""One request over HTTP/2: content both ways, servers that are slow, early, rude or going."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from flowreplay.v1 import event_pb2, reason_pb2
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from replayd.errors import JournalError
from replayd.journal.interface import Body
from replayd.model.flow import Headers
from replayd.model.plan import Http2Request, Plan
from replayd.reasons import Reason
from replayd.replay.budget import Budget
from replayd.replay.http2 import Http2Transfer
from replayd.replay.second_try import MAX_RESENT
from replayd.wire.http2_frames import FrameType
from replayd.wire.settings import TlsSettings, WireSettings
from tests.support.certificates import Authority
from tests.support.connections import TARGET
from tests.support.http2_flows import http2_flow, run_http2
from tests.support.http2_network import GET, Http2Network
from tests.support.http2_peer import (
    STATUS_OK,
    Http2Peer,
    Http2Session,
    frame,
    goaway,
    http2_answers,
)
from tests.support.processes import DEADLINE
from tests.support.replaying import ROW_CONTENT_LIMIT, Replaying
from tests.support.scripted_server import OK, Peer, Script, ScriptedServer, answers, silent

LARGE = bytes(range(256)) * (ROW_CONTENT_LIMIT // 256 + 1)

PUSH = frame(FrameType.PUSH_PROMISE, bytes(4), stream_id=1, flags=4)
"""What we forbade: it breaks the connection."""

Play = Callable[[Http2Session], None]


def reason(event: event_pb2.Event) -> str:
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


def playing(*plays: Play, **settings: int) -> Script:
    """A script that takes one request after the other and plays; then reads to the end."""

    def script(peer: Peer) -> None:
        session = Http2Session(peer, **settings)
        for play in plays:
            play(session)
            session.flush()
        session.until_closed()

    return script


def answering(*arguments: object) -> Play:
    """Answers the next whole request so."""
    return lambda session: session.answer(session.request(), *arguments)


def by_hand(made: Callable[[int], bytes]) -> Play:
    """Answers the next whole request with bytes made for its stream."""
    return lambda session: session.by_hand(made(session.request()))


def resetting(code: ErrorCodes) -> Play:
    return lambda session: session.reset(session.request(), code)


# Responses


def test_a_response_is_told_as_it_was_said() -> None:
    fields: Headers = (
        (b":status", b"203"),
        (b"set-cookie", b"a"),
        (b"x", b""),
        (b"set-cookie", b"b"),
    )

    def play(session: Http2Session) -> None:
        stream_id = session.request()
        session.h2.send_headers(stream_id, ((b":status", b"103"), (b"link", b"x")))
        session.answer(stream_id, fields, b"content", ((b"x-t", b"1"),))

    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (ended,) = run_http2(replaying, http2_flow(server.port))
        told = ended.response
        assert (told.head.http_version, told.head.status_code) == (b"HTTP/2.0", 203)
        mark = "‹redacted 1B›".encode()
        shown = [(name, mark if name == b"set-cookie" else value) for name, value in fields[1:]]
        assert [(each.name, each.value) for each in told.head.headers] == shown
        assert list(told.head.interim_status_codes) == [103]
        assert (told.content, told.head.reason_phrase) == (b"content", b"")
        assert [(each.name, each.value) for each in told.trailers] == [(b"x-t", b"1")]
        assert not told.lenient
        assert not told.early
        assert not told.connection.reused


def test_a_head_request_has_no_content() -> None:
    play = answering(((b":status", b"200"), (b"content-length", b"5")))
    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (ended,) = run_http2(replaying, http2_flow(server.port, method=b"HEAD"))
        assert ended.response.head.status_code == 200


def test_a_large_response_spills_and_is_kept() -> None:
    def play(session: Http2Session) -> None:
        stream_id = session.request()
        session.h2.send_headers(stream_id, STATUS_OK)
        left = memoryview(LARGE)
        while left:
            room = min(session.h2.local_flow_control_window(stream_id), 16384, len(left))
            session.h2.send_data(stream_id, left[:room], end_stream=room == len(left))
            left = left[room:]
            session.flush()

    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (ended,) = run_http2(replaying, http2_flow(server.port))
        assert ended.response.content_size_bytes == len(LARGE)


def closes(peer: Peer) -> None:
    """Hears the whole request, and has left nothing unread then."""
    listening = Http2Peer()
    while not listening.whole:
        listening.take(peer.receive(65536))


HOSTILE: dict[str, tuple[Script, str]] = {
    "never-answers": (playing(), "FIRST_BYTE_TIMEOUT"),
    "silent": (silent, "FIRST_BYTE_TIMEOUT"),
    "http1": (answers(OK), "VERSION_NOT_SPOKEN"),
    "garbage": (answers(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "INVALID_RESPONSE"),
    "closes": (closes, "CLOSED_EARLY"),
    "resets": (playing(resetting(ErrorCodes.INTERNAL_ERROR)), "STREAM_RESET"),
    "resets-quietly": (playing(resetting(ErrorCodes.NO_ERROR)), "STREAM_RESET"),
    "no-status": (playing(answering(((b"x", b"y"),))), "INVALID_RESPONSE"),
    "cut": (
        playing(answering((*STATUS_OK, (b"content-length", b"9")), b"part")),
        "INVALID_RESPONSE",
    ),
    "stops": (
        playing(lambda session: session.h2.send_headers(session.request(), STATUS_OK)),
        "READ_TIMEOUT",
    ),
    "too-large": (playing(answering(STATUS_OK, bytes(30_000))), "BODY_TOO_LARGE"),
    "large-head": (
        playing(answering((*STATUS_OK, *((b"x-%d" % at, bytes(6000)) for at in range(11))))),
        "HEAD_TOO_LARGE",
    ),
    "many-fields": (playing(answering((*STATUS_OK, *((b"x", b""),) * 300))), "HEAD_TOO_LARGE"),
    "endless-head": (
        playing(
            by_hand(
                lambda stream_id: (
                    frame(FrameType.HEADERS, stream_id=stream_id)
                    + frame(FrameType.CONTINUATION, bytes(16000), stream_id=stream_id) * 9
                )
            )
        ),
        "HEAD_TOO_LARGE",
    ),
    "pings": (
        playing(by_hand(lambda _: frame(FrameType.PING, bytes(8)) * 5000)),
        "INVALID_RESPONSE",
    ),
    "push": (
        playing(by_hand(lambda _: PUSH)),
        "INVALID_RESPONSE",
    ),
}


@pytest.mark.parametrize(("script", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_fails_its_replay_and_the_next_one_runs(
    script: Script, expected: str
) -> None:
    read_timeout = 0.5 if expected.endswith("_TIMEOUT") else DEADLINE
    with (
        ScriptedServer(script) as hostile,
        ScriptedServer(http2_answers()) as plain,
        Replaying(read_timeout=read_timeout, body_size_limit=20_000) as replaying,
    ):
        failed, succeeded = run_http2(replaying, http2_flow(hostile.port), http2_flow(plain.port))
        assert reason(failed) == expected
        assert failed.error.message
        assert failed.error.connection.address == f"127.0.0.1:{hostile.port}"
        assert succeeded.response.content == b"ok"


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_server_that_breaks_the_protocol_with_its_first_words(
    method: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Those who waited for its settings begin elsewhere; nothing of ours fails inside."""

    def script(peer: Peer) -> None:
        session = Http2Peer()
        peer.receive(65536)
        peer.send(session.outgoing() + PUSH)
        while peer.receive(65536):
            pass

    with (
        ScriptedServer(script, *[http2_answers()] * 3) as server,
        Replaying(concurrency=4) as replaying,
    ):
        sessions = (http2_flow(server.port, method=method, session=name) for name in "abcd")
        ended = run_http2(replaying, *sessions)
    failed = [reason(event) for event in ended if event.HasField("error")]
    assert failed == ["INVALID_RESPONSE"]
    assert "failed inside" not in caplog.text


def test_a_faulty_response_on_a_connection_that_breaks(caplog: pytest.LogCaptureFixture) -> None:
    def play(session: Http2Session) -> None:
        session.h2.send_headers(session.request(), ((b":status", b"x"),))
        session.by_hand(PUSH)

    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (failed,) = run_http2(replaying, http2_flow(server.port))
    assert reason(failed) == "INVALID_RESPONSE"
    assert ":status" in failed.error.message
    assert "failed inside" not in caplog.text


def test_a_faulty_response_leaves_its_neighbours_alone() -> None:
    def play(session: Http2Session) -> None:
        first, second = session.request(), session.request()
        odd, plain = sorted((first, second), key=lambda at: session.headers[at][2][1])
        session.answer(odd, ((b":status", b"x"),))
        session.answer(plain, content=b"ok")

    with (
        ScriptedServer(playing(answering(), play)) as server,
        Replaying(concurrency=2) as replaying,
    ):
        run_http2(replaying, http2_flow(server.port))
        failed, succeeded = run_http2(
            replaying, http2_flow(server.port, path=b"/1"), http2_flow(server.port, path=b"/2")
        )
        assert (reason(failed), succeeded.response.content) == ("INVALID_RESPONSE", b"ok")
        assert len(server.peers) == 1


# Requests


def test_fields_content_and_trailers_arrive_as_captured() -> None:
    seen: list[Http2Session] = []

    def play(session: Http2Session) -> None:
        seen.append(session)
        session.answer(session.request())

    fields: Headers = ((b"cookie", b"a"), (b"x", b" odd"), (b"cookie", b"b"), (b"te", b"gzip"))
    request = {"method": b"POST", "headers": fields, "trailers": ((b"x-t", b"1"),)}
    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        run_http2(replaying, http2_flow(server.port, content=b"body", **request))
    (session,) = seen
    pseudo = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"))
    assert session.headers[1] == (*pseudo, (b":authority", b"host.example"), *fields)
    assert (session.contents[1], session.trailers[1]) == (b"body", ((b"x-t", b"1"),))


@pytest.mark.parametrize("trailers", [(), ((b"x-t", b"1"),)])
def test_no_empty_frame_ends_a_request_without_content(trailers: Headers) -> None:
    kinds: list[str] = []

    def play(session: Http2Session) -> None:
        take = session.h2.receive_data

        def listening(data: bytes) -> list:
            events = take(data)
            kinds.extend(type(event).__name__ for event in events)
            return events

        session.h2.receive_data = listening
        session.answer(session.request())

    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        run_http2(replaying, http2_flow(server.port, trailers=trailers))
    assert "DataReceived" not in kinds
    assert "RequestReceived" in kinds


def test_a_large_request_goes_as_fast_as_the_server_gives_room() -> None:
    received: list[bytes] = []

    def play(session: Http2Session) -> None:
        session.gives_room = False
        while not session.whole:
            session.read()
            waiting = {at: len(content) for at, content in session.contents.items()}
            for at, size in waiting.items():
                given = session.room_given = getattr(session, "room_given", 0)
                if size > given:
                    session.h2.increment_flow_control_window(size - given)
                    session.h2.increment_flow_control_window(size - given, at)
                    session.room_given = size
            session.flush()
        stream_id = session.whole.popleft()
        received.append(session.contents[stream_id])
        session.answer(stream_id)

    with (
        ScriptedServer(playing(play, initial_window_size=5000)) as server,
        Replaying() as replaying,
    ):
        (ended,) = run_http2(replaying, http2_flow(server.port, method=b"POST", content=LARGE))
        assert ended.response.head.status_code == 200
        assert received == [LARGE]
        assert not ended.response.early


def test_a_server_that_takes_nothing() -> None:
    with (
        ScriptedServer(playing(initial_window_size=0)) as server,
        Replaying(read_timeout=0.5) as replaying,
    ):
        large = http2_flow(server.port, method=b"POST", content=bytes(100_000))
        (failed,) = run_http2(replaying, large)
        assert reason(failed) == "WRITE_TIMEOUT"


def test_settings_that_change_while_content_is_sent() -> None:
    def play(session: Http2Session) -> None:
        while not session.headers:
            session.read()
        session.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
        session.flush()
        session.answer(session.request(), content=b"ok")

    with ScriptedServer(playing(play, initial_window_size=0)) as server, Replaying() as replaying:
        (ended,) = run_http2(
            replaying, http2_flow(server.port, method=b"POST", content=bytes(50_000))
        )
        assert ended.response.content == b"ok"


# Expect


EXPECT: Headers = ((b"expect", b"100-continue"),)


def test_content_waits_for_100_continue() -> None:
    def play(session: Http2Session) -> None:
        while not session.headers:
            session.read()
        assert session.contents == {1: b""}
        session.h2.send_headers(1, ((b":status", b"100"),))
        session.flush()
        session.answer(session.request())

    with (
        ScriptedServer(playing(play)) as server,
        Replaying(expect_timeout=DEADLINE) as replaying,
    ):
        expecting = http2_flow(server.port, method=b"PUT", content=b"body", headers=EXPECT)
        (ended,) = run_http2(replaying, expecting)
        assert list(ended.response.head.interim_status_codes) == [100]


def test_content_goes_when_nobody_says_continue() -> None:
    with (
        ScriptedServer(playing(answering())) as server,
        Replaying(expect_timeout=0.05) as replaying,
    ):
        expecting = http2_flow(server.port, method=b"PUT", content=b"body", headers=EXPECT)
        (ended,) = run_http2(replaying, expecting)
        assert ended.response.head.status_code == 200


def test_a_refusal_instead_of_100_continue_spares_the_content() -> None:
    seen: list[Http2Session] = []

    def play(session: Http2Session) -> None:
        seen.append(session)
        while not session.headers:
            session.read()
        session.answer(1, ((b":status", b"417"),))

    with (
        ScriptedServer(playing(play)) as server,
        Replaying(expect_timeout=DEADLINE) as replaying,
    ):
        expecting = http2_flow(server.port, method=b"PUT", content=b"body", headers=EXPECT)
        (ended,) = run_http2(replaying, expecting)
        assert (ended.response.head.status_code, ended.response.early) == (417, True)
    assert (seen[0].contents, seen[0].resets) == ({1: b""}, {1: ErrorCodes.CANCEL})


@pytest.mark.parametrize("polite", [True, False])
def test_an_early_response_counts_and_ends_the_sending(polite: bool) -> None:
    def play(session: Http2Session) -> None:
        while not session.headers:
            session.read()
        session.answer(1, ((b":status", b"413"),), b"too much")
        if polite:
            session.reset(1, ErrorCodes.NO_ERROR)

    with ScriptedServer(playing(play, answering())) as server, Replaying() as replaying:
        large = http2_flow(server.port, method=b"POST", content=LARGE)
        early, after = run_http2(replaying, large, http2_flow(server.port))
        assert (early.response.head.status_code, early.response.early) == (413, True)
        assert early.response.content == b"too much"
        assert after.response.connection.reused


# Once more


def notes(replaying: Replaying) -> list[str]:
    return [log.message for log in replaying.logs() if log.reason == reason_pb2.REASON_RETRIED]


REFUSALS: dict[str, Play] = {
    "refused": resetting(ErrorCodes.REFUSED_STREAM),
    "goaway": by_hand(lambda at: goaway(at - 2 if at > 1 else 0, 0, b"restarting")),
}


@pytest.mark.parametrize("play", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("reused", [False, True])
def test_what_the_server_did_nothing_with_is_sent_once_more(play: Play, reused: bool) -> None:
    first = playing(*[answering()] * reused, play)
    with ScriptedServer(first, http2_answers()) as server, Replaying() as replaying:
        if reused:
            run_http2(replaying, http2_flow(server.port))
        posted = http2_flow(server.port, method=b"POST", content=b"body")
        (ended,) = run_http2(replaying, posted)
        assert ended.response.content == b"ok"
        (note,) = notes(replaying)
        assert note.endswith("sent once more on a fresh connection")
        assert len(server.peers) == 2


@pytest.mark.parametrize(
    ("play", "expected"),
    [(REFUSALS["refused"], "STREAM_RESET"), (REFUSALS["goaway"], "CLOSED_EARLY")],
)
def test_what_is_refused_again_and_again_has_failed(play: Play, expected: str) -> None:
    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (failed,) = run_http2(replaying, http2_flow(server.port))
        seen = reason(failed), len(server.peers), len(notes(replaying))
        assert seen == (expected, 1 + MAX_RESENT, MAX_RESENT)


def closes_at_the_second(session: Http2Session) -> None:
    session.answer(session.request())
    session.flush()
    session.request()
    raise ConnectionError


@pytest.mark.parametrize(("method", "again"), [(b"GET", True), (b"POST", False)])
def test_a_kept_connection_that_dies(method: bytes, again: bool) -> None:
    with (
        ScriptedServer(playing(closes_at_the_second), http2_answers()) as server,
        Replaying() as replaying,
    ):
        flows = http2_flow(server.port), http2_flow(server.port, method=method)
        _, second = run_http2(replaying, *flows)
        assert second.HasField("response") is again
        assert len(notes(replaying)) == again
        if not again:
            assert reason(second) == "CLOSED_EARLY"


def test_what_answered_in_part_is_not_sent_again() -> None:
    def play(session: Http2Session) -> None:
        stream_id = session.request()
        session.h2.send_headers(stream_id, STATUS_OK)
        session.reset(stream_id, ErrorCodes.REFUSED_STREAM)

    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (failed,) = run_http2(replaying, http2_flow(server.port))
        assert (reason(failed), len(server.peers)) == ("STREAM_RESET", 1)
        assert failed.error.head.status_code == 200


def test_a_server_that_wants_http1_where_only_http2_will_do() -> None:
    play = resetting(ErrorCodes.HTTP_1_1_REQUIRED)
    with ScriptedServer(playing(play)) as server, Replaying() as replaying:
        (failed,) = run_http2(replaying, http2_flow(server.port))
        assert reason(failed) == "VERSION_NOT_SPOKEN"
        assert "--http-version" in failed.error.message


# The connection


def test_one_whose_content_cannot_be_read_leaves_the_connection_idle() -> None:
    def unreadable() -> Iterator[bytes]:
        raise JournalError("the content is gone", reason=Reason.JOURNAL_UNAVAILABLE)
        yield b""

    def fail() -> Body:
        raise AssertionError("nothing comes")

    plan = Plan(b"POST", b"", TARGET, b"", http2=Http2Request(GET))
    with closing(Http2Network()) as network:
        transfer = Http2Transfer(
            network.shared,
            plan,
            WireSettings(),
            content=unreadable(),
            new_body=fail,
            budget=Budget(1, 1, lambda _: None),
            wake=int,
        )
        with pytest.raises(JournalError):
            transfer.begin(7)
        transfer.abort()
        assert network.shared.idle_since == 7


def test_a_silent_connection_gets_no_more_streams() -> None:
    with (
        ScriptedServer(playing(answering()), http2_answers()) as server,
        Replaying(read_timeout=1.0) as replaying,
    ):
        flows = [http2_flow(server.port) for _ in range(3)]
        first, late, after = run_http2(replaying, *flows)
        assert first.response.head.status_code == 200
        assert reason(late) == "FIRST_BYTE_TIMEOUT"
        assert after.response.content == b"ok"


def test_a_goodbye_lets_what_runs_end_and_the_next_one_dials() -> None:
    def play(session: Http2Session) -> None:
        stream_id = session.request()
        session.by_hand(goaway(stream_id))
        session.flush()
        session.answer(stream_id, content=b"last")

    with ScriptedServer(playing(play), http2_answers()) as server, Replaying() as replaying:
        last, after = run_http2(replaying, http2_flow(server.port), http2_flow(server.port))
        assert (last.response.content, after.response.content) == (b"last", b"ok")
        assert (notes(replaying), len(server.peers)) == ([], 2)


def test_settings_that_come_with_the_last_of_the_handshake(authority: Authority) -> None:
    """Who waits for them begins at once, not when the server says more."""
    context = authority.server_context("127.0.0.1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # In 1.3 the client has the last word.
    context.set_alpn_protocols(["h2"])

    def script(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls, session = context.wrap_bio(incoming, outgoing, server_side=True), Http2Peer()
        while not shaken_hands(tls):
            peer.send(outgoing.read())
            incoming.write(peer.receive(65536))
        tls.write(session.outgoing())
        peer.send(outgoing.read())
        while len(session.whole) < 2:
            incoming.write(peer.receive(65536))
            with suppress(ssl.SSLWantReadError):
                while True:
                    session.take(tls.read(65536))
        for stream_id in session.whole:
            session.answer(stream_id)
        tls.write(session.outgoing())
        peer.send(outgoing.read())
        peer.until_closed()

    with (
        ScriptedServer(script) as server,
        Replaying(
            concurrency=2, tls=TlsSettings(insecure=True), read_timeout=DEADLINE
        ) as replaying,
    ):
        flows = (http2_flow(server.port, scheme=b"https", session=name) for name in "ab")
        ended = run_http2(replaying, *flows)
    assert all(event.HasField("response") for event in ended)


def shaken_hands(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def test_an_idle_connection_is_closed_with_a_goodbye() -> None:
    seen: list[Http2Session] = []
    closed = threading.Event()

    def script(peer: Peer) -> None:
        session = Http2Session(peer)
        session.answer(session.request())
        session.flush()
        session.until_closed()
        seen.append(session)
        closed.set()

    with ScriptedServer(script) as server, Replaying(idle_timeout=0.1) as replaying:
        run_http2(replaying, http2_flow(server.port))
        assert closed.wait(DEADLINE)
    assert seen[0].terminated is not None
    assert seen[0].terminated.error_code is ErrorCodes.NO_ERROR
