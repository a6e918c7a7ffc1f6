"""Refusals: mitmproxy's first, then replayd's own."""

import io
from typing import Any

import pytest

from replayd.model.flow import Flow, FlowKind
from replayd.model.plan import ConnectTo, HttpVersion
from replayd.planning.refusal import MAX_HEAD, Refusal, refuse
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from tests.planning.requests import flow
from tests.support.captures import CAPTURES, READABLE, Capture, flows_of

LIMIT = 1 << 20

REASONS = {
    None: None,
    "Can't replay WebSocket flows.": Reason.WEBSOCKET_FLOW,
    "Can't replay flow with missing content.": Reason.MISSING_CONTENT,
    "Can only replay HTTP flows.": Reason.NOT_HTTP,
}
"""mitmproxy's sentence, and our reason."""

BETTER = {
    ("mut-header-injection", 1): Reason.UNSAFE_BYTES,
}
"""Flows that mitmproxy's check takes, and why they are refused here."""


def check(found: Flow, *, raw: bool = False, **arguments: Any) -> Refusal | None:
    return refuse(found, raw=raw, body_size_limit=LIMIT, **arguments)


def reason(found: Flow, **arguments: Any) -> Reason | None:
    refusal = check(found, **arguments)
    return refusal and refusal.reason


@pytest.mark.parametrize("capture", READABLE.values(), ids=READABLE)
def test_real_flows_are_refused_as_by_mitmproxy(capture: Capture) -> None:
    for index, found in enumerate(flows_of(io.BytesIO(capture.data))):
        seen = capture.flows[index]["refused"]
        assert reason(found) == BETTER.get((capture.name, index), REASONS[seen])


def test_what_a_flow_is_comes_before_what_it_lacks() -> None:
    request = flow(content=None).request
    assert request is not None
    steps: list[tuple[dict[str, Any], Reason]] = [
        ({"live": False}, Reason.LIVE_FLOW),
        ({"intercepted": False}, Reason.INTERCEPTED_FLOW),
        ({"kind": FlowKind.WEBSOCKET}, Reason.NOT_HTTP),
        ({"kind": FlowKind.HTTP}, Reason.WEBSOCKET_FLOW),
        ({"request": request}, Reason.MISSING_REQUEST),
        ({"request": request._replace(content=b"")}, Reason.MISSING_CONTENT),
    ]
    found = Flow(live=True, intercepted=True, kind=FlowKind.TCP)
    for mended, expected in steps:
        refusal = check(found, raw=True)
        assert refusal is not None
        assert refusal.reason is expected
        assert refusal.message
        found = found._replace(**mended)
    assert check(found) is None


@pytest.mark.parametrize("kind", [FlowKind.TCP, FlowKind.UDP, FlowKind.DNS])
def test_what_is_not_http(kind: FlowKind) -> None:
    assert reason(flow()._replace(kind=kind)) is Reason.NOT_HTTP


def test_a_tunnel_is_called_one() -> None:
    refusal = check(flow(method=b"CONNECT", path=b"")._replace(kind=FlowKind.TCP))
    assert refusal is not None
    assert refusal.reason is Reason.NOT_HTTP
    assert "its CONNECT opened a tunnel" in refusal.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheme": b"ws"}, "scheme 'ws' is neither"),
        ({"scheme": b""}, "scheme '' is neither"),
        ({"scheme": b"HTTP"}, "neither http nor https"),
        ({"port": 0}, "port 0 is not between"),
        ({"port": -1}, "port -1"),
        ({"port": 65536}, "port 65536"),
        ({"host": ""}, "the host '' is empty"),
        ({"host": "a b"}, "the host 'a b' is not a host name"),
        ({"host": "a\r\nX: 1"}, "is not a host name"),
        ({"scheme": b"https", "server_name": "a b"}, "the server name 'a b' is not"),
    ],
)
def test_invalid_targets(changes: dict[str, Any], said: str) -> None:
    refusal = check(flow(**changes), raw=True)
    assert refusal is not None
    assert refusal.reason is Reason.INVALID_TARGET
    assert said in refusal.message


def test_valid_targets() -> None:
    assert check(flow(port=65535)) is None
    assert check(flow(scheme=b"https", port=1, server_name="sni.test")) is None
    assert check(flow(scheme=b"http", server_name="not used")) is None
    assert check(flow(method=b"CONNECT", scheme=b"", authority=b"a.test:443", path=b"")) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": b"GET\r"}, "the method holds"),
        ({"method": b"GET\n"}, "the method holds"),
        ({"path": b"/\x00"}, "the target holds"),
        ({"path": b"/ HTTP/1.1\r\nX: 1"}, "the target holds"),
        ({"authority": b"a\nb"}, "the target holds"),
        ({"http_version": b"HTTP/1.1\r\nX: 1"}, "the version holds"),
        ({"headers": ((b"a\r\nb", b""),)}, "a field's name holds"),
        ({"headers": ((b"a\x00", b""),)}, "a field's name holds"),
        ({"headers": ((b"x", b"y"), (b"Bad", b"a\r\nInjected: 1"))}, "field 'Bad' holds"),
        ({"headers": ((b"a", b"b\r\n"),)}, "field 'a' holds"),
        ({"headers": ((b"a", b"b\r\n\r\n c"),)}, "field 'a' holds"),
        ({"headers": ((b"a", b"b\nc"),)}, "field 'a' holds"),
        ({"trailers": ((b"a", b"b\r\nc: d"),)}, "field 'a' holds"),
        ({"trailers": ((b"\n", b"b"),)}, "a field's name holds"),
    ],
)
def test_bytes_that_make_two_requests_of_one(changes: dict[str, Any], said: str) -> None:
    refusal = check(flow(**changes))
    assert refusal is not None
    assert refusal.reason is Reason.UNSAFE_BYTES
    assert said in refusal.message
    assert check(flow(**changes), raw=True) is None


@pytest.mark.parametrize("value", [b"a\r\n b", b"a\rb", b"a\nb", b"\0"])
@pytest.mark.parametrize("where", ["headers", "trailers"])
def test_values_that_http2_cannot_hold(value: bytes, where: str) -> None:
    fields: dict[str, Any] = {where: ((b"a", value),), "scheme": b"https"}
    http2 = flow(http_version=b"HTTP/2.0", **fields)
    refusal = check(http2)
    assert refusal is not None
    assert refusal.message.startswith("the value of the field 'a' holds CR, LF or NUL")
    assert reason(flow(**fields), http_version=HttpVersion.TWO) is Reason.UNSAFE_BYTES
    assert check(http2, raw=True) is None
    # Over HTTP/1 alone, only the end of a line is one.
    expected = Reason.UNSAFE_BYTES if value == b"a\nb" else None
    assert reason(http2, http_version=HttpVersion.ONE) is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": ((b"X-Fold", b"one\r\n two\r\n\tthree"),)},
        {"headers": ((b"X", b"bare\rCR and \x00 and \x7f"),)},
        {"headers": ((b"Bad Name", b""), (b"", b""), (b"a:b", b"caf\xe9"))},
        {"method": b"frob me", "path": b"/a b\t\xff"},
        {"headers": ((b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked"))},
    ],
)
def test_what_http_forbids_but_makes_no_second_request_is_sent(changes: dict[str, Any]) -> None:
    assert check(flow(**changes)) is None


def test_the_size_of_content_and_head() -> None:
    assert check(flow(content=b"x" * LIMIT)) is None
    refusal = check(flow(content=b"x" * (LIMIT + 1)), raw=True)
    assert refusal == Refusal(
        Reason.CONTENT_TOO_LARGE,
        f"the content has {LIMIT + 1} bytes; the daemon's --body-size-limit is {LIMIT}",
    )
    assert reason(flow(path=b"/" + b"x" * MAX_HEAD)) is Reason.CONTENT_TOO_LARGE
    assert reason(flow(method=b"X" * (MAX_HEAD + 1))) is Reason.CONTENT_TOO_LARGE
    large = ((b"a", b"x" * (MAX_HEAD // 2)),) * 3
    assert reason(flow(headers=large)) is Reason.CONTENT_TOO_LARGE


def test_denied_targets() -> None:
    loopback = TargetRules("loopback")
    metadata = flow(host="169.254.169.254")
    assert reason(metadata) is Reason.TARGET_DENIED
    assert reason(metadata, raw=True) is Reason.TARGET_DENIED
    assert reason(flow(host="192.0.2.1"), targets=loopback) is Reason.TARGET_DENIED
    assert reason(flow(), targets=loopback) is None
    assert reason(flow(), targets=TargetRules(deny=["example.test"])) is Reason.TARGET_DENIED


def test_what_is_dialled_is_what_counts() -> None:
    loopback = TargetRules("loopback")
    to_loopback = [ConnectTo("", "", 0, "127.0.0.1", 8080)]
    assert check(flow(host="192.0.2.1"), targets=loopback, connect_to=to_loopback) is None
    elsewhere = [ConnectTo("", "", 0, "192.0.2.1", 80)]
    denied = check(flow(host="127.0.0.1"), targets=loopback, connect_to=elsewhere)
    assert denied is not None
    assert denied.reason is Reason.TARGET_DENIED


def test_a_capture_that_injects_is_refused_in_that_flow_only() -> None:
    flows = flows_of(io.BytesIO(CAPTURES["mut-header-injection"].data))
    assert [reason(each) for each in flows] == [None, Reason.UNSAFE_BYTES, None]
