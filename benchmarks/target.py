"""The bundled server that is replayed against: one epoll loop with prepared answers.

    python -m benchmarks.target [CERTIFICATE KEY]

Prints its port (and the one for TLS), serves until its stdin ends. It reads requests only
as far as it must to tell where one ends and what it asks for (`workloads`: the first
segment of the path), so that it costs far less than what is measured. A request for
COUNT_PATH is answered with how many others it has had.
"""

import heapq
import select
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from functools import lru_cache

from benchmarks.workloads import SLOW, SLOW_SECONDS, answer_bytes

COUNT_PATH = "/.count"

_BACKLOG = 4096
_LENGTH = b"Content-Length: "
_READ = 1 << 16
_KEPT = 32
_START_LINE = 4096
"""Bytes in which every start line that is asked ends."""


def response(content: bytes) -> bytes:
    """Returns a response as it is on the wire."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
    return head % len(content) + content


@lru_cache(_KEPT)
def answer(asked: bytes) -> bytes:
    """Returns what a path with this first segment is answered with."""
    return response(b"x" * answer_bytes(asked.decode()))


def request_size(data: bytes | bytearray) -> int:
    """Returns the size of the first request in `data`, 0 while it is not whole."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return 0
    start = data.find(_LENGTH, 0, head)
    length = int(data[start + len(_LENGTH) : data.index(b"\r", start)]) if start >= 0 else 0
    size = head + 4 + length
    return size if len(data) >= size else 0


def asked_for(request: bytes) -> bytes:
    """Returns the first segment of a request's path."""
    path = request[: request.find(b"\r")].split(b" ")[1]
    return path[1:].partition(b"/")[0]


@dataclass
class Server:
    """All connections and what they wait for; `requests` counts what was answered."""

    poll: select.epoll = field(default_factory=select.epoll)
    peers: dict[int, tuple[socket.socket, bytearray]] = field(default_factory=dict)
    due: list[tuple[float, int, socket.socket]] = field(default_factory=list)
    """Slow answers, the earliest first: when, which one, to whom."""
    requests: int = 0

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection; one whose TLS handshake fails is dropped, with a word."""
        try:
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            print(f"a connection was not accepted: {error}", file=sys.stderr)
            return
        self.peers[peer.fileno()] = peer, bytearray()
        self.poll.register(peer, select.EPOLLIN)

    def serve(self, number: int) -> None:
        """Answers what has come on a connection."""
        peer, buffer = self.peers[number]
        try:
            data = _received(peer)
            buffer += data
            while size := request_size(buffer):
                self._answer(peer, asked_for(bytes(buffer[: min(size, _START_LINE)])))
                del buffer[:size]
        except ConnectionError:
            data = b""
        if not data:
            self.peers.pop(number)
            peer.close()

    def _answer(self, peer: socket.socket, asked: bytes) -> None:
        if asked == COUNT_PATH[1:].encode():
            peer.sendall(response(b"%d" % self.requests))
            return
        self.requests += 1
        if asked == SLOW.encode():
            heapq.heappush(self.due, (time.monotonic() + SLOW_SECONDS, self.requests, peer))
        else:
            peer.sendall(answer(asked))

    def wait(self) -> list[tuple[int, int]]:
        """Returns what can be read; the slow answers whose time comes meanwhile are sent."""
        while (left := self._answer_due()) is not None:
            # select knows microseconds, epoll milliseconds only: too coarse for 20 of them.
            if select.select([self.poll], [], [], left)[0]:
                break
        return self.poll.poll()

    def _answer_due(self) -> float | None:
        """Sends what is due; returns the seconds until more is, None: nothing waits."""
        while self.due:
            left = self.due[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, peer = heapq.heappop(self.due)
            if peer.fileno() in self.peers:
                peer.sendall(answer(SLOW.encode()))
        return None


def _received(peer: socket.socket) -> bytes:
    data = peer.recv(_READ)
    # What TLS has decrypted already is invisible to epoll.
    while isinstance(peer, ssl.SSLSocket) and peer.pending():
        data += peer.recv(_READ)
    return data


def listeners(certificate: list[str]) -> list[socket.socket]:
    """Opens the plain listener and, with a certificate and its key, the one for TLS."""
    opened = [socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)]
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        plain = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        opened.append(context.wrap_socket(plain, server_side=True))
    return opened


def main() -> None:
    """Serves until stdin ends."""
    doors = {each.fileno(): each for each in listeners(sys.argv[1:])}
    print(*(each.getsockname()[1] for each in doors.values()), flush=True)
    server = Server()
    for number in (*doors, sys.stdin.fileno()):
        server.poll.register(number, select.EPOLLIN)
    while True:
        for number, _ in server.wait():
            if number == sys.stdin.fileno():
                return
            if number in doors:
                server.accept(doors[number])
            else:
                server.serve(number)


if __name__ == "__main__":
    main()
