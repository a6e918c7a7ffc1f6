"""Plans: HTTP/1 leaves as captured, byte for byte; what must differ is named."""

import hashlib
import io
from typing import Any

import pytest

from replayd.model.flow import Response
from replayd.model.plan import Change, ChangeKind, ConnectTo, Framing, Target
from replayd.planning.plan import make_plan
from replayd.planning.refusal import refuse
from tests.planning.requests import HOST, described, flow, kinds, planned, written
from tests.support.captures import READABLE, Capture, flows_of

K = ChangeKind

PSEUDO_FIELD = "HTTP/2 in an old dump: mitmproxy refuses the :authority among the fields"

DIFFERENT: dict[tuple[str, int], str] = {
    ("rec-h2", 14): "HTTP/2 without content-length: mitmproxy leaves the content unframed",
    (
        "mut-content-length-wrong-missing-both-double",
        0,
    ): "Content-Length 5 of 31: mitmproxy sends 26 bytes that nothing frames",
    (
        "mut-content-length-wrong-missing-both-double",
        1,
    ): "no framing: mitmproxy sends 31 bytes that nothing frames",
    (
        "mut-content-length-wrong-missing-both-double",
        2,
    ): "Content-Length beside Transfer-Encoding: mitmproxy refuses while it sends",
    (
        "mut-content-length-wrong-missing-both-double",
        3,
    ): "two Content-Lengths: mitmproxy refuses while it sends",
    ("mitmproxy-dumpfile-019", 0): PSEUDO_FIELD,
    ("rec-mitmproxy-4.0.4-mixb", 9): PSEUDO_FIELD,
    ("rec-mitmproxy-4.0.4-mixb", 10): PSEUDO_FIELD,
    ("rec-mitmproxy-4.0.4-mixb", 11): PSEUDO_FIELD,
}
"""Flows that leave otherwise than mitmproxy sends them, and why that is better."""

EXPECTED = {
    ("rec-h2", 14): ["HTTP/2.0 -> HTTP/1.1, with Host: 127.0.0.1:28108", "Content-Length: 9 added"],
    ("mut-content-length-wrong-missing-both-double", 0): ["Content-Length: 5 -> 31"],
    ("mut-content-length-wrong-missing-both-double", 1): ["Content-Length: 31 added"],
    ("mut-content-length-wrong-missing-both-double", 2): [
        "Content-Length: 31 removed beside Transfer-Encoding: chunked",
        "the content's 31 bytes are sent as one chunk",
    ],
    ("mitmproxy-dumpfile-019", 0): ["HTTP/2.0 -> HTTP/1.1, with Host: webrv.rtb-seller.com"],
    **{
        ("rec-mitmproxy-4.0.4-mixb", index): ["HTTP/2.0 -> HTTP/1.1, with Host: 127.0.0.1:28108"]
        for index in (9, 10, 11)
    },
    ("mut-content-length-wrong-missing-both-double", 3): ["Content-Length: 31, 7 -> 31"],
}


@pytest.mark.parametrize("capture", READABLE.values(), ids=READABLE)
def test_a_real_request_leaves_as_mitmproxy_sends_it(capture: Capture) -> None:
    for index, found in enumerate(flows_of(io.BytesIO(capture.data))):
        seen = capture.flows[index]
        if "sent" not in seen or refuse(found, raw=False, body_size_limit=1 << 26):
            continue
        assert found.request is not None
        plan = make_plan(found, flow_index=index, connect_to=(), raw=False)
        data = written(plan, found.request.content or b"")
        same = seen["sent"] == [len(data), hashlib.sha256(data).hexdigest()]
        assert same != ((capture.name, index) in DIFFERENT), plan.head
        if not same:
            assert described(plan) == EXPECTED[capture.name, index]
        elif found.request.http_version.startswith(b"HTTP/1"):
            assert set(kinds(plan)) <= {K.CHUNK_SIZES}
        else:
            assert set(kinds(plan)) <= {K.HTTP_VERSION, K.COOKIES_JOINED}


def test_odd_bytes_stay() -> None:
    headers = (
        (b"x-dup", b"1"),
        (b"X-DUP", b"2"),
        (b"hOsT", b"else.test:99"),
        (b"X-Empty", b""),
        (b"X-Fold", b"one\r\n two\r\n\tthree"),
        (b"X-Latin", b"caf\xe9 \x00\x01"),
        (b"Bad Name", b"v"),
        (b":authority", b"x"),
    )
    plan = planned(method=b"frob", path=b"/a b//../%2e\xff?\"'#f", headers=headers)
    assert plan.head == (
        b"frob /a b//../%2e\xff?\"'#f HTTP/1.1\r\nx-dup: 1\r\nX-DUP: 2\r\nhOsT: else.test:99\r\n"
        b"X-Empty: \r\nX-Fold: one\r\n two\r\n\tthree\r\nX-Latin: caf\xe9 \x00\x01\r\n"
        b"Bad Name: v\r\n:authority: x\r\n\r\n"
    )
    assert plan.changes == ()
    assert plan.url == b"http://else.test:99/a b//../%2e\xff?\"'#f"


@pytest.mark.parametrize(
    ("request_", "start_line", "url"),
    [
        ({}, b"GET / HTTP/1.1", b"http://example.test/"),
        ({"http_version": b"HTTP/1.0", "headers": ()}, b"GET / HTTP/1.0", b"http://example.test/"),
        ({"headers": (), "port": 81}, b"GET / HTTP/1.1", b"http://example.test:81/"),
        (
            {"headers": (), "host": "::1", "scheme": b"https", "port": 443},
            b"GET / HTTP/1.1",
            b"https://[::1]/",
        ),
        (
            {"authority": b"u@Other.test:80", "path": b"/x"},
            b"GET http://u@Other.test:80/x HTTP/1.1",
            b"http://u@Other.test:80/x",
        ),
        (
            {"authority": b"a.test", "scheme": b"https", "port": 443},
            b"GET https://a.test/ HTTP/1.1",
            b"https://a.test/",
        ),
        (
            {"method": b"OPTIONS", "path": b"*"},
            b"OPTIONS * HTTP/1.1",
            b"http://example.test",
        ),
        (
            {"method": b"CONNECT", "path": b"", "authority": b"a.test:443", "scheme": b""},
            b"CONNECT a.test:443 HTTP/1.1",
            b"a.test:443",
        ),
        (
            {"method": b"CONNECT", "path": b"", "host": "::1", "port": 443, "scheme": b""},
            b"CONNECT [::1]:443 HTTP/1.1",
            b"example.test",
        ),
        ({"http_version": b"HTTP/9.7", "path": b""}, b"GET  HTTP/9.7", b"http://example.test"),
    ],
)
def test_the_target_keeps_its_form(
    request_: dict[str, bytes], start_line: bytes, url: bytes
) -> None:
    plan = planned(**request_)
    assert plan.head.partition(b"\r\n")[0] == start_line
    assert plan.url == url
    assert plan.changes == ()


@pytest.mark.parametrize(
    ("flow_", "target"),
    [
        (flow(), Target("http", "example.test", 80)),
        (flow(server_name="sni.test"), Target("http", "example.test", 80)),
        (
            flow(scheme=b"https", host="bücher.example", port=8443),
            Target("https", "xn--bcher-kva.example", 8443, "xn--bcher-kva.example"),
        ),
        (
            flow(scheme=b"https", host="10.0.0.1", port=443, server_name="sni.test"),
            Target("https", "10.0.0.1", 443, "sni.test"),
        ),
        (
            flow(scheme=b"https", host="example.test.", port=443),
            Target("https", "example.test.", 443, "example.test"),
        ),
        (flow(host="[::1]"), Target("http", "::1", 80)),
    ],
)
def test_where_it_goes(flow_: object, target: Target) -> None:
    plan = make_plan(flow_, flow_index=0, connect_to=(), raw=False)  # type: ignore[arg-type]
    assert plan.target == target


def test_another_address_is_dialled_and_nothing_else_changes() -> None:
    rule = ConnectTo("", "EXAMPLE.test", 0, "127.0.0.1", 8080)
    plan = planned(connect_to=(rule,))
    assert plan.target == Target("http", "example.test", 80, "", "127.0.0.1", 8080)
    assert plan.head == planned().head
    assert described(plan) == ["127.0.0.1:8080 is dialled in place of example.test:80"]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"])
def test_idempotent_methods(method: bytes) -> None:
    assert planned(method=method).idempotent


def test_a_trusted_key_makes_any_request_idempotent() -> None:
    keyed = {"method": b"POST", "headers": ((b"IDEMPOTENCY-key", b"1"),)}
    assert planned(**keyed, trust_idempotency_key=True).idempotent
    assert not planned(**keyed).idempotent
    assert not planned(method=b"POST", trust_idempotency_key=True).idempotent


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"CONNECT", b"get", b"PROPFIND", b""])
def test_other_methods_are_not_idempotent(method: bytes) -> None:
    assert not planned(method=method).idempotent


@pytest.mark.parametrize(
    ("version", "value", "content", "expected"),
    [
        (b"HTTP/1.1", b"100-continue", b"x", True),
        (b"HTTP/1.1", b"100-Continue", b"x", True),
        (b"HTTP/1.1", b"100-continue", b"", False),
        (b"HTTP/1.0", b"100-continue", b"x", False),
        (b"HTTP/1.1", b"200-maybe", b"x", False),
        (b"HTTP/2.0", b"100-continue", b"x", True),
    ],
)
def test_who_waits_for_continue(
    version: bytes, value: bytes, content: bytes, expected: bool
) -> None:
    plan = planned(http_version=version, headers=((b"Expect", value),), content=content)
    assert plan.expect_continue == expected


def test_the_rest_comes_along() -> None:
    found = flow(headers=(*HOST, (b"proxy-authorization", b"Basic x")))
    found = type(found)(
        flow_id="f", request=found.request, response=Response(b"HTTP/1.1", 404), error=None
    )
    plan = make_plan(found, flow_index=7, connect_to=(), raw=False)
    assert (plan.flow_index, plan.flow_id, plan.recorded_status_code) == (7, "f", 404)
    assert plan.proxy_authorization
    assert not planned().proxy_authorization
    assert planned().recorded_status_code == 0


@pytest.mark.parametrize(
    ("given", "tunnelled"),
    [
        ({}, False),
        ({"method": b"M-SEARCH"}, False),
        ({"raw": True}, True),
        ({"raw": True, "scheme": b"https"}, False),
        ({"method": b"GET http://169.254.169.254/ HTTP/1.1"}, True),
        ({"method": b""}, True),
    ],
)
def test_a_proxy_hears_nothing_that_might_be_two_requests(
    given: dict[str, Any], tunnelled: bool
) -> None:
    assert planned(**given).target.tunnelled == tunnelled


def test_raw_changes_nothing_of_an_http1_request() -> None:
    headers = ((b"Content-Length", b"7"), (b"Content-Length", b"x"))
    plan = planned(raw=True, method=b"POST\r\n", headers=headers, content=b"body")
    assert plan.head == b"POST\r\n / HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: x\r\n\r\n"
    assert (plan.framing, plan.content_size, plan.changes) == (Framing.RAW, 4, ())


def test_what_was_rewritten_is_named_first_in_every_form() -> None:
    rewritten = (Change(ChangeKind.FIELD_REWRITTEN, "X set"),)
    plan = make_plan(
        flow(scheme=b"https", http_version=b"HTTP/2.0", headers=((b"x", b"1"),)),
        flow_index=0,
        connect_to=(ConnectTo("", "", 0, "h", 1),),
        raw=False,
        rewritten=rewritten,
    )
    assert plan.http2 is not None
    for changes in (plan.changes, plan.http2.changes):
        assert changes[0] == rewritten[0]
        assert changes[-1].kind is ChangeKind.CONNECT_TO
