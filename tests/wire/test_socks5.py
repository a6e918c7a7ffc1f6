"""SOCKS5, byte by byte: what the proxy is told, and each way in which it may refuse."""

from collections.abc import Sequence

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.settings import Upstream
from replayd.wire.socks5 import Socks5

ANONYMOUS = Upstream("socks5", "proxy.example", 1080)
KNOWN = Upstream("socks5", "proxy.example", 1080, (b"user", b"pa:s\xe9"))

GREETING, GREETING_WITH_PASSWORD = b"\5\1\0", b"\5\2\0\2"
PASSWORD = b"\1\4user\5pa:s\xe9"
REQUEST = b"\5\1\0\3\4host\x01\xbb"
FINE = b"\5\0\0\1\x7f\0\0\1\0\x50"


def talk(
    answers: Sequence[bytes], upstream: Upstream = ANONYMOUS, host: str = "host", port: int = 443
) -> tuple[bool, list[bytes]]:
    """Whether the tunnel stands after these answers, and what the proxy was told before each."""
    handshake = Socks5(host, port, upstream)
    told, stands = [handshake.outgoing()], False
    for answer in answers:
        assert not stands
        stands = handshake.feed(answer)
        told.append(handshake.outgoing())
    return stands, told


def test_without_credentials() -> None:
    assert talk([b"\5\0", FINE]) == (True, [GREETING, REQUEST, b""])


def test_with_credentials() -> None:
    answers = [b"\5\2", b"\1\0", FINE]
    told = [GREETING_WITH_PASSWORD, PASSWORD, REQUEST, b""]
    assert talk(answers, KNOWN) == (True, told)


def test_credentials_are_for_a_proxy_that_asks() -> None:
    assert talk([b"\5\0", FINE], KNOWN) == (True, [GREETING_WITH_PASSWORD, REQUEST, b""])


def test_a_proxy_that_says_another_version_of_passwords() -> None:
    assert talk([b"\5\2", b"\5\0", FINE], KNOWN)[0]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("host", b"\3\4host"),
        ("b\xfccher.example", b"\3\x15xn--bcher-kva.example"),
        ("127.0.0.1", b"\1\x7f\0\0\1"),
        ("127.1", b"\1\x7f\0\0\1"),
        ("::1", b"\4" + bytes(15) + b"\1"),
        ("[::1]", b"\4" + bytes(15) + b"\1"),
        ("fe80::1%eth0", b"\3\x0cfe80::1%eth0"),
        ("h" * 255, b"\3\xff" + b"h" * 255),
    ],
)
def test_names_are_the_proxys_to_resolve(host: str, address: bytes) -> None:
    _, told = talk([b"\5\0"], host=host, port=0x1234)
    assert told[1] == b"\5\1\0" + address + b"\x12\x34"


@pytest.mark.parametrize(
    "bound", [b"\1\0\0\0\0\0\0", b"\3\0\0\0", b"\3\3abc\0\0", b"\4" + bytes(18)]
)
def test_the_address_that_it_connects_from_is_passed_over(bound: bytes) -> None:
    assert talk([b"\5\0", b"\5\0\0" + bound])[0]


@pytest.mark.parametrize("bound", [b"\1\0\0\0\0\0\x50", b"\3\3abc\0\0", b"\4" + bytes(18)])
def test_answers_that_come_in_pieces(bound: bytes) -> None:
    said = b"\5\2" + b"\1\0" + b"\5\0\0" + bound
    stands, told = talk([bytes([byte]) for byte in said], KNOWN)
    assert stands
    assert b"".join(told) == GREETING_WITH_PASSWORD + PASSWORD + REQUEST


def refusal(answers: Sequence[bytes], upstream: Upstream = ANONYMOUS) -> WireError:
    """What the last of these answers is taken for."""
    handshake = Socks5("host", 443, upstream)
    for answer in answers[:-1]:
        handshake.outgoing()
        assert not handshake.feed(answer)
    handshake.outgoing()
    with pytest.raises(WireError) as caught:
        handshake.feed(answers[-1])
    assert "the upstream proxy socks5://proxy.example:1080 " in caught.value.message
    assert "pa:s" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "general failure"),
        (2, "not allowed by its rules"),
        (3, "the network is unreachable"),
        (4, "the host is unreachable"),
        (5, "the target refused the connection"),
        (6, "the time to live expired"),
        (7, "it does not know CONNECT"),
        (8, "it does not know this type of address"),
        (0x5B, "reply code 91"),
    ],
)
def test_refusals_to_connect(code: int, words: str) -> None:
    error = refusal([b"\5\0", bytes((5, code)) + FINE[2:]])
    assert error.reason is Reason.PROXY_REFUSED
    assert error.message.endswith(f"refused to connect to host:443: {words}")
    assert error.metadata == {"reply": str(code)}


def test_a_refusal_is_known_by_its_first_bytes() -> None:
    assert refusal([b"\5\0", b"\5\2\0\1"]).reason is Reason.PROXY_REFUSED


@pytest.mark.parametrize(
    ("upstream", "answers", "words"),
    [
        (ANONYMOUS, [b"\5\xff"], "it asks for credentials; give them as socks5://USER:PASSWORD@"),
        (KNOWN, [b"\5\xff"], "neither these credentials nor none; check those in --upstream"),
        (KNOWN, [b"\5\2", b"\1\1"], "it does not accept the credentials in --upstream"),
    ],
)
def test_refusals_of_who_we_are(upstream: Upstream, answers: list[bytes], words: str) -> None:
    error = refusal(answers, upstream)
    assert error.reason is Reason.PROXY_REFUSED
    assert words in error.message


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "begins with 0x48; is it a SOCKS5 proxy?"),
        ([b"\0\x5b"], "begins with 0x00"),
        ([b"\5\1"], "the method 1, which was not offered"),
        ([b"\5\2"], "the method 2, which was not offered"),
        ([b"\5\0" + FINE], "it said more than it was asked"),
        ([b"\5\0", b"\4\0\0\1"], "begins with 0x04"),
        ([b"\5\0", b"\5\0\0\2\0\0"], "there is no type of address 2"),
    ],
)
def test_nonsense(answers: list[bytes], words: str) -> None:
    error = refusal(answers)
    assert error.reason is Reason.INVALID_RESPONSE
    assert words in error.message


@pytest.mark.parametrize("answers", [[b""], [b"\5", b""], [b"\5\0", b""], [b"\5\0", b"\5\0", b""]])
def test_a_proxy_that_closes(answers: list[bytes]) -> None:
    error = refusal(answers)
    assert error.reason is Reason.CLOSED_EARLY
    assert "closed the connection before it had connected to host:443" in error.message


def test_what_the_target_says_first_is_its_own() -> None:
    handshake = Socks5("host", 443, ANONYMOUS)
    assert not handshake.feed(b"\5\0")
    handshake.outgoing()
    assert handshake.feed(FINE + b"hello")
    assert handshake.rest == b"hello"
