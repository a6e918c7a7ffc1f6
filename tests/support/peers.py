"""Peers of a transport that a test plays by hand: over TCP, in memory, behind TLS."""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from replayd.wire.scripted import ScriptedTransport
from replayd.wire.tls import TlsTransport
from replayd.wire.tls_context import TlsContext
from replayd.wire.transport import Address, TcpTransport, Transport
from tests.support.processes import DEADLINE


class Peer(Protocol):
    """The other end."""

    def accept(self) -> None:
        """Lets the connection stand."""

    def send(self, data: bytes) -> None:
        """Sends bytes."""

    def receive(self, size: int) -> bytes:
        """Returns exactly so many bytes of what was sent to it."""

    def end(self) -> None:
        """Closes its side."""

    def break_off(self) -> None:
        """Resets the connection."""


class TcpPeer:
    """The other end of a `TcpTransport`."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._stream: socket.socket

    def accept(self) -> None:
        self._stream, _ = self._listener.accept()
        self._stream.settimeout(DEADLINE)

    def send(self, data: bytes) -> None:
        self._stream.sendall(data)

    def receive(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            got += self._stream.recv(size - len(got))
        return got

    def end(self) -> None:
        self._stream.shutdown(socket.SHUT_WR)

    def break_off(self) -> None:
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._stream.close()


class ScriptedPeer:
    """The other end of a `ScriptedTransport`."""

    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport
        self.accept, self.end = transport.accept, transport.end
        self.send, self.break_off = transport.arrive, transport.break_off

    def receive(self, size: int) -> bytes:
        got = bytes(self._transport.sent[:size])
        del self._transport.sent[:size]
        self._transport.room += size
        assert len(got) == size
        return got


class TlsPeer:
    """A TLS server in memory, behind a `ScriptedTransport`; it answers as soon as it can."""

    def __init__(self, transport: ScriptedTransport, context: ssl.SSLContext) -> None:
        self._transport = transport
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.break_off = transport.break_off
        self._plain = bytearray()

    def accept(self) -> None:
        self._transport.accept()

    def shake_hands(self) -> None:
        """Goes on with the handshake; raises ssl.SSLError when the client refuses."""
        self._take()
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            pass
        finally:
            self._transport.arrive(self._outgoing.read())

    def send(self, data: bytes) -> None:
        self.ssl.write(data)
        self._transport.arrive(self._outgoing.read())

    def receive(self, size: int) -> bytes:
        self._plain += self.receive_all()
        got = bytes(self._plain[:size])
        del self._plain[:size]
        assert len(got) == size
        return got

    def receive_all(self) -> bytes:
        """Returns whatever has come."""
        self._take()
        got = b""
        try:
            while piece := self.ssl.read(65536):
                got += piece
        except ssl.SSLWantReadError:
            pass
        return got

    def end(self) -> None:
        try:
            self.ssl.unwrap()
        except ssl.SSLWantReadError:
            self._transport.arrive(self._outgoing.read())
        self._transport.end()

    def _take(self) -> None:
        self._transport.room += len(self._transport.sent)
        self._incoming.write(bytes(self._transport.sent))
        self._transport.sent.clear()


@contextmanager
def tcp() -> Iterator[tuple[Transport, Peer]]:
    """A TCP connection that begins to stand."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        transport = TcpTransport(Address(socket.AF_INET, listener.getsockname()))
        with closing(transport):
            peer = TcpPeer(listener)
            yield transport, peer
            peer._stream.close()


@contextmanager
def scripted() -> Iterator[tuple[Transport, Peer]]:
    """A scripted transport that begins to stand."""
    with closing(ScriptedTransport(established=False, room=1 << 20)) as transport:
        yield transport, ScriptedPeer(transport)


def establish(transport: Transport, progress: Callable[[], None] = lambda: None) -> None:
    """Establishes a transport, letting the peer make progress between the tries."""
    for _ in range(1000):
        if transport.establish():
            return
        progress()
    raise AssertionError("it does not stand")


def tls_pair(
    server: ssl.SSLContext, client: TlsContext, name: str = "test.example"
) -> tuple[TlsTransport, TlsPeer, ScriptedTransport]:
    """A TLS transport and its server, before the handshake."""
    lower = ScriptedTransport(room=1 << 20)
    return TlsTransport(lower, client, name), TlsPeer(lower, server), lower
