"""A minimal SOCKS5 proxy: connects, relays, and keeps what it was asked.

It may want credentials, refuse, or say any bytes in place of an answer.
"""

import ipaddress
import socket
from collections.abc import Mapping

from tests.support.proxies import relay
from tests.support.scripted_server import Peer, ScriptedServer

CONNECTED = bytes.fromhex("05000001 00000000 0000")
REFUSED = bytes.fromhex("05020001 00000000 0000")
"""Connection not allowed by ruleset."""


class SocksProxy(ScriptedServer):
    """Listens on loopback; `asked` are the targets that clients named, as they named them."""

    def __init__(
        self,
        *,
        credentials: tuple[bytes, bytes] | None = None,
        names: Mapping[str, tuple[str, int]] | None = None,
        answer: bytes = CONNECTED,
    ) -> None:
        """`credentials`: user and password that are let through; None: no authentication.
        `names`: where a name (with any port) is; `answer`: to a request to connect.
        """
        super().__init__(self._proxy)
        self.asked: list[tuple[str, int]] = []
        self._credentials = credentials
        self._names = names or {}
        self._answer = answer

    def _proxy(self, peer: Peer) -> None:
        wanted = 0 if self._credentials is None else 2
        version, count = _read(peer, 2)
        assert version == 5
        if wanted not in _read(peer, count):
            peer.send(b"\x05\xff")
            return
        peer.send(bytes((5, wanted)))
        if self._credentials is not None and not self._authenticated(peer):
            return
        target = self._target(peer)
        peer.send(self._answer)
        if self._answer == CONNECTED:
            with socket.create_connection(target) as upstream:
                relay(peer.stream, upstream)

    def _authenticated(self, peer: Peer) -> bool:
        assert _read(peer, 1) == b"\x01"
        given = tuple(_read(peer, _read(peer, 1)[0]) for _ in range(2))
        peer.send(b"\x01\x00" if given == self._credentials else b"\x01\x01")
        return given == self._credentials

    def _target(self, peer: Peer) -> tuple[str, int]:
        version, command, _, kind = _read(peer, 4)
        assert (version, command) == (5, 1)
        if kind == 3:
            host = _read(peer, _read(peer, 1)[0]).decode()
        else:
            host = str(ipaddress.ip_address(_read(peer, {1: 4, 4: 16}[kind])))
        self.asked.append((host, int.from_bytes(_read(peer, 2))))
        return self._names.get(host, self.asked[-1])


def _read(peer: Peer, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = peer.receive(size - len(data))
        if not piece:
            raise ConnectionError("the client left")
        data += piece
    return data
