"""Every transport keeps the same four verbs; and what is TCP's own."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http_connect import HttpConnect
from replayd.wire.scripted import ScriptedTransport
from replayd.wire.settings import TlsSettings, Upstream
from replayd.wire.socks5 import Socks5
from replayd.wire.tls_context import TlsContext
from replayd.wire.transport import Address, TcpTransport, Transport
from replayd.wire.tunnel import Handshake, TunnelTransport
from tests.support.certificates import Authority
from tests.support.peers import Peer, ScriptedPeer, establish, scripted, tcp, tls_pair
from tests.support.processes import DEADLINE
from tests.support.socks import CONNECTED

Pair = Callable[[], AbstractContextManager[tuple[Transport, Peer]]]


@contextmanager
def tunnel(handshake: Handshake, *answers: bytes) -> Iterator[tuple[Transport, Peer]]:
    """A tunnel that stands as soon as it is asked."""
    lower = ScriptedTransport(room=1 << 20)
    with closing(TunnelTransport(lower, handshake)) as transport:
        for answer in answers:
            assert not transport.establish()
            lower.sent.clear()
            lower.arrive(answer)
        yield transport, ScriptedPeer(lower)


def http_tunnel() -> AbstractContextManager[tuple[Transport, Peer]]:
    handshake = HttpConnect("host", 1, Upstream("http", "proxy", 1))
    return tunnel(handshake, b"HTTP/1.1 200 OK\r\n\r\n")


def socks5_tunnel() -> AbstractContextManager[tuple[Transport, Peer]]:
    handshake = Socks5("host", 1, Upstream("socks5", "proxy", 1))
    return tunnel(handshake, b"\5\0", CONNECTED)


PAIRS = {"tcp": tcp, "scripted": scripted, "http tunnel": http_tunnel, "socks5": socks5_tunnel}


@pytest.fixture(params=[*PAIRS, "tls"])
def pair(request: pytest.FixtureRequest, authority: Authority) -> Iterator[tuple[Transport, Peer]]:
    """An established transport and its peer."""
    if request.param == "tls":
        context = TlsContext(TlsSettings(ca_file=str(authority.ca_file)))
        transport, peer, _ = tls_pair(authority.server_context("test.example"), context)
        with closing(transport):
            establish(transport, peer.shake_hands)
            peer.shake_hands()
            yield transport, peer
        return
    with PAIRS[request.param]() as made:
        transport, peer = made
        peer.accept()
        establish(transport)
        yield made


def received(transport: Transport) -> bytes:
    """The next that comes, waited for."""
    while (data := transport.receive()) is None:
        assert select.select([transport], [], [], DEADLINE)[0]
    return data


def test_stands(pair: tuple[Transport, Peer]) -> None:
    transport, _ = pair
    assert transport.establish()
    assert not transport.wants_write
    assert transport.peer.rpartition(":")[2].isdigit()
    assert transport.local.rpartition(":")[2].isdigit()
    assert transport.fileno() >= 0


def test_sends_and_receives(pair: tuple[Transport, Peer]) -> None:
    transport, peer = pair
    assert transport.receive() is None
    assert transport.send(b"ping") == 4
    assert peer.receive(4) == b"ping"
    peer.send(b"pong")
    assert received(transport) == b"pong"
    assert transport.receive() is None


def test_sending_nothing_is_nothing(pair: tuple[Transport, Peer]) -> None:
    transport, _ = pair
    assert transport.send(b"") == 0


def test_takes_no_more_than_fits(pair: tuple[Transport, Peer]) -> None:
    transport, peer = pair
    data = bytes(range(256)) * 4096
    taken = 0
    while size := transport.send(memoryview(data)[taken % len(data) :]):
        taken += size
    assert taken > 0
    got = b""
    while len(got) < min(taken, 100_000):
        got += peer.receive(10_000)
    assert got == (data * 2)[: len(got)]


def test_tells_the_end_again_and_again(pair: tuple[Transport, Peer]) -> None:
    transport, peer = pair
    peer.send(b"last")
    peer.end()
    assert received(transport) == b"last"
    assert received(transport) == b""
    assert received(transport) == b""


def test_a_reset_is_an_error(pair: tuple[Transport, Peer]) -> None:
    transport, peer = pair
    peer.break_off()
    with pytest.raises(WireError) as caught:
        received(transport)
    assert caught.value.reason is Reason.CONNECTION_RESET
    assert transport.peer in caught.value.message or "scripted" in caught.value.message


def test_closes_twice(pair: tuple[Transport, Peer]) -> None:
    transport, _ = pair
    transport.close()
    transport.close()


def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = Address(socket.AF_INET, listener.getsockname())
    with closing(TcpTransport(address)) as transport:
        select.select([], [transport], [], DEADLINE)
        with pytest.raises(WireError, match=r"can't connect to 127.0.0.1:\d+: Connection refused"):
            transport.establish()


def test_connects_from_the_bind_address() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = Address(socket.AF_INET, listener.getsockname())
        with closing(TcpTransport(address, "127.0.0.7")) as transport:
            accepted, peer = listener.accept()
            accepted.close()
            establish(transport)
            assert peer[0] == "127.0.0.7"
            assert transport.local.startswith("127.0.0.7:")


def test_a_bind_address_that_is_not_ours() -> None:
    with pytest.raises(WireError, match=r"--bind-address 192\.0\.2\.1: "):
        TcpTransport(Address(socket.AF_INET, ("127.0.0.1", 1)), "192.0.2.1")


def test_an_address_for_people() -> None:
    address = Address(socket.AF_INET6, ("fe80::1%eth0", 80, 0, 2))
    assert (address.ip, str(address)) == ("fe80::1", "[fe80::1%eth0]:80")
