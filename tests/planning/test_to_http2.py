"""The HTTP/2 form of requests: captured ones as they are, HTTP/1 ones raised."""

from typing import Any

import pytest

from replayd.model.flow import Headers, Request
from replayd.model.plan import ChangeKind, ConnectTo, Http2Request, HttpVersion
from replayd.planning.to_http2 import make_http2
from tests.planning.requests import planned

K = ChangeKind

GET: Headers = ((b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/a?q"))
AT: Headers = ((b":authority", b"a.test"),)


def made(*, raw: bool = False, **given: Any) -> Http2Request:
    """The HTTP/2 form of an HTTP/2 GET of https://a.test/a?q, unless said otherwise."""
    fields = {
        "method": b"GET",
        "scheme": b"https",
        "host": "a.test",
        "port": 443,
        "path": b"/a?q",
        "http_version": b"HTTP/2.0",
        "authority": b"a.test",
        **given,
    }
    return make_http2(Request(**fields), raw=raw)


def raised(**given: Any) -> Http2Request:
    """The HTTP/2 form of an HTTP/1.1 request, with these fields."""
    return made(**{"http_version": b"HTTP/1.1", "authority": b"", **given})


def kinds(request: Http2Request) -> list[ChangeKind]:
    return [change.kind for change in request.changes]


def described(request: Http2Request) -> list[str]:
    return [change.description for change in request.changes]


@pytest.mark.parametrize("raw", [False, True])
def test_a_captured_request_stays_as_it_is(raw: bool) -> None:
    headers = (
        (b"cookie", b"a=1"),
        (b"x-dup", b"1"),
        (b"cookie", b"b=2"),
        (b"x-dup", b" 2 caf\xe9"),
        (b"te", b"gzip"),
        (b"connection", b"keep-alive"),
        (b"transfer-encoding", b"chunked"),
        (b"host", b"else.test"),
        (b"", b"no name"),
    )
    trailers = ((b"grpc-status", b"0"), (b"x", b""))
    found = made(headers=headers, content=b"x", trailers=trailers, raw=raw)
    assert found == Http2Request((*GET, *AT, *headers), trailers)


def test_without_an_authority_there_is_none() -> None:
    assert made(authority=b"").headers == GET
    host = ((b"host", b"b.test"),)
    assert made(authority=b"", headers=host) == Http2Request((*GET, *host))


def test_pseudo_fields_among_the_fields_give_the_order_and_the_request_the_values() -> None:
    headers = ((b":path", b"/old"), (b"a", b"1"), (b":x", b"2"), (b":method", b"PUT"))
    expected = ((b":path", b"/a?q"), (b":x", b"2"), (b":method", b"GET"), GET[1], *AT, headers[1])
    assert made(headers=headers) == Http2Request(expected)


def test_http3_leaves_as_http2_and_is_named() -> None:
    found = made(http_version=b"HTTP/3", headers=((b"a", b"1"),))
    assert found.headers == (*GET, *AT, (b"a", b"1"))
    assert described(found) == ["HTTP/3 -> HTTP/2"]
    assert kinds(found) == [K.HTTP_VERSION]


@pytest.mark.parametrize(
    ("length", "content", "sent", "change"),
    [
        (b"4", b"body", b"4", []),
        (b"04", b"body", b"04", []),
        (b"9", b"body", b"4", ["Content-Length: 9 -> 4"]),
        (b"9", b"", b"0", ["Content-Length: 9 -> 0"]),
        (None, b"body", None, []),
    ],
)
def test_a_contradicting_length_is_mended(
    length: bytes | None, content: bytes, sent: bytes | None, change: list[str]
) -> None:
    def fields(value: bytes | None) -> Headers:
        return () if value is None else ((b"content-length", value), (b"z", b""))

    found = made(headers=fields(length), content=content)
    assert found.headers[4:] == fields(sent)
    assert described(found) == change
    assert made(headers=fields(length), content=content, raw=True).headers[4:] == fields(length)


def test_http1_is_raised() -> None:
    headers = (
        (b"Accept", b"*/*"),
        (b"host", b" B.test:8443 "),
        (b"X-Dup", b"1"),
        (b"cookie", b"a"),
        (b"X-Dup", b"2"),
        (b"Cookie", b"b"),
    )
    found = raised(headers=headers)
    assert found.headers == (
        *GET,
        (b":authority", b"B.test:8443"),
        (b"accept", b"*/*"),
        (b"x-dup", b"1"),
        (b"cookie", b"a"),
        (b"x-dup", b"2"),
        (b"cookie", b"b"),
    )
    assert described(found) == [
        "HTTP/1.1 -> HTTP/2",
        "Host:  B.test:8443  removed, :authority stands for it",
        "in lower case: Accept, X-Dup, Cookie",
    ]
    assert kinds(found) == [K.HTTP_VERSION, K.FIELD_REMOVED, K.LOWER_CASE]


def test_an_absolute_target_names_the_authority() -> None:
    found = raised(authority=b"u@a.test:80", headers=((b"Host", b"b.test"),), path=b"")
    assert found.headers == (*GET[:2], (b":path", b"/"), (b":authority", b"u@a.test:80"))
    assert raised(method=b"OPTIONS", path=b"", headers=()).headers[2] == (b":path", b"*")


def test_a_missing_host_stays_missing() -> None:
    assert raised(http_version=b"HTTP/1.0", headers=()).headers == GET


def test_fields_of_a_connection_are_removed_and_named() -> None:
    gone = (b"Connection", b"keep-alive", b"Proxy-Connection", b"Upgrade", b"HTTP2-Settings")
    gone += (b"Transfer-Encoding", b":path", b"X-Hop", b"TE")
    values = {b"Connection": b"close, TE,x-hop"}
    headers = tuple((name, values.get(name, b"secret")) for name in gone)
    found = raised(headers=(*headers, (b"te", b"Trailers"), (b"a", b"1")), content=b"x")
    assert found.headers == (*GET, (b"te", b"Trailers"), (b"a", b"1"))
    assert kinds(found) == [K.HTTP_VERSION] + [K.FIELD_REMOVED] * len(gone)
    assert not any("secret" in description for description in described(found))


def test_chunks_and_their_trailers() -> None:
    headers = ((b"Content-Length", b"9"), (b"Transfer-Encoding", b"chunked"))
    found = raised(headers=headers, content=b"body", trailers=((b"X-Sum", b"1"),))
    assert found.headers == (*GET, (b"content-length", b"4"))
    assert found.trailers == ((b"x-sum", b"1"),)
    assert described(found)[1:] == [
        "Transfer-Encoding removed",
        "in lower case: Content-Length, X-Sum",
        "Content-Length: 9 -> 4",
    ]


def test_many_names_are_named_in_part() -> None:
    found = raised(headers=tuple((b"X%d" % number, b"") for number in range(30)))
    assert described(found)[1].endswith("X18, X19 and 10 more")


def test_http2_in_the_form_of_http1_is_raised() -> None:
    headers = ((b"Host", b"b.test"), (b"Connection", b"keep-alive"), (b":x", b""), (b"TE", b"a"))
    found = made(authority=b"", headers=headers)
    assert found.headers == ((b":x", b""), *GET, (b":authority", b"b.test"))
    assert kinds(found) == [K.FIELD_REMOVED] * 3
    assert made(authority=b"", headers=headers, raw=True).changes == ()


def test_raw_mends_no_length_of_what_is_raised() -> None:
    found = raised(raw=True, headers=((b"Content-Length", b"9"),), content=b"x")
    assert found.headers == (*GET, (b"content-length", b"9"))


def test_the_plan_names_what_is_dialled_in_both_forms() -> None:
    rule = ConnectTo("", "", 0, "127.0.0.1", 8443)
    at = {"scheme": b"https", "port": 443, "headers": ()}
    plan = planned(http_version=b"HTTP/2.0", connect_to=(rule,), **at)
    assert plan.http2 is not None
    assert plan.http2.changes == plan.changes[-1:]
    assert kinds(plan.http2) == [K.CONNECT_TO]
    plan = planned(version=HttpVersion.TWO, headers=(), connect_to=(rule,))
    assert plan.http2 is not None
    assert kinds(plan.http2) == [K.HTTP_VERSION, K.CONNECT_TO]
    assert plan.changes == plan.http2.changes[1:]
