"""What the daemon does with all that a server or a proxy sends, in this process, to its end.

Whatever comes, in whatever pieces, is understood, or refused as a WireError of one of a few
reasons; what is kept of it, and what is said in return, has its bounds. Anything else is a
finding, and so is a difference between the two readers of HTTP/1, or between two ways of
cutting the same bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from replayd.errors import WireError
from replayd.model.flow import Headers, WebSocketMessageKind
from replayd.model.plan import Target
from replayd.reasons import Reason
from replayd.wire.http1 import H11Reader
from replayd.wire.http_connect import HttpConnect
from replayd.wire.multiplex import Multiplexer
from replayd.wire.plain import PlainReader
from replayd.wire.poller import Connection, Poller
from replayd.wire.reader import ResponseReader
from replayd.wire.scripted import ScriptedTransport
from replayd.wire.settings import Upstream, WireSettings
from replayd.wire.socks5 import Socks5
from replayd.wire.stream import Stream
from replayd.wire.tunnel import Handshake
from replayd.wire.websocket import Frames
from replayd.wire.websocket_handshake import accepted
from tools.fuzz.answers import KEY, make_answer
from tools.fuzz.enqueue import MAX_MESSAGE, BrokenPromiseError

SETTINGS = WireSettings(head_size_limit=8192, head_field_limit=64, body_size_limit=64 << 10)

_REASONS = frozenset(
    {Reason.INVALID_RESPONSE, Reason.HEAD_TOO_LARGE, Reason.BODY_TOO_LARGE, Reason.CLOSED_EARLY}
)
_HTTP2_REASONS = _REASONS | {Reason.STREAM_RESET, Reason.VERSION_NOT_SPOKEN}
_PROXY_REASONS = _REASONS | {Reason.PROXY_REFUSED}

_TARGET = Target("http", "target.test", 80)
_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nSec-WebSocket-Key: " + KEY + b"\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
_ASKED: Headers = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"x"),
)
_REPLY_FACTOR = 20
"""Bytes that are said in return for each that came, at most: an acknowledgement for a frame."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An input: all that comes, and in which pieces."""

    name: str
    """Of its reader, as in READERS."""
    data: bytes
    piece: int = 1 << 16
    method: bytes = b"GET"

    def run(self) -> str:
        """Reads it; returns what came of it, in a word. Raises BrokenPromiseError, and whatever
        else goes wrong.
        """
        try:
            return READERS[self.name](self)
        except WireError as error:
            raise BrokenPromiseError(f"a {error.reason.name} that nobody expected") from error

    def options(self) -> list[str]:
        """Returns what the command that repeats it is given."""
        return [f"--piece {self.piece}", f"--method {self.method.decode()}"]

    def pieces(self) -> Iterator[bytes]:
        """Cuts it; the last piece is empty: the connection ends."""
        for at in range(0, len(self.data), self.piece):
            yield self.data[at : at + self.piece]
        yield b""


def make_reading(name: str, rng: Random) -> Reading:
    """Makes an input."""
    data = make_answer(name, rng)
    # A SOCKS proxy waits for each answer, as one does whose answers come byte by byte.
    piece = rng.choice(
        (1, 1, 1, 1 << 16) if name == "socks5" else (1 << 16, 1 << 16, 1000, 50, 7, 1)
    )
    method = rng.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST", b"CONNECT"))
    return Reading(name, data[: piece * 2000], piece, method)


def _checked(error: WireError, reasons: frozenset[Reason] = _REASONS) -> str:
    """Returns the reason's name in small letters."""
    if error.reason not in reasons:
        raise BrokenPromiseError(f"{error.reason.name} is no reason here") from error
    if len(error.message) > MAX_MESSAGE or not error.message.isprintable():
        raise BrokenPromiseError(f"the message {error.message[:200]!r}") from error
    return error.reason.name.lower()


# HTTP/1


def _understood(reader: ResponseReader, given: Reading) -> tuple[object, ...]:
    """Everything that a reader makes of a response."""
    content = bytearray()
    came = "complete"
    for piece in given.pieces():
        try:
            reader.feed(piece, content.extend)
        except WireError as error:
            came = _checked(error)
            break
    if came == "complete" and not reader.complete:
        raise BrokenPromiseError("the connection ended, and nobody said what became of it")
    if len(content) > len(given.data):
        raise BrokenPromiseError("more content than came")
    facts = (reader.head, reader.trailers, reader.continued, reader.lenient, reader.declared_length)
    return came, bytes(content), facts, reader.complete, reader.idle_seconds, reader.bound


def _http1(given: Reading) -> str:
    slow = _understood(H11Reader(given.method, SETTINGS), given)
    fast = _understood(PlainReader(given.method, SETTINGS), given)
    if slow != fast:
        raise BrokenPromiseError(f"h11: {slow}, ours: {fast}"[:1000])
    whole = Reading(given.name, given.data, max(len(given.data), 1), given.method)
    if (once := _understood(PlainReader(given.method, SETTINGS), whole)) != fast:
        raise BrokenPromiseError(f"in pieces: {fast}, at once: {once}"[:1000])
    return str(fast[0])


# HTTP/2


class _Keeper:
    """Keeps nothing."""

    def settled(self, connection: Multiplexer) -> None: ...
    def idle(self, connection: Multiplexer) -> None: ...
    def busy(self, connection: Multiplexer) -> None: ...
    def gone(self, connection: Multiplexer) -> None: ...


class _Nobody:
    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None: ...


def _http2(given: Reading) -> str:
    poller, transport = Poller(), ScriptedTransport()
    connection = Connection(transport, _TARGET, _Nobody(), poller)
    shared = Multiplexer(connection, SETTINGS, _Keeper())
    try:
        streams = [_opened(shared)]
        said, content = len(transport.sent), 0
        for piece in given.pieces():
            if connection.closed:
                break
            transport.arrive(piece) if piece else transport.end()
            shared.on_ready(connection, readable=True, writable=False)
            if len(streams) == 1 and shared.room:
                streams.append(_opened(shared))
            content += sum(len(stream.collect()[1]) for stream in streams)
        if content > len(given.data):
            raise BrokenPromiseError("more content than came")
        if len(transport.sent) - said > _REPLY_FACTOR * len(given.data) + 65536:
            raise BrokenPromiseError(f"{len(transport.sent)} bytes were said in return")
        return " and ".join(sorted({_http2_end(stream) for stream in streams}))
    finally:
        shared.close()
        poller.close()


def _opened(shared: Multiplexer) -> Stream:
    return shared.open(b"GET", _ASKED, ends=True, wake=lambda: None)


def _http2_end(stream: Stream) -> str:
    if stream.response.complete:
        return "complete"
    if not isinstance(stream.error, WireError):
        raise BrokenPromiseError(f"a stream ended with {stream.error!r}") from stream.error
    return _checked(stream.error, _HTTP2_REASONS)


# WebSocket


def _websocket(given: Reading) -> str:
    reader, frames, behind = H11Reader(b"GET", SETTINGS, upgrade=True), None, bytearray()
    messages: list[bytes] = []

    def take(_: WebSocketMessageKind, content: bytes) -> None:
        messages.append(content)

    came = "open"
    try:
        for piece in given.pieces():
            if frames is None:
                reader.feed(piece, behind.extend)
                if reader.complete or reader.head is None:
                    continue
                if reader.head.status_code != 101:
                    continue
                deflate = accepted(_HANDSHAKE, reader.head)
                frames = Frames(deflate, SETTINGS.body_size_limit)
                _hear(frames, bytes(behind), take)
            else:
                _hear(frames, piece, take)
        came = "closed" if frames is not None and frames.closed else came
    except WireError as error:
        came = _checked(error)
    if sum(map(len, messages)) > SETTINGS.body_size_limit:
        raise BrokenPromiseError("more messages than there is room for")
    return came


def _hear(frames: Frames, data: bytes, take: Callable[[WebSocketMessageKind, bytes], None]) -> None:
    more = bool(data) and frames.feed(data, take)
    while more:
        more = frames.feed(b"", take)
    if len(frames.take_reply()) > 131:
        raise BrokenPromiseError("a reply that is no control frame")
    if frames.held > SETTINGS.body_size_limit:
        raise BrokenPromiseError(f"{frames.held} bytes of a message are held")


# Proxies


def _tunnel(given: Reading, handshake: Handshake) -> str:
    handshake.outgoing()
    try:
        for piece in given.pieces():
            if handshake.feed(piece):
                if len(handshake.rest) > len(given.data):
                    raise BrokenPromiseError("more is left than came")
                return "tunnel"
            handshake.outgoing()
    except WireError as error:
        return _checked(error, _PROXY_REASONS)
    raise BrokenPromiseError("the proxy closed, and nobody said so")


def _connect(given: Reading) -> str:
    return _tunnel(given, HttpConnect("target.test", 443, Upstream("http", "proxy.test", 3128)))


def _socks5(given: Reading) -> str:
    upstream = Upstream("socks5", "proxy.test", 1080, (b"user", b"password"))
    return _tunnel(given, Socks5("target.test", 443, upstream))


READERS: dict[str, Callable[[Reading], str]] = {
    "http1": _http1,
    "http2": _http2,
    "websocket": _websocket,
    "connect": _connect,
    "socks5": _socks5,
}
