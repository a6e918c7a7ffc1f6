import gzip
import zlib

import pytest

from replayd.filters.subject import Subject
from replayd.model.flow import (
    Flow,
    FlowKind,
    Headers,
    Request,
    Response,
    WebSocket,
    WebSocketMessage,
    WebSocketMessageKind,
)


def asked(
    *headers: tuple[bytes, bytes],
    authority: bytes = b"",
    version: bytes = b"HTTP/1.1",
    method: bytes = b"GET",
    port: int = 443,
    path: bytes = b"/a",
) -> Subject:
    request = Request(method, b"https", "10.0.0.1", port, path, version, headers, b"", authority)
    return Subject(Flow(request=request))


@pytest.mark.parametrize(
    ("found", "url"),
    [
        (asked(), "https://10.0.0.1/a"),
        (asked(port=8443), "https://10.0.0.1:8443/a"),
        (asked((b"hOST", b"shop.test")), "https://shop.test/a"),
        (asked((b"Host", b"shop.test:444")), "https://shop.test:444/a"),
        (asked((b"Host", b"[::1]:444")), "https://[::1]:444/a"),
        (asked((b"Host", b"[::1]")), "https://[::1]/a"),
        (asked(authority=b"h2.test", version=b"HTTP/2.0"), "https://h2.test/a"),
        (asked((b"host", b"b.test"), version=b"HTTP/2.0"), "https://b.test/a"),
        (asked(path=b"*", method=b"OPTIONS"), "https://10.0.0.1"),
        (asked(method=b"CONNECT", authority=b"shop.test:443"), "shop.test:443"),
        (asked(method=b"CONNECT"), "10.0.0.1:443"),
        (asked(path=b"/\xe4"), "https://10.0.0.1/\udce4"),
    ],
)
def test_the_url_has_the_host_that_the_request_names(found: Subject, url: str) -> None:
    assert found.url == url


def test_both_hosts_are_looked_at() -> None:
    assert asked((b"Host", b"shop.test:444")).hosts == ("10.0.0.1", "shop.test")


def test_a_flow_without_request_has_nothing_to_look_at() -> None:
    empty = Subject(Flow())
    assert (empty.hosts, empty.url, empty.request_head, empty.response_head) == (
        (),
        None,
        None,
        None,
    )
    assert empty.request_contents == empty.response_contents == ()


def answered(content: bytes | None, *headers: tuple[bytes, bytes]) -> tuple[bytes, ...]:
    response = Response(b"HTTP/1.1", 200, headers=headers, content=content)
    return Subject(Flow(response=response)).response_contents


def coding(name: bytes) -> Headers:
    return ((b"Content-Encoding", name),)


RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"text", (), b"text"),
        (gzip.compress(b"text", mtime=0), coding(b" GZIP"), b"text"),
        (zlib.compress(b"text"), coding(b"deflate"), b"text"),
        (RAW_DEFLATE.compress(b"text") + RAW_DEFLATE.flush(), coding(b"deflate"), b"text"),
        (gzip.compress(b"text", mtime=0)[:-9], coding(b"gzip"), b"text"),
        (b"no gzip", coding(b"gzip"), b"no gzip"),
        (b"no deflate", coding(b"deflate"), b"no deflate"),
        (b"brotli", coding(b"br"), b"brotli"),
        (b"twice", coding(b"gzip") * 2, b"twice"),
        (b"", coding(b"gzip"), b""),
    ],
)
def test_contents_are_unpacked(content: bytes, headers: Headers, expected: bytes) -> None:
    assert answered(content, *headers) == (expected,)


def test_what_a_capture_left_out_is_not_searched() -> None:
    assert answered(None) == ()


def test_a_bomb_is_unpacked_as_far_as_the_limit() -> None:
    packed = gzip.compress(bytes(1 << 20))
    response = Response(b"HTTP/1.1", 200, headers=coding(b"gzip"), content=packed)
    assert Subject(Flow(response=response), 1000).response_contents == (bytes(1000),)


def test_messages_are_contents_of_who_said_them() -> None:
    kind = WebSocketMessageKind.TEXT
    messages = (WebSocketMessage(kind, True, b"ours"), WebSocketMessage(kind, False, b"theirs"))
    found = Subject(Flow(kind=FlowKind.WEBSOCKET, websocket=WebSocket(messages)))
    assert (found.request_contents, found.response_contents) == ((b"ours",), (b"theirs",))
