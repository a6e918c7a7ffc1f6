"""TLS around a transport: what is verified, and how each failure is told."""

import datetime
import ssl
from contextlib import closing

import pytest
import trustme

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.settings import TlsSettings
from replayd.wire.tls import TlsTransport
from replayd.wire.tls_context import TlsContext
from replayd.wire.transport import Transport
from tests.support.certificates import Authority
from tests.support.peers import TlsPeer, establish, tls_pair


def trusting(authority: Authority, **settings: str) -> TlsContext:
    return TlsContext(TlsSettings(ca_file=str(authority.ca_file), **settings))


def refusal(transport: TlsTransport, peer: TlsPeer) -> WireError:
    """How the client ends the handshake."""
    with closing(transport), pytest.raises(WireError) as caught:
        establish(transport, peer.shake_hands)
    return caught.value


def test_stands_and_says_what_was_agreed_on(authority: Authority) -> None:
    transport, peer, _ = tls_pair(authority.server_context("test.example"), trusting(authority))
    with closing(transport):
        establish(transport, peer.shake_hands)
        facts = transport.facts()
    assert (facts["tls_version"], facts["server_name"]) == ("TLSv1.3", "test.example")
    assert facts["tls_cipher"].startswith("TLS_")
    assert facts["alpn"] == ""


@pytest.mark.parametrize(("spoken", "chosen"), [(["h2"], "h2"), (["http/1.1"], "")])
def test_says_which_protocol_was_chosen(
    authority: Authority, spoken: list[str], chosen: str
) -> None:
    server = authority.server_context("test.example")
    server.set_alpn_protocols(spoken)
    # OpenSSL as server goes on without a protocol where there is none in common.
    transport, peer, _ = tls_pair(server, trusting(authority).offering(("h2",)))
    with closing(transport):
        establish(transport, peer.shake_hands)
        assert transport.facts()["alpn"] == chosen


@pytest.mark.parametrize(
    ("certified", "asked"), [("wrong.example", "test.example"), ("127.0.0.1", "127.0.0.2")]
)
def test_a_certificate_for_another_name(authority: Authority, certified: str, asked: str) -> None:
    pair = tls_pair(authority.server_context(certified), trusting(authority), asked)
    error = refusal(pair[0], pair[1])
    assert error.reason is Reason.CERTIFICATE_INVALID
    assert asked in error.message
    assert "--ca-file" in error.message
    assert "--insecure" in error.message


def test_a_certificate_of_nobody_we_trust(authority: Authority) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("test.example").configure_cert(server)
    transport, peer, _ = tls_pair(server, trusting(authority))
    error = refusal(transport, peer)
    assert error.reason is Reason.CERTIFICATE_INVALID
    assert "certificate" in error.message.partition("not accepted: ")[2]


def test_an_expired_certificate() -> None:
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    authority.issue_cert("test.example", not_after=past).configure_cert(server)
    client = TlsContext(TlsSettings())
    authority.configure_trust(client.context)
    transport, peer, _ = tls_pair(server, client)
    error = refusal(transport, peer)
    assert error.reason is Reason.CERTIFICATE_INVALID
    assert "expired" in error.message


def test_insecure_takes_any_certificate(authority: Authority) -> None:
    server = authority.server_context("wrong.example")
    transport, peer, _ = tls_pair(server, TlsContext(TlsSettings(insecure=True)))
    with closing(transport):
        establish(transport, peer.shake_hands)


@pytest.mark.parametrize(
    ("name", "asked"), [("test.example", "test.example"), ("test.example.", "test.example")]
)
def test_asks_for_a_name(authority: Authority, name: str, asked: str) -> None:
    assert _asked_name(authority, name) == asked


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_does_not_ask_for_an_address_but_verifies_it(authority: Authority, address: str) -> None:
    assert _asked_name(authority, address) is None


def _asked_name(authority: Authority, name: str) -> str | None:
    """The SNI that a server sees."""
    seen: list[str | None] = []
    server = authority.server_context(name.removesuffix("."))
    server.sni_callback = lambda _, asked, __: seen.append(asked)
    transport, peer, _ = tls_pair(server, trusting(authority), name)
    with closing(transport):
        establish(transport, peer.shake_hands)
        assert transport.facts()["server_name"] == (seen[0] or "")
    return seen[0]


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64 + ".example", "a\0b"])
def test_a_name_that_tls_can_not_ask_for(authority: Authority, name: str) -> None:
    with pytest.raises(WireError, match="can't be a TLS server name") as caught:
        tls_pair(authority.server_context("test.example"), trusting(authority), name)
    assert caught.value.reason is Reason.TLS_FAILED


def test_a_server_that_does_not_speak_tls(authority: Authority) -> None:
    transport, _, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    lower.arrive(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with closing(transport), pytest.raises(WireError, match="wrong version number") as caught:
        transport.establish()
    assert caught.value.reason is Reason.TLS_FAILED


def test_a_server_that_closes_in_the_handshake(authority: Authority) -> None:
    transport, _, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    lower.end()
    with closing(transport), pytest.raises(WireError, match="closed the connection") as caught:
        transport.establish()
    assert caught.value.reason is Reason.TLS_FAILED


def test_versions_that_do_not_meet(authority: Authority) -> None:
    server = authority.server_context("test.example")
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    transport, peer, _ = tls_pair(server, trusting(authority, min_version="1.3"))
    with closing(transport):
        assert not transport.establish()
        with pytest.raises(ssl.SSLError):
            peer.shake_hands()
        with pytest.raises(WireError) as caught:
            transport.establish()
    assert caught.value.reason is Reason.TLS_FAILED


def test_the_end_without_a_goodbye_is_an_end(authority: Authority) -> None:
    transport, peer, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    with closing(transport):
        establish(transport, peer.shake_hands)
        lower.end()
        assert [transport.receive(), transport.receive()] == [b"", b""]


def test_what_comes_with_the_end_is_told_before_it(authority: Authority) -> None:
    transport, peer, _ = tls_pair(authority.server_context("test.example"), trusting(authority))
    with closing(transport):
        establish(transport, peer.shake_hands)
        peer.shake_hands()
        assert transport.receive() is None  # tickets for later sessions
        _in_one_piece(peer, b"last")
        assert not transport.buffered
        assert transport.receive() == b"last"
        assert transport.buffered
        assert transport.receive() == b""


def _in_one_piece(peer: TlsPeer, data: bytes) -> None:
    """Sends data and the goodbye so that they arrive together."""
    peer.ssl.write(data)
    with pytest.raises(ssl.SSLWantReadError):
        peer.ssl.unwrap()
    peer._transport.arrive(peer._outgoing.read())


def test_resumes_a_session(authority: Authority) -> None:
    server, client = authority.server_context("test.example"), trusting(authority)
    reused = []
    for _ in range(2):
        transport, peer, _ = tls_pair(server, client)
        with closing(transport):
            establish(transport, peer.shake_hands)
            peer.shake_hands()
            peer.send(b"data")
            while transport.receive() is None:
                pass
            reused.append(peer.ssl.session_reused)
    assert reused == [False, True]


def test_encrypts_no_more_than_the_transport_below_takes(authority: Authority) -> None:
    transport, peer, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    data = bytes(range(256)) * 1024
    with closing(transport):
        establish(transport, peer.shake_hands)
        peer.shake_hands()
        lower.sent.clear()
        lower.room = 100
        sent = transport.send(data)
        assert 0 < sent < len(data)
        assert transport.wants_write
        got = b""
        while len(got) < len(data):
            got += peer.receive_all()
            lower.room = 5000
            sent += transport.send(data[sent:])
    assert got == data


def test_a_break_after_some_has_left_is_told_by_the_next_call(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, peer, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    take = lower.send

    def take_once(data: memoryview) -> int:
        size = take(data)
        lower.break_off()
        return size

    with closing(transport):
        establish(transport, peer.shake_hands)
        lower.sent.clear()
        monkeypatch.setattr(lower, "send", take_once)
        assert 0 < transport.send(bytes(100_000)) < 100_000
        assert lower.sent
        with pytest.raises(WireError, match="broke"):
            transport.send(b"more")


def test_a_break_before_anything_has_left_is_told(authority: Authority) -> None:
    transport, peer, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    with closing(transport):
        establish(transport, peer.shake_hands)
        lower.break_off()
        with pytest.raises(WireError, match="broke"):
            transport.send(b"data")


def test_a_second_handshake_lets_data_wait(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shaking(data: memoryview) -> int:
        raise ssl.SSLWantReadError

    transport, peer, _ = tls_pair(authority.server_context("test.example"), trusting(authority))
    with closing(transport):
        establish(transport, peer.shake_hands)
        with monkeypatch.context() as patched:
            patched.setattr(transport._ssl, "write", shaking)
            assert transport.send(b"data") == 0
        assert transport.send(b"data") == 4


def test_the_end_that_was_read_below_is_to_be_told(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, _, lower = tls_pair(authority.server_context("test.example"), trusting(authority))
    with closing(transport):
        assert not transport.buffered
        monkeypatch.setattr(lower, "buffered", True)
        assert transport.buffered


def test_tls_in_tls(authority: Authority) -> None:
    context = trusting(authority)
    outer, outer_peer, _ = tls_pair(authority.server_context("test.example"), context)
    establish(outer, outer_peer.shake_hands)
    inner: Transport = TlsTransport(outer, context, "test.example")
    with closing(inner):
        assert not inner.establish()
        hello = outer_peer.receive_all()
    assert hello.startswith(b"\x16\x03\x01")
