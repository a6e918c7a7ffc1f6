"""A minimal HTTP proxy: tunnels by CONNECT, answers absolute-form requests itself.

It speaks plainly or TLS, may want credentials or refuse, and keeps each request it saw.
"""

import select
import socket
import ssl

from tests.support.processes import DEADLINE
from tests.support.scripted_server import Peer, ScriptedServer

PROXIED = b"HTTP/1.1 200 OK\r\nVia: proxy\r\nContent-Length: 7\r\n\r\nproxied"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
DENIED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


class Proxy(ScriptedServer):
    """Listens on loopback; `requests` are what clients said to the proxy itself."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        authorization: bytes | None = None,
        connect_answer: bytes = ESTABLISHED,
    ) -> None:
        """`authorization`: the Proxy-Authorization that is let through; None: any."""
        super().__init__(self._proxy, tls=tls)
        self._authorization = authorization
        self._connect_answer = connect_answer

    def _proxy(self, peer: Peer) -> None:
        while True:
            request = peer.request()
            if not self._allowed(request):
                peer.send(DENIED)
            elif request.startswith(b"CONNECT "):
                peer.send(self._connect_answer)
                if self._connect_answer is ESTABLISHED:
                    host, _, port = request.split(b" ")[1].decode().rpartition(":")
                    with socket.create_connection((host.strip("[]"), int(port))) as target:
                        relay(peer.stream, target)
                return
            else:
                peer.send(PROXIED)

    def _allowed(self, request: bytes) -> bool:
        if self._authorization is None:
            return True
        return b"\r\nProxy-Authorization: " + self._authorization + b"\r\n" in request


def relay(client: socket.socket | ssl.SSLSocket, target: socket.socket) -> None:
    """Passes bytes both ways until one side ends."""
    while True:
        ready, _, _ = select.select([client, target], [], [], DEADLINE)
        for source, sink in ((client, target), (target, client)):
            pending = isinstance(source, ssl.SSLSocket) and source.pending()
            if source in ready or pending:
                data = source.recv(65536)
                if not data:
                    return
                sink.sendall(data)
