"""CONNECT: what the proxy is told, and each way in which it may refuse."""

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http_connect import HttpConnect
from replayd.wire.settings import Upstream

PROXY = Upstream("http", "proxy.example", 3128)


def asked(host: str, port: int, upstream: Upstream = PROXY) -> bytes:
    """What the proxy gets to read."""
    return HttpConnect(host, port, upstream).outgoing()


def answered(answer: bytes) -> bool:
    """Whether the tunnel stands after an answer."""
    return HttpConnect("host", 443, PROXY).feed(answer)


def test_asks_for_the_target() -> None:
    assert asked("host", 443) == b"CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n"
    assert asked("::1", 8443).startswith(b"CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n")


def test_tells_who_we_are_when_asked_to() -> None:
    upstream = Upstream("http", "proxy.example", 3128, (b"u", b"p"))
    assert b"\r\nProxy-Authorization: Basic dTpw\r\n\r\n" in asked("host", 443, upstream)


@pytest.mark.parametrize("status", [b"200 OK", b"200 Connection established", b"204 x"])
def test_stands_after_any_success(status: bytes) -> None:
    assert answered(b"HTTP/1.1 " + status + b"\r\nVia: x\r\n\r\n")
    assert answered(b"HTTP/1.0 " + status + b"\r\n\r\n")


def test_what_the_target_says_first_is_its_own() -> None:
    handshake = HttpConnect("host", 443, PROXY)
    assert handshake.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello")
    assert handshake.rest == b"hello"


def test_is_said_once_and_read_in_pieces() -> None:
    handshake = HttpConnect("host", 443, PROXY)
    assert handshake.outgoing()
    for byte in b"HTTP/1.1 200 OK\r\n\r":
        assert not handshake.feed(bytes([byte]))
    assert handshake.outgoing() == b""
    assert handshake.feed(b"\n")


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (
            b"HTTP/1.1 403 Not for you\r\nContent-Length: 4\r\n\r\nbody",
            Reason.PROXY_REFUSED,
            "http://proxy.example:3128 refused to connect to host:443: '403 Not for you'",
        ),
        (
            b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n",
            Reason.PROXY_REFUSED,
            "check the credentials in --upstream",
        ),
        (
            b"SOCKS?",
            Reason.INVALID_RESPONSE,
            "in the answer of the upstream proxy http://proxy.example:3128 to CONNECT host:443",
        ),
        (b"HTTP/1.1 200 " + b"x" * 70000, Reason.HEAD_TOO_LARGE, "larger than 65536"),
    ],
)
def test_refusals(answer: bytes, reason: Reason, words: str) -> None:
    with pytest.raises(WireError) as caught:
        answered(answer)
    assert caught.value.reason is reason
    assert words in caught.value.message


def test_a_refusal_carries_the_status() -> None:
    with pytest.raises(WireError) as caught:
        answered(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")
    assert caught.value.metadata == {"status": "502"}


def test_a_proxy_that_closes() -> None:
    with pytest.raises(WireError) as caught:
        answered(b"")
    assert caught.value.reason is Reason.CLOSED_EARLY
