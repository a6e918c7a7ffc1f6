"""A server whose every byte is scripted: one script a connection, no HTTP of its own.

Scripts wait for bytes or events, never for time. What arrived is kept by connection. A
script that fails fails its test when the server closes.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

from tests.support.processes import DEADLINE
from tests.support.request_reader import RequestReader

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """One accepted connection, as its script sees it."""

    def __init__(self, stream: socket.socket | ssl.SSLSocket, released: threading.Event) -> None:
        self.released = released
        """Set by the test, or when the server closes."""
        self.requests: list[bytes] = []
        """Each request that was read, whole."""
        self.stream = stream
        self._incoming = iter(RequestReader(stream))

    def request(self) -> bytes:
        """Reads the next request."""
        self.requests.append(next(self._incoming)[2])
        return self.requests[-1]

    def receive(self, size: int) -> bytes:
        """Reads up to `size` bytes as they come."""
        return self.stream.recv(size)

    def send(self, data: bytes) -> None:
        """Writes bytes as they are."""
        self.stream.sendall(data)

    def answer(self, data: bytes = OK) -> None:
        """Reads a request and answers it."""
        self.request()
        self.send(data)

    def reset(self) -> None:
        """Breaks the connection off with a TCP reset."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def until_closed(self) -> None:
        """Waits until the client has closed, reading on."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while self.stream.recv(65536):
                pass

    def until_released(self) -> None:
        """Waits until the test lets the script go on."""
        assert self.released.wait(DEADLINE), "nobody released the script"


Script = Callable[[Peer], None]


def answers(*responses: bytes) -> Script:
    """A script that answers one request after the other, then closes."""

    def script(peer: Peer) -> None:
        for response in responses:
            peer.answer(response)

    return script


def silent(peer: Peer) -> None:
    """A script that reads and never answers."""
    peer.until_closed()


class ScriptedServer:
    """Listens on loopback; the n-th connection runs the n-th script, the last one again."""

    def __init__(
        self, *scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.released = threading.Event()
        self.peers: list[Peer] = []
        self.host = host
        self._scripts = scripts
        self._tls = tls
        self._failures: list[Exception] = []
        self._streams: list[socket.socket] = []
        self._changed = threading.Condition()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def requests(self) -> list[bytes]:
        """Every request, connection by connection."""
        return [request for peer in self.peers for request in peer.requests]

    def wait_for_peers(self, count: int) -> None:
        """Waits until so many connections were accepted."""
        end = time.monotonic() + DEADLINE
        with self._changed:
            while len(self.peers) < count:
                assert self._changed.wait(end - time.monotonic()), f"{len(self.peers)} of {count}"

    def close(self) -> None:
        """Ends every connection and raises what a script failed with."""
        self.released.set()
        _shut_down(self._listener)
        self._join(self._threads[0])
        self._listener.close()
        for stream in self._streams:
            _shut_down(stream)
        for thread in self._threads:
            self._join(thread)
        if self._failures:
            raise self._failures[0]

    @staticmethod
    def _join(thread: threading.Thread) -> None:
        thread.join(DEADLINE)
        assert not thread.is_alive(), "a script did not end"

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self._tls is not None:
                stream = self._tls.wrap_socket(
                    stream, server_side=True, do_handshake_on_connect=False
                )
            script = self._scripts[min(len(self._streams), len(self._scripts) - 1)]
            self._streams.append(stream)
            thread = threading.Thread(target=self._serve, args=(stream, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, stream: socket.socket, script: Script) -> None:
        try:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if isinstance(stream, ssl.SSLSocket):
                stream.do_handshake()
            peer = Peer(stream, self.released)
            with self._changed:
                self.peers.append(peer)
                self._changed.notify_all()
            script(peer)
        except (OSError, StopIteration):
            pass  # The client left: what it made of that is the test's question.
        except Exception as error:  # noqa: BLE001 - raised by `close`, in the test's thread
            self._failures.append(error)
        finally:
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _shut_down(stream: socket.socket) -> None:
    """Wakes whoever blocks on it, which closing would not."""
    with contextlib.suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)
