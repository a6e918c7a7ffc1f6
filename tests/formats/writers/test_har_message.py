"""Requests and responses as objects of a HAR."""

import gzip

import pytest

from replayd.formats.writers.har_message import request_object, response_object
from replayd.formats.writers.json_pieces import Base64, LongText
from replayd.model.flow import Response
from tests.support.replayed import REQUEST


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "https://a.test/p?q=1"),
        ({"port": 8443}, "https://a.test:8443/p?q=1"),
        ({"scheme": b"http", "port": 80}, "http://a.test/p?q=1"),
        ({"host": "::1"}, "https://[::1]/p?q=1"),
        ({"path": b"*"}, "https://a.test/*"),
        ({"path": b"/a#b"}, "https://a.test/a%23b"),
        ({"path": b"/\xff"}, "https://a.test/\udcff"),
    ],
)
def test_urls(changes: dict[str, object], url: str) -> None:
    assert request_object(REQUEST._replace(**changes))["url"] == url


def test_a_request() -> None:
    headers = (
        (b"Cookie", b"a=1; b = x=y;"),
        (b"Content-Type", b"text/plain"),
        (b"cookie", b"c"),
    )
    found = request_object(REQUEST._replace(headers=headers, path=b"/?a=1&a=%C3%A9&b"))
    assert found["queryString"] == [
        {"name": "a", "value": "1"},
        {"name": "a", "value": "é"},
        {"name": "b", "value": ""},
    ]
    assert found["cookies"] == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": "x=y"},
        {"name": "c", "value": ""},
    ]
    assert found["headers"][0] == {"name": "Cookie", "value": "a=1; b = x=y;"}  # type: ignore[index]
    assert found["postData"] == {"mimeType": "text/plain", "text": LongText(b"abc")}
    assert found["bodySize"] == 3


def test_a_request_without_content_has_no_post_data() -> None:
    assert "postData" not in request_object(REQUEST._replace(content=b""))


def test_a_binary_request_content_is_base64() -> None:
    found = request_object(REQUEST._replace(content=b"\xff\x00"))
    assert found["postData"] == {
        "mimeType": "",
        "text": Base64(b"\xff\x00"),
        "encoding": "base64",
    }


def test_a_response() -> None:
    content = gzip.compress(b"hello" * 20)
    headers = (
        (b"Content-Type", b"text/html"),
        (b"Content-Encoding", b"gzip"),
        (b"Location", b"/there"),
        (b"Set-Cookie", b"a=1; Path=/x; Domain=a.test; Secure; HttpOnly"),
        (b"Set-Cookie", b"b=2; expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    )
    found = response_object(Response(b"HTTP/1.1", 302, b"Found", headers, content), size=77)
    assert (found["status"], found["statusText"], found["bodySize"]) == (302, "Found", 77)
    assert found["content"] == {
        "size": 100,
        "compression": 100 - len(content),
        "mimeType": "text/html",
        "text": LongText(b"hello" * 20),
    }
    assert found["redirectURL"] == "/there"
    assert found["cookies"] == [
        {
            "name": "a",
            "value": "1",
            "path": "/x",
            "domain": "a.test",
            "httpOnly": True,
            "secure": True,
        },
        {"name": "b", "value": "2", "httpOnly": False, "secure": False},
    ]


def test_no_response_has_status_0() -> None:
    found = response_object(None, size=0)
    assert (found["status"], found["bodySize"]) == (0, -1)
    assert found["content"] == {"size": 0, "mimeType": ""}
