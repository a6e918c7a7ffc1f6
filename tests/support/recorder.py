"""A server that keeps the bytes of each request, and answers as it is told.

It judges nothing: what arrived is in `Recorded.raw`, byte for byte. Where a request ends
is found by `request_reader`.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tests.support.processes import DEADLINE
from tests.support.request_reader import EndConnectionError, RequestReader, Stream


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived."""

    raw: bytes
    """Every byte, framing included."""
    head: bytes
    """Start line, fields and the empty line."""
    content: bytes
    """Without chunk framing."""
    connection: int
    """The connection's number, from 0."""
    server_name: str | None
    """What TLS asked for (SNI); None without TLS or name."""
    peer: int = 0
    """The client's port."""
    whole: bool = True
    """Whether it came to its end; of one that did not, only `raw` is known."""

    @property
    def start_line(self) -> bytes:
        """The first line."""
        return self.head.split(b"\r\n", 1)[0]

    @property
    def method(self) -> bytes:
        """The first word."""
        return self.start_line.split(b" ", 1)[0]

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """Name and value of each line after the first, split at the first colon."""
        lines = self.head.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
        return [
            (name, value.strip(b" \t")) for name, _, value in (x.partition(b":") for x in lines)
        ]

    def field(self, name: bytes) -> bytes | None:
        """The first value of a field; None when it is not there."""
        return next((v for n, v in self.fields if n.lower() == name.lower()), None)


class Exchange:
    """A request and the connection that waits for its answer."""

    def __init__(self, request: Recorded, stream: Stream, closing: threading.Event) -> None:
        self.request = request
        self.closing = closing
        self._stream = stream

    def send(self, data: bytes) -> None:
        """Writes bytes as they are."""
        self._stream.sendall(data)

    def reply(
        self, status: int = 200, content: bytes = b"ok", *fields: tuple[bytes, bytes]
    ) -> None:
        """Writes a whole response with Content-Length."""
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        body = b"" if self.request.method == b"HEAD" or status in (204, 304) else content
        head = b"HTTP/1.1 %d Said\r\n%sContent-Length: %d\r\n\r\n" % (status, lines, len(body))
        self.send(head + body)

    def close(self) -> None:
        """Ends the connection in order."""
        raise EndConnectionError

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise EndConnectionError

    def hang(self) -> None:
        """Answers nothing until the client goes away or the server closes."""
        self.wait_for_close()
        raise EndConnectionError

    def wait_for_close(self) -> None:
        """Waits until the client has closed, or the server closes; reads on meanwhile."""
        with contextlib.suppress(OSError):
            while not self.closing.is_set() and self._stream.recv(65536):
                pass


Answer = Callable[[Exchange], None]


def ok(exchange: Exchange) -> None:
    """The plain answer: 200 with two bytes."""
    exchange.reply()


class Recorder:
    """Listens on 127.0.0.1; a thread a connection; `requests` in order of completion.

    A request that does not end is waited for as long as its client likes, and left out;
    with `patience`, in seconds without a byte, it is recorded as far as it came, answered,
    and its connection is closed.
    """

    def __init__(
        self,
        answer: Answer = ok,
        *,
        tls: ssl.SSLContext | None = None,
        patience: float | None = None,
    ) -> None:
        self.answer = answer
        self._patience = patience
        self.requests: list[Recorded] = []
        self.connection_count = 0
        self.closing = threading.Event()
        self._names: dict[int, str | None] = {}
        self._changed = threading.Condition()
        self._tls = tls
        if tls is not None:
            tls.sni_callback = self._note_name
        self._streams: set[Stream] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def wait_for(self, count: int, deadline: float = DEADLINE) -> list[Recorded]:
        """The requests, once there are `count` of them."""
        end = time.monotonic() + deadline
        with self._changed:
            while len(self.requests) < count:
                left = end - time.monotonic()
                assert left > 0, f"{len(self.requests)} of {count} requests came"
                self._changed.wait(left)
            return list(self.requests)

    def wait_until_closed(self, deadline: float = DEADLINE) -> None:
        """Waits until the clients have closed, and all that they sent is recorded."""
        with self._changed:
            closed = self._changed.wait_for(lambda: not self._streams, deadline)
        assert closed, "a connection stayed open"

    def close(self) -> None:
        """Ends every connection and thread."""
        self.closing.set()
        with self._changed:
            streams = [self._listener, *self._streams]
        for stream in streams:
            # shutdown wakes a thread that blocks in accept or recv; close would not.
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "an answer did not end"
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._spawn(self._serve, stream, self.connection_count)
            self.connection_count += 1

    def _serve(self, stream: Stream, connection: int) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            self._streams.add(stream)
        stream.settimeout(self._patience)
        plain = stream
        try:
            peer: int = stream.getpeername()[1]
            if self._tls is not None:
                stream = self._tls.wrap_socket(stream, server_side=True)
                with self._changed:
                    self._streams.add(stream)
            self._record(stream, connection, peer)
        except (EndConnectionError, OSError):
            pass  # the answer's end, the client's, or ours
        finally:
            with self._changed:
                self._streams -= {plain, stream}
                self._changed.notify_all()
            stream.close()

    def _record(self, stream: Stream, connection: int, peer: int) -> None:
        """Keeps and answers what comes on a connection, to its end."""
        reader = RequestReader(stream)
        try:
            for head, content, raw in reader:
                name = self._names.get(id(stream))
                self._keep(Recorded(raw, head, content, connection, name, peer), stream)
        except (EndConnectionError, OSError):
            pass  # the answer's end, the client's, or ours
        if reader.unfinished and self._patience is not None:
            name = self._names.get(id(stream))
            raw = reader.unfinished
            self._keep(Recorded(raw, b"", b"", connection, name, peer, whole=False), stream)

    def _keep(self, recorded: Recorded, stream: Stream) -> None:
        with self._changed:
            self.requests.append(recorded)
            self._changed.notify_all()
        self.answer(Exchange(recorded, stream, self.closing))

    def _note_name(self, stream: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self._names[id(stream)] = name
