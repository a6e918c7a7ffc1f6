"""The server that chaos replays against: it writes each request into its book, then answers.

    python -m tools.chaos.target BOOK PORT

A process of its own, so that it survives the daemon, and the daemon it. Prints its port (0
picks one) and serves until it is killed, over TLS those who begin with a handshake; started
again with the same book and port it goes on where it was. A line of the book is a request, in
the order of arrival; an answer's content is the number of its line, so that each answer in an
event names one arrival. A request for `/.mark/WORDS` writes a line of its own, after everything
that came before.
"""

import contextlib
import heapq
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import trustme

from tools.chaos.flows import ANSWERS, BREAKS
from tools.chaos.marks import MARK, Mark, send_mark
from tools.chaos.speaking import Request, Speaker, speaker_for

SLOW_SECONDS = 0.02

_NO_LINGER = struct.pack("ii", 1, 0)
_WAIT = 10.0
_HANDSHAKE = b"\x16"
"""What a TLS connection begins with, and no request does."""


class Book:
    """The file; its lines are numbered from 0."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        held = path.read_bytes()
        # A kill may have cut the last line; who sent it has had no answer.
        os.ftruncate(self._file, held.rfind(b"\n") + 1)
        self.lines = held.count(b"\n")

    def write(self, lines: list[bytes]) -> int:
        """Adds lines in one write, which outlives this process; returns the first's number."""
        os.write(self._file, b"".join(line + b"\n" for line in lines))
        self.lines += len(lines)
        return self.lines - len(lines)


class Peer:
    """A connection, and what is spoken on it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.greeted = False
        """Whether it was looked whether it begins with a handshake of TLS."""
        self.speaker: Speaker | None = None

    def read(self) -> bytes:
        """Returns what has come; empty: its end. Raises OSError, BlockingIOError for nothing."""
        if not self.greeted:
            first = self.socket.recv(1, socket.MSG_PEEK)
            self.greeted = True
            if first == _HANDSHAKE:
                self.socket = _tls().wrap_socket(
                    self.socket, server_side=True, do_handshake_on_connect=False
                )
        data = self.socket.recv(1 << 16)
        while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            data += self.socket.recv(1 << 16)
        return data


class Server:
    """All connections, and the slow answers that wait."""

    def __init__(self, book: Book, listener: socket.socket) -> None:
        self._book = book
        self._listener = listener
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)
        self._peers: dict[int, Peer] = {}
        self._due: list[tuple[float, int, Peer, Request]] = []

    def turn(self) -> None:
        """Waits for something and does it."""
        left = self._due[0][0] - time.monotonic() if self._due else _WAIT
        for number, _ in self._poll.poll(max(left, 0)):
            if number == self._listener.fileno():
                self._accept()
            elif number in self._peers:
                self._serve(self._peers[number])
        while self._due and self._due[0][0] <= time.monotonic():
            _, place, peer, request = heapq.heappop(self._due)
            self._answer(peer, place, request, 200)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._peers[connection.fileno()] = Peer(connection)
                self._poll.register(connection, select.EPOLLIN)

    def _serve(self, peer: Peer) -> None:
        """Writes down what has come on a connection, and answers it."""
        try:
            data = peer.read()
            if peer.speaker is None:
                peer.speaker = speaker_for(data)
            requests, reply = peer.speaker.take(data)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except (ConnectionError, ssl.SSLError, ValueError):
            self._close(peer)
            return
        if any(MARK.encode() in request.line for request in requests):
            self._read_all_but(peer)
        if reply:
            self._send(peer, reply)
        if requests:
            first = self._book.write([request.line for request in requests])
            for place, request in enumerate(requests, first):
                self._treat(peer, place, request)
        if not data:
            self._close(peer)

    def _read_all_but(self, peer: Peer) -> None:
        """Takes in what was sent before a mark: its sender is gone, or waits for the mark."""
        self._accept()
        for other in list(self._peers.values()):
            if other is not peer and other.socket.fileno() in self._peers:
                self._serve(other)

    def _treat(self, peer: Peer, place: int, request: Request) -> None:
        """Does with a request what its path says."""
        what = request.line.split()[1].rpartition(b"/")[2].decode()
        if what == "slow":
            heapq.heappush(self._due, (time.monotonic() + SLOW_SECONDS, place, peer, request))
        elif what in BREAKS:
            assert peer.speaker is not None
            if last := peer.speaker.breaks(request):
                self._send(peer, last)
                return
            if what == "reset":
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._close(peer)
        else:
            self._answer(peer, place, request, ANSWERS.get(what, 200))

    def _answer(self, peer: Peer, place: int, request: Request, status: int) -> None:
        assert peer.speaker is not None
        self._send(peer, peer.speaker.answer(request, status, b"%d" % place))

    def _send(self, peer: Peer, data: bytes) -> None:
        if peer.socket.fileno() in self._peers:  # not -1: it is still open
            try:
                peer.socket.sendall(data)
            except OSError:
                self._close(peer)

    def _close(self, peer: Peer) -> None:
        self._peers.pop(peer.socket.fileno(), None)
        peer.socket.close()


@cache
def _tls() -> ssl.SSLContext:
    """A certificate that nobody trusts, made when the first one asks."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2", "http/1.1"])
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


class Target:
    """The server's process, as chaos handles it."""

    def __init__(self, book: Path) -> None:
        self.book = book
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, again on the port that it had."""
        command = [sys.executable, "-m", "tools.chaos.target", str(self.book), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def mark(self, mark: Mark) -> None:
        """Writes a mark into the book, after all that was sent to it before."""
        send_mark(self.port, mark)

    def kill(self) -> None:
        """Kill -9. Idempotent."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


def main() -> None:
    """Serves until it is killed."""
    book, port = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=4096)
    listener.setblocking(False)
    server = Server(Book(Path(book)), listener)
    print(listener.getsockname()[1], flush=True)
    while True:
        server.turn()


if __name__ == "__main__":
    main()
