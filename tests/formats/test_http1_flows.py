"""Messages on the wire to requests and responses; more of it in tests of the formats."""

import pytest

from replayd.formats.http1_flows import (
    Destination,
    Service,
    Times,
    destination,
    in_origin_form,
    kind_of,
    read_exchange,
    read_request,
    read_response,
)
from replayd.formats.http1_messages import MessageError
from replayd.model.flow import FlowKind, Request

GET = b"GET /x HTTP/1.1\r\nHost: a.test:81\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def request(data: bytes, service: Service | None = None) -> tuple[Request, list[str]]:
    found = read_request(data, end="it ends", service=service, any_version=True)
    return found.request, found.notes


def test_a_request_says_where_it_went_unless_the_capture_does() -> None:
    found, notes = request(GET)
    assert (found.scheme, found.host, found.port, found.path) == (b"http", "a.test", 81, b"/x")
    assert notes == []
    found, _ = request(GET, Service("https", "b.test", 8443))
    assert (found.scheme, found.host, found.port) == (b"https", "b.test", 8443)
    assert found.headers == ((b"Host", b"a.test:81"),)


@pytest.mark.parametrize(
    ("method", "target", "found"),
    [
        (b"GET", b"/x", Destination(b"http", "h", 80, b"", b"/x")),
        (b"GET", b"HTTPS://u@b:9?q", Destination(b"https", "b", 9, b"u@b:9", b"?q")),
        (b"CONNECT", b"c:443", Destination(b"http", "c", 443, b"c:443", b"")),
    ],
)
def test_a_target_says_more_than_host(method: bytes, target: bytes, found: Destination) -> None:
    assert destination(method, target, ((b"Host", b"h"),)) == found


@pytest.mark.parametrize("version", [b"HTTP/2", b"HTTP/2.0", b"HTTP/3"])
def test_an_http2_content_is_all_that_follows(version: bytes) -> None:
    data = b"POST / %b\r\nhost: a\r\n\r\nbody" % version
    found, _ = request(data)
    assert found.content == b"body"
    assert found.http_version == (b"HTTP/3" if version == b"HTTP/3" else b"HTTP/2.0")
    with pytest.raises(MessageError, match="not with a request line"):
        read_request(data, end="it ends")


def test_what_is_cut_is_missing_and_noted() -> None:
    found, notes = request(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
    assert found.content is None
    assert notes == ["the request's content is cut: it ends after 3 bytes of it"]


def test_chunks_that_are_none_are_the_content() -> None:
    found, [note] = request(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n")
    assert found.content == b"{}\r\n"
    assert "not in chunks" in note


def test_the_final_response_counts() -> None:
    data = b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + OK
    found = read_response(data, method=b"GET", end="it ends", start_time=5)
    assert (found.response.status_code, found.response.start_time) == (200, 5)
    assert found.next == len(data) - len(OK)


def test_an_exchange_keeps_what_can_be_read() -> None:
    times = Times(1, 2, 3, 4)
    found = read_exchange(GET, OK, end="it ends", service=None, times=times)
    assert found.request is not None
    assert found.response is not None
    assert (found.request.start_time, found.request.end_time) == (1, 2)
    assert (found.response.start_time, found.response.end_time) == (3, 4)
    odd = read_exchange(GET + b"x=1", b"nonsense", end="it ends", service=None, times=times)
    assert odd.request == found.request._replace(content=b"x=1")
    assert odd.response is None
    assert [note.partition(":")[0] for note in odd.notes] == [
        "3 bytes follow where its fields say that the request ends",
        "the recorded response was left out",
    ]
    none = read_exchange(b"", OK, end="it ends", service=None, times=times)
    assert none.request is None
    assert none.response == found.response


@pytest.mark.parametrize(
    ("fields", "body", "content", "noted"),
    [
        (b"Content-Length: 2\r\n", b"abcd", b"abcd", "2 bytes follow where"),
        (b"Content-Length: 2\r\n", b"ab\r\n", b"ab", ""),
        (b"", b"\r\n", b"", ""),
        (b"", b"GET /2 HTTP/1.1\r\n\r\n", b"GET /2 HTTP/1.1\r\n\r\n", "19 bytes follow"),
        (
            b"Transfer-Encoding: chunked\r\n",
            b"1\r\na\r\n0\r\n\r\nbc",
            b"a",
            "2 bytes after the last",
        ),
    ],
)
def test_a_request_that_stands_alone_has_all_that_was_sent(
    fields: bytes, body: bytes, content: bytes, noted: str
) -> None:
    data = b"POST / HTTP/1.1\r\n" + fields + b"\r\n" + body
    found = read_exchange(data, b"", end="it ends", service=None, times=Times())
    assert found.request is not None
    assert found.request.content == content
    assert len(found.notes) == bool(noted)
    assert "".join(found.notes).startswith(noted)


def test_a_version_has_one_spelling() -> None:
    found = read_response(b"HTTP/2 200 OK\r\n\r\n", method=b"GET", end="it ends")
    assert found.response.http_version == b"HTTP/2.0"


def test_an_upgrade_is_a_websocket() -> None:
    asked = GET.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\n\r\n")
    switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    found = read_exchange(asked, switched, end="it ends", service=None, times=Times())
    assert kind_of(found.request, found.response) is FlowKind.WEBSOCKET
    assert kind_of(found.request, None) is kind_of(None, None) is FlowKind.HTTP


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (b"GET http://a/x", b"/x"),
        (b"GET http://a?q", b"/?q"),
        (b"OPTIONS http://a", b"*"),
        (b"CONNECT a:1", b""),
        (b"GET /x", b"/x"),
    ],
)
def test_a_proxy_sends_the_path_on(line: bytes, path: bytes) -> None:
    found, _ = request(line + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    sent_on = in_origin_form(found)
    assert (sent_on.path, bool(sent_on.authority)) == (path, found.method == b"CONNECT")
