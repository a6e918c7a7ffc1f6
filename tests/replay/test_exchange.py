"""One replay, from take to outcome: reuse, retries, what is told, and crashes inside."""

import socket
import time
from collections.abc import Sequence
from contextlib import closing

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.model.plan import ConnectTo
from replayd.planning.target_rules import TargetRules
from replayd.replay.http1 import Http1Transfer
from replayd.wire.settings import TlsSettings, Upstream
from replayd.wire.transport import Address
from tests.support.certificates import Authority
from tests.support.processes import DEADLINE
from tests.support.proxies import Proxy
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, Peer, ScriptedServer, answers, silent
from tests.support.socks import SocksProxy


def reason(event: event_pb2.Event) -> str:
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


def statuses(events: Sequence[event_pb2.Event]) -> list[int]:
    return [event.response.head.status_code for event in events]


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


# Events


def test_tells_what_is_sent_and_what_came() -> None:
    with ScriptedServer(answers(OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port, path=b"/a", method=b"PUT", content=b"body"))
        queued, request, response = replaying.events()
        assert queued.HasField("update")
        assert request.request.plan.head.startswith(b"PUT /a HTTP/1.1\r\n")
        assert (request.request.content, request.request.content_size_bytes) == (b"body", 4)
        assert request.replay_id == response.replay_id == "batch1.0"
        assert (request.attempt, response.attempt) == (1, 1)
        told = response.response
        assert (told.method, told.head.status_code, told.content) == (b"PUT", 200, b"ok")
        assert told.connection.address == f"127.0.0.1:{server.port}"
        assert told.connection.local_address.startswith("127.0.0.1:")
        assert not told.connection.reused


def test_tells_when_each_phase_was_reached() -> None:
    with ScriptedServer(answers(OK, OK)) as server, Replaying() as replaying:
        first, second = replaying.run(flow(server.port), flow(server.port))
        timings = first.response.timings
        phases = [
            timings.connected_duration,
            timings.sent_duration,
            timings.first_byte_duration,
            timings.total_duration,
        ]
        nanoseconds = [each.ToNanoseconds() for each in phases]
        assert nanoseconds == sorted(nanoseconds)
        assert nanoseconds[0] > 0
        assert not timings.HasField("tls_duration")
        assert second.response.connection.reused
        assert not second.response.timings.HasField("connected_duration")


def test_tls_is_told(authority: Authority) -> None:
    tls = TlsSettings(ca_file=str(authority.ca_file))
    with (
        ScriptedServer(answers(OK), tls=authority.server_context("test.example")) as server,
        Replaying(tls=tls) as replaying,
    ):
        (ended,) = replaying.run(
            flow(server.port, scheme=b"https", host="test.example"),
            connect_to=[ConnectTo("", "", 0, "127.0.0.1", server.port)],
        )
        assert ended.response.connection.tls_version == "TLSv1.3"
        assert ended.response.connection.server_name == "test.example"
        timings = ended.response.timings
        assert timings.tls_duration.ToNanoseconds() > timings.connected_duration.ToNanoseconds()


def test_large_request_content_is_told_in_part() -> None:
    with ScriptedServer(answers(OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port, method=b"POST", content=b"x" * 1_000_000))
        request = replaying.events()[1].request
        assert (len(request.content), request.content_size_bytes) == (65536, 1_000_000)


# Failures before a byte was sent


def not_tls(peer: Peer) -> None:
    peer.receive(65536)
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda _: flow(closed_port()), "CONNECT_FAILED"),
        (lambda _: flow(80, host="name.invalid"), "NAME_NOT_RESOLVED"),
        (lambda _: flow(80, host="169.254.169.254"), "TARGET_DENIED"),
        (lambda port: flow(port, scheme=b"https"), "TLS_FAILED"),
    ],
)
def test_no_connection_fails_the_replay_and_the_next_one_runs(made, expected: str) -> None:
    def no_lookup(host: str, port: int) -> Sequence[Address]:
        raise OSError(-2, "Name or service not known")

    with (
        ScriptedServer(not_tls) as server,
        ScriptedServer(answers(OK)) as plain,
        Replaying(lookup=no_lookup) as replaying,
    ):
        failed, succeeded = replaying.run(made(server.port), flow(plain.port))
        assert reason(failed) == expected
        assert failed.error.message
        assert statuses([succeeded]) == [200]


def test_a_connection_that_was_never_there_is_not_told() -> None:
    with Replaying() as replaying:
        (failed,) = replaying.run(flow(closed_port()))
        assert not failed.error.HasField("connection")
        assert not failed.error.timings.HasField("connected_duration")


def test_a_certificate_that_is_not_trusted(authority: Authority) -> None:
    with (
        ScriptedServer(silent, tls=authority.server_context("127.0.0.1")) as server,
        Replaying() as replaying,
    ):
        (failed,) = replaying.run(flow(server.port, scheme=b"https"))
        assert reason(failed) == "CERTIFICATE_INVALID"
        assert failed.error.connection.address == f"127.0.0.1:{server.port}"
        assert failed.error.timings.HasField("connected_duration")


# Reuse


def test_a_session_stays_on_its_connection() -> None:
    with ScriptedServer(answers(OK, OK, OK)) as server, Replaying(concurrency=4) as replaying:
        flows = [flow(server.port, session=name, path=name.encode()) for name in "abab"]
        replaying.run(*flows)
        paths = [[request.split(b" ")[1] for request in peer.requests] for peer in server.peers]
        assert sorted(paths) == [[b"a", b"a"], [b"b", b"b"]]


@pytest.mark.parametrize(
    ("response", "headers", "connections"),
    [
        (OK, (), 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", (), 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", (), 2),
        (OK + b"HTTP/1.1 200 Smuggled\r\nContent-Length: 0\r\n\r\n", (), 2),
        (OK, ((b"Connection", b"close"),), 2),
    ],
    ids=["plain", "close", "http10", "stray-bytes", "asked-to-close"],
)
def test_a_connection_is_used_again_only_when_both_mean_it(
    response: bytes, headers: tuple[tuple[bytes, bytes], ...], connections: int
) -> None:
    with ScriptedServer(answers(response, response)) as server, Replaying() as replaying:
        fields = ((b"Host", b"x"), *headers)
        each = flow(server.port, headers=fields, session="a")
        assert statuses(replaying.run(each, each)) == [200, 200]
        assert len(server.peers) == connections


ASK = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "headers"), [(ASK, ()), (OK, ((b"Authorization", b"Negotiate YII="),))]
)
def test_a_connection_bound_to_somebody_is_not_shared(
    response: bytes, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    with ScriptedServer(answers(response, OK, OK)) as server, Replaying() as replaying:
        fields = ((b"Host", b"x"), *headers)
        anns = flow(server.port, session="ann", headers=fields)
        bobs = flow(server.port, session="bob")
        replaying.run(anns, anns, bobs)
        assert [len(peer.requests) for peer in server.peers] == [2, 1]


# Retries


def closes_before_the_second(peer: Peer) -> None:
    """Answers, then closes as soon as another request came."""
    peer.answer()
    peer.request()


def resets_at_the_second(peer: Peer) -> None:
    peer.answer()
    peer.request()
    peer.reset()


@pytest.mark.parametrize("script", [closes_before_the_second, resets_at_the_second])
def test_an_idempotent_request_on_a_dead_connection_is_sent_once_more(script) -> None:
    with ScriptedServer(script, answers(OK)) as server, Replaying() as replaying:
        ended = replaying.run(flow(server.port), flow(server.port, method=b"PUT"))
        assert statuses(ended) == [200, 200]
        assert not ended[1].response.connection.reused
        (log,) = replaying.logs()
        assert log.reason == reason_pb2.REASON_RETRIED
        assert log.flow_index == 1
        assert "sent once more" in log.message
        assert [len(peer.requests) for peer in server.peers] == [2, 1]


@pytest.mark.parametrize(
    ("script", "expected"),
    [(closes_before_the_second, "CLOSED_EARLY"), (resets_at_the_second, "CONNECTION_RESET")],
)
def test_any_other_request_is_not_sent_twice(script, expected: str) -> None:
    with ScriptedServer(script, answers(OK)) as server, Replaying() as replaying:
        ended = replaying.run(flow(server.port), flow(server.port, method=b"POST"))
        assert reason(ended[1]) == expected
        assert ended[1].error.connection.reused
        assert replaying.logs() == []
        assert len(server.requests) == 2


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_kept_connection_that_was_seen_to_close_is_not_used(method: bytes) -> None:
    with ScriptedServer(answers(OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port))
        end = time.monotonic() + DEADLINE
        while len(replaying.thread._wire.pool):
            assert time.monotonic() < end
        assert statuses(replaying.run(flow(server.port, method=method))) == [200]
        assert replaying.logs() == []


def test_a_retry_is_not_retried() -> None:
    def closes(peer: Peer) -> None:
        peer.request()

    with ScriptedServer(closes_before_the_second, closes) as server, Replaying() as replaying:
        ended = replaying.run(flow(server.port), flow(server.port))
        assert reason(ended[1]) == "CLOSED_EARLY"
        assert len(replaying.logs()) == 1
        assert len(server.requests) == 3


def test_a_fresh_connection_that_dies_is_not_retried() -> None:
    def closes(peer: Peer) -> None:
        peer.request()

    with ScriptedServer(closes) as server, Replaying() as replaying:
        assert reason(replaying.run(flow(server.port))[0]) == "CLOSED_EARLY"
        assert len(server.peers) == 1


def test_half_a_response_is_not_retried() -> None:
    def script(peer: Peer) -> None:
        peer.answer()
        peer.answer(b"HTTP/1.1 ")

    with ScriptedServer(script) as server, Replaying() as replaying:
        ended = replaying.run(flow(server.port), flow(server.port))
        assert reason(ended[1]) == "CLOSED_EARLY"
        assert len(server.peers) == 1


def test_a_silent_kept_connection_is_not_retried() -> None:
    def script(peer: Peer) -> None:
        peer.answer()
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying(read_timeout=0.2) as replaying:
        ended = replaying.run(flow(server.port), flow(server.port))
        assert reason(ended[1]) == "FIRST_BYTE_TIMEOUT"
        assert len(server.peers) == 1


# Proxies


def test_plain_http_through_a_proxy() -> None:
    with Proxy(authorization=b"Basic dTpw") as proxy:
        upstream = Upstream("http", proxy.host, proxy.port, (b"u", b"p"))
        with Replaying(upstream=upstream, targets=TargetRules()) as replaying:
            (ended,) = replaying.run(flow(80, host="name.example", path=b"/a"))
            assert ended.response.content == b"proxied"
            assert ended.response.connection.proxied
            assert proxy.requests[0].startswith(b"GET http://name.example:80/a HTTP/1.1\r\n")
            told = replaying.events()[1].request.plan
            credentials, mark = b"Basic dTpw", "Basic ‹redacted 4B›".encode()
            assert told.head == proxy.requests[0].replace(credentials, mark) != proxy.requests[0]
            assert len(told.changes) == 2


def test_a_refusing_proxy_fails_the_replay() -> None:
    refusing = Proxy(authorization=b"Basic dTpw")
    upstream = Upstream("http", refusing.host, refusing.port)
    with refusing, Replaying(upstream=upstream) as replaying:
        (failed,) = replaying.run(flow(443, host="name.example", scheme=b"https"))
        assert reason(failed) == "PROXY_REFUSED"
        assert "407" in failed.error.message
        assert failed.error.connection.proxied


def test_plain_http_through_socks5_is_sent_as_to_the_target() -> None:
    with ScriptedServer(answers(OK, OK)) as server:
        names = {"name.example": (server.host, server.port)}
        with SocksProxy(names=names, credentials=(b"u", b"p")) as proxy:
            upstream = Upstream("socks5", proxy.host, proxy.port, (b"u", b"p"))
            flows = [
                flow(80, host="name.example", path=path, session="s") for path in (b"/a", b"/b")
            ]
            with Replaying(upstream=upstream) as replaying:
                ended = replaying.run(*flows)
                assert statuses(ended) == [200, 200]
                assert [each.response.connection.proxied for each in ended] == [True, True]
                assert ended[1].response.connection.reused
                plan = replaying.events()[1].request.plan
        assert proxy.asked == [("name.example", 80)]
        assert (
            server.requests[0] == plan.head == b"GET /a HTTP/1.1\r\nHost: name.example:80\r\n\r\n"
        )
        assert not plan.changes


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\5\xff"])
def test_a_wrong_proxy_fails_the_replay(reply: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.receive(3)
        peer.send(reply)
        peer.until_closed()

    with ScriptedServer(script) as server:
        upstream = Upstream("socks5", server.host, server.port)
        with Replaying(upstream=upstream) as replaying:
            (failed,) = replaying.run(flow(80, host="name.example"))
    assert reason(failed) == ("PROXY_REFUSED" if reply == b"\5\xff" else "INVALID_RESPONSE")


# Crashes inside


def test_a_crash_inside_ends_one_replay_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Http1Transfer.on_ready

    def crash(self: Http1Transfer, now: int, **ready: bool) -> bool:
        monkeypatch.setattr(Http1Transfer, "on_ready", real)
        raise RuntimeError("seeded")

    monkeypatch.setattr(Http1Transfer, "on_ready", crash)
    with ScriptedServer(answers(OK)) as server, Replaying() as replaying:
        crashed, succeeded = replaying.run(flow(server.port), flow(server.port))
        assert reason(crashed) == "INTERNAL"
        assert crashed.error.message == "RuntimeError: seeded"
        assert statuses([succeeded]) == [200]
        (log,) = replaying.logs()
        assert (log.reason, log.level) == (reason_pb2.REASON_INTERNAL, event_pb2.LOG_LEVEL_ERROR)
        assert "Traceback" in log.message
        assert len(server.peers) == 2
