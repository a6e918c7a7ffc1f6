"""HTTP/2 and HTTP/3 requests over HTTP/1.1: Host, cookies, and fields with no place."""

import pytest

from replayd.model.plan import ChangeKind, Framing
from tests.planning.requests import described, kinds, planned

K = ChangeKind


def test_host_comes_first_and_names_stay_lower_case() -> None:
    plan = planned(
        http_version=b"HTTP/2.0",
        authority=b"virtual.test",
        path=b"/a?q",
        headers=((b"accept", b"*/*"), (b"te", b"trailers"), (b"x-empty", b"")),
    )
    assert plan.head == (
        b"GET /a?q HTTP/1.1\r\nHost: virtual.test\r\naccept: */*\r\nte: trailers\r\n"
        b"x-empty: \r\n\r\n"
    )
    assert described(plan) == ["HTTP/2.0 -> HTTP/1.1, with Host: virtual.test"]
    assert plan.url == b"http://virtual.test/a?q"


def test_authority_stands_for_a_host_field() -> None:
    plan = planned(
        http_version=b"HTTP/3",
        authority=b"a.test",
        headers=((b"x", b"1"), (b"host", b"b.test")),
    )
    assert plan.head == b"GET / HTTP/1.1\r\nHost: a.test\r\nx: 1\r\n\r\n"
    assert kinds(plan) == [K.FIELD_REMOVED, K.HTTP_VERSION]


def test_a_host_field_alone_stays_where_it_is() -> None:
    plan = planned(http_version=b"HTTP/2.0", headers=((b"x", b"1"), (b"host", b"b.test")))
    assert plan.head == b"GET / HTTP/1.1\r\nx: 1\r\nhost: b.test\r\n\r\n"
    assert described(plan) == ["HTTP/2.0 -> HTTP/1.1"]


@pytest.mark.parametrize(("port", "host"), [(80, b"example.test"), (81, b"example.test:81")])
def test_without_any_the_target_is_the_host(port: int, host: bytes) -> None:
    plan = planned(http_version=b"HTTP/2.0", headers=(), port=port)
    assert plan.head == b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host


def test_cookies_are_joined_where_the_first_one_stands() -> None:
    headers = ((b"a", b"1"), (b"cookie", b"a=1"), (b"b", b"2"), (b"cookie", b"b=2"))
    plan = planned(http_version=b"HTTP/2.0", authority=b"h", headers=headers)
    assert plan.head.endswith(b"\r\na: 1\r\ncookie: a=1; b=2\r\nb: 2\r\n\r\n")
    assert kinds(plan) == [K.HTTP_VERSION, K.COOKIES_JOINED]
    assert described(plan)[1] == "2 Cookie fields joined"


def test_cookies_of_http1_stay_apart() -> None:
    headers = ((b"Cookie", b"a=1"), (b"Cookie", b"b=2"))
    assert planned(headers=headers).changes == ()


def test_fields_with_no_place_are_named() -> None:
    gone = (b":method", b"connection", b"keep-alive", b"Proxy-Connection", b"upgrade")
    gone += (b"transfer-encoding", b"http2-settings", b":x")
    headers = tuple((name, b"secret") for name in gone)
    plan = planned(http_version=b"HTTP/2.0", authority=b"h", headers=(*headers, (b"a", b"1")))
    assert plan.head == b"GET / HTTP/1.1\r\nHost: h\r\na: 1\r\n\r\n"
    assert kinds(plan) == [K.FIELD_REMOVED] * len(gone) + [K.HTTP_VERSION]
    assert not any("secret" in description for description in described(plan))


def test_content_gets_a_length_in_lower_case() -> None:
    plan = planned(
        method=b"POST",
        http_version=b"HTTP/2.0",
        authority=b"h",
        headers=((b"a", b"1"),),
        content=b"x",
    )
    assert plan.head.endswith(b"\r\nHost: h\r\na: 1\r\ncontent-length: 1\r\n\r\n")
    assert plan.framing is Framing.CONTENT_LENGTH


def test_trailers_turn_to_chunks() -> None:
    plan = planned(
        method=b"POST",
        http_version=b"HTTP/2.0",
        authority=b"h",
        headers=((b"content-length", b"1"),),
        content=b"x",
        trailers=((b"grpc-status", b"0"),),
    )
    assert plan.head.endswith(b"\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n")
    assert plan.framing is Framing.CHUNKED
    assert plan.trailer_section == b"grpc-status: 0\r\n"
