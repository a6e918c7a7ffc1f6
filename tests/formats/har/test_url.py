"""URLs of HARs, taken apart."""

import pytest

from replayd.formats.fields import FieldError
from replayd.formats.har.url import parse_url


@pytest.mark.parametrize(
    ("said", "scheme", "host", "port", "path"),
    [
        ("http://a.test", "http", "a.test", 80, b"/"),
        ("HTTPS://A.test/", "https", "A.test", 443, b"/"),
        ("http://a.test:8080/x?y=1", "http", "a.test", 8080, b"/x?y=1"),
        ("http://a.test?y=1", "http", "a.test", 80, b"/?y=1"),
        ("http://a.test:/x", "http", "a.test", 80, b"/x"),
        ("http://[::1]/x", "http", "::1", 80, b"/x"),
        ("http://[::1]:81/x", "http", "::1", 81, b"/x"),
        ("http://me:secret@a.test/x", "http", "a.test", 80, b"/x"),
        ("http://a.test//x/../y/%2e?q=[]{}|^`\"<>&x=", "http", "a.test", 80,
         b"//x/../y/%2e?q=[]{}|^`\"<>&x="),
        ("http://a.test/\u00fc\udce9", "http", "a.test", 80, b"/\xc3\xbc\xe9"),
        (" http://a.test/x\n", "http", "a.test", 80, b"/x"),
        ("http://a.test:99999/", "http", "a.test", 99999, b"/"),
        ("http://a.test:x/", "http", "a.test", 0, b"/"),
        ("data:text/plain,x", "data", "", 0, b"/text/plain,x"),
        ("chrome-extension://abc/x.js", "chrome-extension", "abc", 0, b"/x.js"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(said: str, scheme: str, host: str, port: int, path: bytes) -> None:
    url = parse_url(said)
    assert (url.scheme, url.host, url.port, url.path) == (scheme, host, port, path)
    assert not url.websocket


def test_the_authority_is_what_host_would_be() -> None:
    assert parse_url("http://me@a.test:81/").authority == b"a.test:81"
    assert parse_url("http://[::1]/").authority == b"[::1]"


@pytest.mark.parametrize(("said", "scheme"), [("ws://a.test/", "http"), ("WSS://a.test", "https")])
def test_a_websocket_url_has_the_scheme_of_its_handshake(said: str, scheme: str) -> None:
    url = parse_url(said)
    assert (url.scheme, url.websocket, url.host) == (scheme, True, "a.test")


def test_a_fragment_is_apart() -> None:
    assert parse_url("http://a.test/x?y#z?#").fragment == "#z?#"
    assert parse_url("http://a.test/x?y#z?#").path == b"/x?y"


@pytest.mark.parametrize("said", ["", "/x", "a.test/x", "//a.test/x", "1http://a.test/"])
def test_what_is_no_url_is_said(said: str) -> None:
    with pytest.raises(FieldError, match="is no URL with a scheme"):
        parse_url(said)


def test_a_host_of_odd_bytes_is_none() -> None:
    with pytest.raises(FieldError, match="is no text"):
        parse_url("http://a\udce9/")
