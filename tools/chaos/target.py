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
import re
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

from tools.chaos.flows import ANSWERS
from tools.chaos.live import FIELD
from tools.chaos.marks import MARK, Mark, send_mark

SLOW_SECONDS = 0.02

_LIVE = re.compile(rb"\r\n" + FIELD + rb": *(\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
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


class Server:
    """All connections, and the slow answers that wait."""

    def __init__(self, book: Book, listener: socket.socket) -> None:
        self._book = book
        self._listener = listener
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)
        self._peers: dict[int, tuple[socket.socket, bytearray]] = {}
        self._new: set[int] = set()
        """Those who have not said anything yet."""
        self._due: list[tuple[float, int, socket.socket, bytes]] = []

    def turn(self) -> None:
        """Waits for something and does it."""
        left = self._due[0][0] - time.monotonic() if self._due else _WAIT
        for number, _ in self._poll.poll(max(left, 0)):
            if number == self._listener.fileno():
                self._accept()
            elif number in self._peers:
                self._serve(number)
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, peer, answer = heapq.heappop(self._due)
            self._send(peer, answer)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                peer, _ = self._listener.accept()
                peer.setblocking(False)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._peers[peer.fileno()] = peer, bytearray()
                self._new.add(peer.fileno())
                self._poll.register(peer, select.EPOLLIN)

    def _serve(self, number: int) -> None:
        """Writes down what has come on a connection, and answers it."""
        try:
            peer, buffer = self._greeted(number)
            data = peer.recv(1 << 16)
            while isinstance(peer, ssl.SSLSocket) and peer.pending():
                data += peer.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except (ConnectionError, ssl.SSLError):
            data, buffer = b"", bytearray()
        buffer += data
        lines = _taken(buffer)
        if any(MARK.encode() in line for line in lines):
            self._read_all_but(number)
        if lines:
            first = self._book.write(lines)
            for place, line in enumerate(lines, first):
                self._answer(number, place, line)
        if not data:
            self._close(number)

    def _greeted(self, number: int) -> tuple[socket.socket, bytearray]:
        """Returns a peer with what is left of what it said, over TLS if it begins so."""
        peer, buffer = self._peers[number]
        if number in self._new:
            first = peer.recv(1, socket.MSG_PEEK)
            self._new.remove(number)
            if first == _HANDSHAKE:
                peer = _tls().wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
                self._peers[number] = peer, buffer
        return self._peers[number]

    def _read_all_but(self, number: int) -> None:
        """Takes in what was sent before a mark: its sender is gone, or waits for the mark."""
        self._accept()
        for other in list(self._peers):
            if other != number and other in self._peers:
                self._serve(other)

    def _answer(self, number: int, place: int, line: bytes) -> None:
        what = line.split()[1].rpartition(b"/")[2].decode()
        if number not in self._peers:
            return
        peer, _ = self._peers[number]
        if what == "close":
            self._close(number)
        elif what == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._close(number)
        else:
            content = b"%d" % place
            head = b"HTTP/1.1 %d Chaos\r\nContent-Length: %d\r\n\r\n"
            answer = head % (ANSWERS.get(what, 200), len(content)) + content
            if what == "slow":
                when = time.monotonic() + SLOW_SECONDS
                heapq.heappush(self._due, (when, place, peer, answer))
            else:
                self._send(peer, answer)

    def _send(self, peer: socket.socket, answer: bytes) -> None:
        if peer.fileno() in self._peers:  # not -1: it is still open
            try:
                peer.sendall(answer)
            except OSError:
                self._close(peer.fileno())

    def _close(self, number: int) -> None:
        self._new.discard(number)
        if number in self._peers:
            self._peers.pop(number)[0].close()


@cache
def _tls() -> ssl.SSLContext:
    """A certificate that nobody trusts, made when the first one asks."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _taken(buffer: bytearray) -> list[bytes]:
    """Takes whole requests off a buffer; returns method and path of each, and its live value."""
    lines = []
    while (head := buffer.find(b"\r\n\r\n")) >= 0:
        length = _LENGTH.search(buffer, 0, head)
        size = head + 4 + (int(length[1]) if length else 0)
        if len(buffer) < size:
            break
        line = bytes(buffer[: buffer.find(b"\r\n")]).rpartition(b" ")[0]
        live = _LIVE.search(buffer, 0, head + 2)
        lines.append(line + b" " + live[1] if live else line)
        del buffer[:size]
    return lines


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
