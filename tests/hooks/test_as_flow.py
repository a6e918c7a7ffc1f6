"""Planned again, what a hook is shown gives the same bytes."""

import pytest

from replayd.hooks.as_flow import flow_of
from replayd.model.flow import Flow, FlowKind, Headers, Request, WebSocket
from replayd.model.plan import ConnectTo, HttpVersion, Plan
from replayd.planning.plan import make_plan


def planned(flow: Flow, version: HttpVersion = HttpVersion.AUTO, *, raw: bool = False) -> Plan:
    return make_plan(flow, flow_index=3, connect_to=(), raw=raw, http_version=version)


def request(**changes: object) -> Flow:
    made = Request(b"GET", b"http", "shop.test", 8080, b"/a?b=c", headers=((b"Host", b"x"),))
    return Flow(flow_id="f", request=made._replace(**changes))


CHUNKED: Headers = ((b"Transfer-Encoding", b"chunked"), (b"TE", b"trailers"))

FLOWS = {
    "plain": request(),
    "odd fields": request(
        headers=(
            (b"hOST", b"a"),
            (b"X", b""),
            (b"X", b" a: b"),
            (b"Y", b"a\r\n\tb"),
            (b"\xff", b"\xfe"),
        )
    ),
    "no fields": request(headers=()),
    "content": request(method=b"POST", content=b"abc", headers=((b"Content-Length", b"3"),)),
    "chunks and trailers": request(
        method=b"POST", content=b"abc", headers=CHUNKED, trailers=((b"Sum", b"1"), (b"Of", b"2"))
    ),
    "absolute": request(authority=b"proxied.test:81", path=b"/p"),
    "asterisk": request(method=b"OPTIONS", path=b"*"),
    "connect": request(method=b"CONNECT", authority=b"far.test:443", path=b""),
    "old version": request(http_version=b"HTTP/1.0"),
    "space in the path": request(path=b"/a b c"),
    "http2 in the clear": request(
        http_version=b"HTTP/2.0", authority=b"shop.test:8080", headers=()
    ),
    "http2": request(
        scheme=b"https",
        port=443,
        http_version=b"HTTP/2.0",
        authority=b"shop.test",
        headers=((b"cookie", b"a=1"), (b"cookie", b"b=2")),
    ),
    "server name": request(scheme=b"https", port=443)._replace(server_name="other.test"),
}


@pytest.mark.parametrize("name", FLOWS)
def test_planned_again_it_is_the_same(name: str) -> None:
    plan = planned(FLOWS[name])
    content = FLOWS[name].request.content  # type: ignore[union-attr]
    again = planned(flow_of(plan, content, "s"))
    forms = (plan.head, plan.trailer_section, plan.target, plan.framing, plan.url)
    assert forms == (again.head, again.trailer_section, again.target, again.framing, again.url)
    if plan.http2 is not None:
        assert again.http2 is not None
        assert plan.http2.headers == again.http2.headers


def test_what_is_raised_to_http2_stays_so() -> None:
    plan = planned(request(), HttpVersion.TWO)
    again = planned(flow_of(plan, b"", "s"), HttpVersion.TWO)
    assert plan.http2 is not None
    assert again.http2 is not None
    assert plan.http2.headers == again.http2.headers


def test_what_is_dialled_is_not_what_is_shown() -> None:
    rule = ConnectTo("", "", 0, "127.0.0.1", 1)
    plan = make_plan(request(), flow_index=0, connect_to=(rule,), raw=False)
    shown = flow_of(plan, b"", "s").request
    assert shown is not None
    assert (shown.host, shown.port) == ("shop.test", 8080)


def test_a_session_of_its_own_is_none() -> None:
    assert flow_of(planned(request()), b"", "\0" + "7").session_id == ""
    assert flow_of(planned(request()), b"", "client").session_id == "client"


def test_a_websocket_is_its_handshake() -> None:
    plan = planned(request()._replace(kind=FlowKind.WEBSOCKET, websocket=WebSocket()))
    flow = flow_of(plan, b"what was said", "s")
    assert flow.kind is FlowKind.WEBSOCKET
    assert flow.request is not None
    assert flow.request.content == b""
