"""What a batch leaves with: HTTP/2 arrives at a real server as it was captured, or raised
from HTTP/1, and nowhere else than where it was asked for.
"""

import hashlib
from collections.abc import Iterator, Sequence

import pytest
from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.model.flow import Headers
from tests.support.calls import Event, connect_to, enqueue, events, payload
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.http2_recorder import Http2Recorder
from tests.support.programs import find
from tests.support.recorder import Recorder

CONTENT = b"0123456789" * 10_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SCHEMES = ["http", "https"]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon("--ephemeral", "--insecure") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def servers(authority: Authority) -> Iterator[dict[str, Http2Recorder]]:
    node = find("node")
    with Http2Recorder(node) as plain, Http2Recorder(node, authority.files("a.test")) as secure:
        yield {"http": plain, "https": secure}


def flow(scheme: str, version: bytes, headers: Headers, trailers: Headers) -> flow_pb2.Flow:
    request = flow_pb2.Request(
        method=b"POST",
        scheme=scheme.encode(),
        host="a.test",
        port=81,
        path=b"/p",
        http_version=version,
        content=CONTENT,
    )
    request.headers.extend(flow_pb2.Header(name=name, value=value) for name, value in headers)
    request.trailers.extend(flow_pb2.Header(name=name, value=value) for name, value in trailers)
    return flow_pb2.Flow(request=request)


def replay(daemon: Daemon, flows: Sequence[flow_pb2.Flow], port: int, version: int) -> list[Event]:
    """The events that end the replays of these flows, at a server on this machine."""
    rules = [connect_to(scheme, port) for scheme in SCHEMES]
    stub = daemon.stub()
    receipt = enqueue(stub, flows, connect_to=rules, http_version=version)
    seen = events(stub, receipt.cursor, batch_id=receipt.batch_id)
    return [event for event in seen if payload(event) in ("response", "error")]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_http2_arrives_as_it_was_captured(
    daemon: Daemon, servers: dict[str, Http2Recorder], scheme: str
) -> None:
    server = servers[scheme]
    server.forget()
    fields = ((b"cookie", b"a=1"), (b"x", b"\xff"), (b"cookie", b"b"), (b"te", b"trailers"))
    pseudo = ((b":path", b""), (b":authority", b""), (b":method", b""), (b":scheme", b""))
    trailers = ((b"t", b"1"), (b"u", b"2"))
    captured = flow(scheme, b"HTTP/2.0", (*pseudo, *fields), trailers)
    captured.request.authority = b"b.test"
    (ended,) = replay(daemon, [captured], server.port, replay_pb2.HTTP_VERSION_RECORDED)
    assert ended.response.head.http_version == b"HTTP/2.0"
    assert ended.response.connection.alpn == ("h2" if scheme == "https" else "")
    (arrived,) = server.wait_for(1)
    sent = (b"/p", b"b.test", b"POST", scheme.encode())
    names = (name for name, _ in pseudo)
    assert arrived.headers == (*zip(names, sent, strict=True), *fields)
    assert (arrived.trailers, arrived.content_sha256) == (trailers, SHA256)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_http1_is_raised_when_asked(
    daemon: Daemon, servers: dict[str, Http2Recorder], scheme: str
) -> None:
    server = servers[scheme]
    server.forget()
    fields = ((b"Host", b"b.test"), (b"X", b"1"), (b"Transfer-Encoding", b"chunked"))
    fields += ((b"Expect", b"100-continue"),)
    captured = flow(scheme, b"HTTP/1.1", fields, ((b"T", b"1"),))
    (ended,) = replay(daemon, [captured], server.port, replay_pb2.HTTP_VERSION_TWO)
    assert list(ended.response.head.interim_status_codes) == [100]
    (arrived,) = server.wait_for(1)
    assert arrived.headers[3:] == (
        (b":authority", b"b.test"),
        (b"x", b"1"),
        (b"expect", b"100-continue"),
    )
    assert (arrived.trailers, arrived.content_sha256) == (((b"t", b"1"),), SHA256)


@pytest.mark.parametrize("version", [replay_pb2.HTTP_VERSION_AUTO, replay_pb2.HTTP_VERSION_ONE])
def test_http1_is_spoken_where_the_server_does_not_choose(
    daemon: Daemon, authority: Authority, version: int
) -> None:
    captured = flow("https", b"HTTP/2.0", ((b"cookie", b"a"), (b"cookie", b"b")), ())
    with Recorder(tls=authority.server_context("a.test")) as recorder:
        (ended,) = replay(daemon, [captured], recorder.port, version)
        assert ended.response.head.http_version == b"HTTP/1.1"
        (arrived,) = recorder.wait_for(1)
    assert arrived.start_line == b"POST /p HTTP/1.1"
    assert arrived.field(b"cookie") == b"a; b"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_http2_that_is_not_spoken_is_an_error(
    daemon: Daemon, authority: Authority, scheme: str
) -> None:
    captured = flow(scheme, b"HTTP/2.0", (), ())
    tls = authority.server_context("a.test") if scheme == "https" else None
    with Recorder(tls=tls) as recorder:
        (ended,) = replay(daemon, [captured], recorder.port, replay_pb2.HTTP_VERSION_TWO)
    assert ended.error.reason
    assert "HTTP/2" in ended.error.message
