"""HTTP/2 between a real daemon and real servers: node's, nginx's, and scripted ones."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flowreplay.v1 import flow_pb2, reason_pb2
from flowreplay_client import connect
from h2.errors import ErrorCodes

from tests.support.calls import Event, events, outcomes
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.http2_peer import Http2Session, http2_answers
from tests.support.http2_recorder import Http2Recorder
from tests.support.nginx import NAME, run_nginx
from tests.support.programs import find
from tests.support.proxies import Proxy
from tests.support.scripted_server import OK, Peer, Script, ScriptedServer, answers

LARGE = bytes(range(256)) * 40_960
"""10 MiB."""
MANY = 200

Start = Callable[..., Daemon]


def flow(
    path: str,
    *,
    method: bytes = b"GET",
    content: bytes = b"",
    scheme: bytes = b"https",
    session: str = "",
) -> flow_pb2.Flow:
    """A flow captured over HTTP/2; unless given, in a session of its own."""
    request = flow_pb2.Request(
        method=method,
        scheme=scheme,
        host=NAME,
        port=8443,
        authority=NAME.encode(),
        path=path.encode(),
        http_version=b"HTTP/2.0",
        content=content,
    )
    request.headers.add(name=b"x-path", value=path.encode())
    return flow_pb2.Flow(session_id=session, request=request)


def replay(daemon: Daemon, port: int, *flows: flow_pb2.Flow, **options: object) -> list[Event]:
    """Replays flows at a server on this machine; how each ended, in their order."""
    with connect(daemon.address) as client:
        receipt = client.enqueue(flows, connect_to=[f"=127.0.0.1:{port}"], **options)
    ended = outcomes(events(daemon.stub(), receipt.cursor, batch_id=receipt.batch_id))
    assert all(len(each) == 1 for each in ended.values())
    return [ended[f"{receipt.batch_id}.{at}"][0] for at in range(len(flows))]


def retried(daemon: Daemon) -> int:
    """How many replays were sent once more."""
    logs = (event.log for event in events(daemon.stub()) if event.HasField("log"))
    return sum(log.reason == reason_pb2.REASON_RETRIED for log in logs)


@pytest.fixture
def start(start_daemon: Start, authority: Authority) -> Start:
    """Starts a daemon with 32 replays in flight that trusts the tests' authority."""
    trusting = ("--ephemeral", "--concurrency", "32", "--ca-file", str(authority.ca_file))
    return lambda *options: start_daemon(*trusting, *options)


@pytest.fixture
def node(authority: Authority) -> Iterator[Http2Recorder]:
    with Http2Recorder(find("node"), authority.files(NAME)) as recorder:
        yield recorder


@pytest.fixture
def tls(authority: Authority) -> object:
    """TLS of a scripted server that speaks HTTP/2 alone."""
    context = authority.server_context(NAME)
    context.set_alpn_protocols(["h2"])
    return context


# Node


def test_many_streams_share_one_connection(start: Start, node: Http2Recorder) -> None:
    ended = replay(start(), node.port, *(flow(f"/{at}") for at in range(MANY)))
    assert {event.response.head.http_version for event in ended} == {b"HTTP/2.0"}
    arrived = node.wait_for(MANY)
    assert len({request.peer for request in arrived}) == 1
    paths = [dict(request.headers) for request in arrived]
    assert {each[b":path"] for each in paths} == {b"/%d" % at for at in range(MANY)}
    assert all(each[b":path"] == each[b"x-path"] for each in paths)
    reused = [event.response.connection.reused for event in ended]
    assert reused.count(False) == 1


def test_large_content_arrives_whole(start: Start, node: Http2Recorder) -> None:
    large = [flow(f"/{at}", method=b"POST", content=LARGE) for at in range(2)]
    ended = replay(start(), node.port, *large, flow("/small"))
    assert [event.response.head.status_code for event in ended] == [200] * 3
    arrived = [request for request in node.wait_for(3) if request.content_size]
    whole = hashlib.sha256(LARGE).hexdigest()
    assert [request.content_sha256 for request in arrived] == [whole, whole]


@pytest.mark.parametrize("tunnelled", [False, True])
def test_prior_knowledge_without_tls(start: Start, tunnelled: bool) -> None:
    with Http2Recorder(find("node")) as plain, Proxy() as proxy:
        upstream = ("--upstream", f"http://127.0.0.1:{proxy.port}") if tunnelled else ()
        flows = [flow(f"/{at}", scheme=b"http") for at in range(3)]
        ended = replay(start(*upstream), plain.port, *flows, http_version="recorded")
        assert {event.response.head.http_version for event in ended} == {b"HTTP/2.0"}
        assert {event.response.connection.proxied for event in ended} == {tunnelled}
        assert len({request.peer for request in plain.wait_for(3)}) == 1
        assert len(proxy.requests) == tunnelled


def test_through_an_upstream_proxy(start: Start, node: Http2Recorder) -> None:
    with Proxy() as proxy:
        daemon = start("--upstream", f"http://127.0.0.1:{proxy.port}")
        ended = replay(daemon, node.port, *(flow(f"/{at}") for at in range(9)))
        assert {event.response.connection.alpn for event in ended} == {"h2"}
        assert [request.split(b" ")[0] for request in proxy.requests] == [b"CONNECT"]


# nginx


def test_nginx_serves_a_large_file(start: Start, tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    files = f"location / {{ root {tmp_path}; }}"
    with run_nginx(tmp_path, authority, files, listen="ssl http2") as port:
        ended = replay(start(), port, flow("/large"), flow("/large"), flow("/none"))
    assert [event.response.head.status_code for event in ended] == [200, 200, 404]
    assert [event.response.content_size_bytes for event in ended[:2]] == [len(LARGE)] * 2


def test_nginx_says_goodbye_in_the_middle_and_nothing_is_lost(
    start: Start, tmp_path: Path, authority: Authority
) -> None:
    says = 'keepalive_requests 40; location / { return 200 "nginx says $request_uri"; }'
    flows = [flow(f"/{at}", method=(b"GET", b"POST")[at % 2]) for at in range(MANY)]
    daemon = start()
    with run_nginx(tmp_path, authority, says, listen="ssl http2") as port:
        ended = replay(daemon, port, *flows)
    assert [event.response.content for event in ended] == [
        b"nginx says /%d" % at for at in range(MANY)
    ]
    connections = {event.response.connection.local_address for event in ended}
    assert len(connections) >= MANY // 70
    assert retried(daemon) > 0


@pytest.mark.parametrize(("version", "spoken"), [("auto", b"HTTP/1.1"), ("recorded", b"")])
def test_nginx_that_speaks_http1_alone(
    start: Start, tmp_path: Path, authority: Authority, version: str, spoken: bytes
) -> None:
    says = 'location / { return 200 "old"; }'
    with run_nginx(tmp_path, authority, says) as port:
        ended = replay(start(), port, *(flow(f"/{at}") for at in range(40)), http_version=version)
    if spoken:
        assert {event.response.head.http_version for event in ended} == {spoken}
    else:
        assert {event.error.reason for event in ended} == {reason_pb2.REASON_VERSION_NOT_SPOKEN}
        assert all("--http-version" in event.error.message for event in ended)


# Scripted servers


@pytest.mark.parametrize("streams", [1, 2])
def test_few_streams_a_connection(start: Start, tls: object, streams: int) -> None:
    script = http2_answers(max_concurrent_streams=streams)
    with ScriptedServer(script, tls=tls) as server:
        daemon = start()
        ended = replay(daemon, server.port, *(flow(f"/{at}") for at in range(40)))
        assert {event.response.content for event in ended} == {b"ok"}
        assert 1 < len(server.peers) <= 40
        assert retried(daemon) == 0


def wants_http1(peer: Peer) -> None:
    session = Http2Session(peer)
    while True:
        session.reset(session.request(), ErrorCodes.HTTP_1_1_REQUIRED)
        session.flush()


def test_a_server_that_wants_http1_for_some_requests_gets_it(
    start: Start, authority: Authority
) -> None:
    context = authority.server_context(NAME)
    context.set_alpn_protocols(["h2", "http/1.1"])

    def script(peer: Peer) -> None:
        chosen = peer.stream.selected_alpn_protocol()
        (wants_http1 if chosen == "h2" else answers(OK))(peer)

    with ScriptedServer(script, tls=context) as server:
        daemon = start()
        (ended,) = replay(daemon, server.port, flow("/", method=b"POST", content=b"x"))
        assert (ended.response.head.http_version, ended.response.content) == (b"HTTP/1.1", b"ok")
        assert retried(daemon) == 1


def drops_every(count: int) -> Script:
    """Answers so many requests, then closes without a word."""

    def script(peer: Peer) -> None:
        session = Http2Session(peer)
        for _ in range(count):
            session.answer(session.request(), content=b"ok")
            session.flush()

    return script


def test_a_server_that_drops_a_connection_ends_what_was_on_it(start: Start, tls: object) -> None:
    with ScriptedServer(drops_every(10), tls=tls) as server:
        ended = replay(start(), server.port, *(flow(f"/{at}") for at in range(60)))
        assert len(ended) == 60
        succeeded = [event for event in ended if event.HasField("response")]
        assert all(event.response.content == b"ok" for event in succeeded)
        reasons = {event.error.reason for event in ended if event.HasField("error")}
        assert reasons <= {reason_pb2.REASON_CLOSED_EARLY, reason_pb2.REASON_CONNECTION_RESET}


def test_a_server_that_drops_connections_between_requests_costs_none(
    start: Start, tls: object
) -> None:
    with ScriptedServer(drops_every(10), tls=tls) as server:
        flows = (flow(f"/{at}", session="one by one") for at in range(60))
        ended = replay(start(), server.port, *flows)
        assert [event.response.content for event in ended] == [b"ok"] * 60
