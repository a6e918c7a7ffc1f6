"""A real daemon behind a SOCKS5 proxy: what arrives is what was captured."""

from collections.abc import Callable

import pytest
from flowreplay.v1 import reason_pb2

from tests.support.calls import enqueue, events, flow, outcomes
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.recorder import Recorder
from tests.support.socks import CONNECTED, REFUSED, SocksProxy


def test_http_and_https_go_through_the_tunnel_as_captured(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    authority: Authority,
) -> None:
    plain = start_recorder()
    secure = start_recorder(tls=authority.server_context("name.test"))
    names = {"plain.test": ("127.0.0.1", plain.port), "name.test": ("127.0.0.1", secure.port)}
    with SocksProxy(credentials=(b"us er", b"p@ss"), names=names) as proxy:
        upstream = f"socks5h://us%20er:p%40ss@127.0.0.1:{proxy.port}"
        daemon = start_daemon(
            *("--ephemeral", "--upstream", upstream, "--ca-file", str(authority.ca_file))
        )
        stub = daemon.stub()
        enqueue(stub, [flow("http://plain.test/a?x"), flow("https://name.test/b")])
        found = [events[0].response for events in outcomes(events(stub)).values()]
        assert [response.head.status_code for response in found] == [200, 200]
        assert {response.connection.address for response in found} == {f"127.0.0.1:{proxy.port}"}
    assert proxy.asked == [("plain.test", 80), ("name.test", 443)]
    assert plain.requests[0].raw == b"GET /a?x HTTP/1.1\r\nHost: plain.test\r\n\r\n"
    assert secure.requests[0].raw == b"GET /b HTTP/1.1\r\nHost: name.test\r\n\r\n"
    assert secure.requests[0].server_name == "name.test"


@pytest.mark.parametrize("answer", [REFUSED, CONNECTED[:3]], ids=["refused", "cut"])
def test_a_proxy_that_refuses_fails_each_replay(
    start_daemon: Callable[..., Daemon], answer: bytes
) -> None:
    with SocksProxy(answer=answer) as proxy:
        daemon = start_daemon("--ephemeral", "--upstream", f"socks5://{proxy.host}:{proxy.port}")
        stub = daemon.stub()
        enqueue(stub, [flow("http://a.test/"), flow("https://b.test/")])
        errors = [events[0].error for events in outcomes(events(stub)).values()]
    expected = "PROXY_REFUSED" if answer == REFUSED else "CLOSED_EARLY"
    assert [reason_pb2.Reason.Name(error.reason) for error in errors] == [f"REASON_{expected}"] * 2
    assert all(f"socks5://127.0.0.1:{proxy.port}" in error.message for error in errors)
