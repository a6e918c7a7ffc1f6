"""Answers scrapers on the daemon's event loop: GET /metrics, one request a connection.

Whoever reaches the address may ask, so all is bounded: how many connect at once, how long one
takes, how much it may say, and how often figures are looked up. Speaks no TLS and asks for no
token: a proxy before it can.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from replayd.errors import ConfigError

CONNECTIONS = 16
"""At once; one more is closed unread. Few ask, and each is done within milliseconds."""
SECONDS = 5.0
"""For one connection, from its beginning to its end; scrapers give up after ten."""
HEAD_LIMIT = 8 << 10
"""Bytes of a request's head; Prometheus' has some 300."""
KEPT_SECONDS = 1.0
"""How long figures are answered again before they are looked up anew."""

WARNED_SECONDS = 60.0
"""How often it is said at most that scrapers are turned away."""

PATH = b"/metrics"
_ABSOLUTE = b"http://"
_TEXT = "text/plain; charset=utf-8"

_log = logging.getLogger(__name__)


class _Answer(NamedTuple):
    status: str
    body: bytes
    content_type: str = _TEXT
    allow: str = ""


class MetricsServer:
    """Serves what `look_up` returns. Lives on one event loop."""

    def __init__(
        self,
        look_up: Callable[[], bytes],
        content_type: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`look_up` is called in a thread, never twice at a time."""
        self._look_up = look_up
        self._content_type = content_type
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._looking: asyncio.Task[bytes] | None = None
        self._looked_at = 0.0
        self._warned_at: float | None = None

    async def start(self, host: str, port: int) -> str:
        """Listens; returns the URL. Raises ConfigError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family, backlog=CONNECTIONS)
        except OSError as error:
            raise ConfigError(
                f"--metrics-listen {host}:{port}: {_said(error)}; choose another "
                "address, or port 0, which picks a free one"
            ) from error
        self._server = await asyncio.start_server(self._serve, sock=listening, limit=HEAD_LIMIT)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{listening.getsockname()[1]}{PATH.decode()}"

    async def stop(self) -> None:
        """Closes all connections, and waits for figures that are being looked up. Idempotent."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            # Not by cancelling: asyncio of Python 3.12.1 logs that of a connection as an error.
            writer.transport.abort()
        waited = [*self._connections, *([self._looking] if self._looking else [])]
        await asyncio.gather(*waited, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        if connection is None or len(self._connections) >= CONNECTIONS:
            self._say_full()
            writer.transport.abort()
            return
        self._connections[connection] = writer
        # `drain` waits until the system has all of the answer.
        writer.transport.set_write_buffer_limits(0)
        try:
            async with asyncio.timeout(SECONDS):
                body = await self._exchange(reader)
                writer.write(body)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            _log.debug("a scraper went away: %s", error)
        finally:
            del self._connections[connection]
            writer.transport.abort()

    def _say_full(self) -> None:
        now = self._clock()
        if self._warned_at is None or now - self._warned_at >= WARNED_SECONDS:
            self._warned_at = now
            _log.warning(
                "--metrics-listen: %d connections stand, and one more was turned away; each is "
                "closed after %g s at the latest",
                CONNECTIONS,
                SECONDS,
            )

    async def _exchange(self, reader: asyncio.StreamReader) -> bytes:
        """Reads a request; returns the whole response."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response(_Answer("431 Request Header Fields Too Large", b"too large\n"))
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        target, _, version = rest.partition(b" ")
        if not version.startswith(b"HTTP/1."):
            return _response(_Answer("400 Bad Request", b"this is no HTTP/1 request\n"))
        if target.lower().startswith(_ABSOLUTE):
            # RFC 9112 section 3.2.2.
            target = b"/" + target[len(_ABSOLUTE) :].partition(b"/")[2]
        answer = await self._answer(method, target.partition(b"?")[0])
        return _response(answer, with_body=method != b"HEAD")

    async def _answer(self, method: bytes, path: bytes) -> _Answer:
        if path != PATH:
            return _Answer("404 Not Found", b"the figures are at " + PATH + b"\n")
        if method not in (b"GET", b"HEAD"):
            return _Answer("405 Method Not Allowed", b"GET it\n", allow="GET, HEAD")
        figures = await self._figures()
        if not figures:
            return _Answer("500 Internal Server Error", b"the daemon's log says why\n")
        return _Answer("200 OK", figures, self._content_type)

    async def _figures(self) -> bytes:
        """Returns figures that are at most KEPT_SECONDS old, or those that are looked up now: a
        disk that hangs holds up one thread, however many ask.
        """
        looking = self._looking
        if looking is None or (looking.done() and self._clock() - self._looked_at >= KEPT_SECONDS):
            self._looked_at = self._clock()
            looking = self._looking = asyncio.create_task(asyncio.to_thread(self._looked_up))
        return await asyncio.shield(looking)

    def _looked_up(self) -> bytes:
        """Returns the figures; nothing at all: they can't be had, which is logged."""
        try:
            return self._look_up()
        except Exception:  # noqa: BLE001 - whatever it is, replays go on without figures
            _log.exception("the figures for --metrics-listen can't be had")
            return b""


def _said(error: OSError) -> str:
    # `create_server` says the address once more; a name that is not found has no errno of these.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _response(answer: _Answer, *, with_body: bool = True) -> bytes:
    fields = [
        f"HTTP/1.1 {answer.status}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
        "X-Content-Type-Options: nosniff",
        *([f"Allow: {answer.allow}"] if answer.allow else []),
    ]
    head = "\r\n".join([*fields, "", ""]).encode()
    return head + answer.body if with_body else head
