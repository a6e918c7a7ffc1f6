"""The frames of a WebSocket connection, ours out and the server's in (RFC 6455). Knows no
sockets and no pace; with `websocket_extension` the only module that knows wsproto. Pure but
for the masks of our frames, which section 5.3 wants random.

A message is one frame when it goes out, and is joined when it comes in. What a server may
cost is limited here: its messages in all, and what it sends without saying anything.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, XorMaskerSimple

from replayd.errors import WireError
from replayd.model.flow import WebSocketMessageKind
from replayd.reasons import Reason
from replayd.wire.permessage_deflate import Deflate
from replayd.wire.websocket_extension import PerMessageDeflate

_IDLE_LIMIT = 10_000
"""Control frames, and frames without content, between two messages: none speaks so often
with nothing to say."""

_TURN = 500
"""Frames that are read before others get their turn: wsproto needs 10 to 20 ms."""

PIECE = 128 << 10
"""Bytes of a message that are masked or compressed before others get their turn: some
milliseconds."""

_INFLATED_PIECE = 1 << 10
"""Bytes of compressed frames that are read at once: they inflate to a MiB at most."""

_TURN_BYTES = 1 << 20
"""Bytes of messages that are read before others get their turn."""

_MESSAGE_COST = 32
"""Bytes that a message counts besides its content: as much as keeping it takes."""

_MAX_REASON = 123
"""Bytes of a close's reason: a control frame has 125, two are the code."""

_FINAL, _COMPRESSED = 0x80, 0x40
_MASKED, _LONG = 0x80, 127
"""Of a frame's first two octets: its message ends with it, is compressed; it is masked, eight
octets have its length (RFC 6455 section 5.2)."""

_UNSAID = (CloseReason.NO_STATUS_RCVD, 0)
"""A close without a code."""

Take = Callable[[WebSocketMessageKind, bytes], object]
"""Takes a message that came: its kind and its content."""


class Close(NamedTuple):
    """What a side closed with."""

    code: int
    """0: it gave none."""
    reason: str


class Frames:
    """Both directions of one connection, after its handshake."""

    def __init__(self, deflate: Deflate | None, size_limit: int) -> None:
        """`size_limit`: bytes of all messages that may come, together."""
        self.closed: Close | None = None
        """What the server closed with; None: it did not."""
        self.heard = 0
        """How often something of a message came."""
        self.held = 0
        """Bytes of a message that has not come to its end."""
        self._limit = self._room = size_limit
        self._idle = 0
        self._pieces: list[bytes] = []
        self._reply = b""
        self._input = memoryview(b"")
        """What came and was not read yet."""
        extensions = [] if deflate is None else [PerMessageDeflate(deflate, lambda: self._room)]
        self._deflate = extensions[0] if extensions else None
        self._wsproto = Connection(ConnectionType.CLIENT, list[Extension](extensions))

    # Out

    @property
    def open(self) -> bool:
        """Whether we may still say something: neither side closed."""
        return self._wsproto.state is ConnectionState.OPEN

    def message(self, kind: WebSocketMessageKind, content: bytes) -> bytes:
        """Returns a message's frame."""
        if kind is WebSocketMessageKind.TEXT:
            return self._wsproto.send(TextMessage(data=_Text.of(content)))
        return self._wsproto.send(BytesMessage(data=content))

    def message_in_pieces(
        self, kind: WebSocketMessageKind, content: bytes, mask: bytes
    ) -> Iterator[bytes]:
        """Yields a message's frame, the same as `message` returns, in pieces of `PIECE` bytes and
        less, each of which is made when it is asked for; empty ones while it is compressed. For
        content of 64 KiB and more; `mask`: four random bytes.
        """
        pieces = [content]
        if self._deflate is not None:
            pieces = []
            for piece in self._deflate.compress_in_pieces(content, PIECE):
                pieces.append(piece)
                yield b""
        text = kind is WebSocketMessageKind.TEXT
        first = _FINAL | (0 if self._deflate is None else _COMPRESSED) | (1 if text else 2)
        yield struct.pack(">BBQ", first, _MASKED | _LONG, sum(map(len, pieces))) + mask
        masker = XorMaskerSimple(mask)
        for piece in pieces:
            for start in range(0, len(piece), PIECE):
                yield bytes(masker.process(bytearray(piece[start : start + PIECE])))

    def close(self, code: int, reason: str) -> bytes:
        """Returns our Close frame; code 0: without one. Nothing may follow it."""
        cut = reason.encode()[:_MAX_REASON].decode(errors="ignore") if code else ""
        sent = code or CloseReason.NO_STATUS_RCVD
        return self._wsproto.send(CloseConnection(code=sent, reason=cut))

    def take_reply(self) -> bytes:
        """Returns what the server has to be answered, and forgets it; empty: nothing.

        Of several pings only the last is answered (RFC 6455 section 5.5.3).
        """
        reply, self._reply = self._reply, b""
        return reply

    # In

    def feed(self, data: bytes, take: Take) -> bool:
        """Takes bytes of the server's frames and hands over each message that is whole; True:
        there may be more in them, feed nothing to get it.

        Raises WireError: INVALID_RESPONSE, or BODY_TOO_LARGE; what came before the fault was
        handed over, and the reply is the Close frame that tells the server.
        """
        if self.closed is not None:
            return False
        if data:
            self._input = memoryview(data)
        count, room = 0, self._room
        piece = len(self._input) if self._deflate is None else _INFLATED_PIECE
        while True:
            read, self._input = bytes(self._input[:piece]), self._input[piece:]
            self._wsproto.receive_data(read)
            for event in self._wsproto.events():
                count += 1
                self._take(event, take)
                if count == _TURN or room - self._room >= _TURN_BYTES:
                    return self.closed is None
            if not self._input or self.closed is not None:
                return False

    def _take(self, event: Event, take: Take) -> None:
        match event:
            case TextMessage():
                self._take_piece(event.data.encode(), take, event)
            case BytesMessage():
                self._take_piece(bytes(event.data), take, event)
            case Ping():
                self._count_idle()
                if self.open:
                    self._reply = self._wsproto.send(event.response())
            case Pong():
                self._count_idle()
            case CloseConnection():
                self._take_close(event)

    def _take_piece(self, piece: bytes, take: Take, event: TextMessage | BytesMessage) -> None:
        if piece:
            self.heard += 1
            self._pieces.append(piece)
            self.held += len(piece)
            self._room -= len(piece)
        elif not event.message_finished:
            self._count_idle()
        if event.message_finished:
            self._room -= _MESSAGE_COST
        if self._room < 0:
            raise self._too_large()
        if event.message_finished:
            self.heard += 1
            self._idle = 0
            content = b"".join(self._pieces)
            self._pieces.clear()
            self.held = 0
            text = isinstance(event, TextMessage)
            take(WebSocketMessageKind.TEXT if text else WebSocketMessageKind.BINARY, content)

    def _take_close(self, event: CloseConnection) -> None:
        if self._wsproto.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            # No Close frame came: so wsproto tells what it can't read.
            if event.code == CloseReason.MESSAGE_TOO_BIG:
                raise self._too_large()
            raise self._fault(event.code, event.reason or "it breaks the rules")
        code = 0 if event.code in _UNSAID else int(event.code)
        self.closed = Close(code, event.reason or "")
        if self._wsproto.state is ConnectionState.REMOTE_CLOSING:
            self._reply = self._wsproto.send(event.response())

    # Faults

    def _count_idle(self) -> None:
        self._idle += 1
        if self._idle > _IDLE_LIMIT:
            raise self._fault(
                CloseReason.POLICY_VIOLATION,
                f"more than {_IDLE_LIMIT} control frames and empty frames without a message",
            )

    def _too_large(self) -> WireError:
        self._say_goodbye(CloseReason.MESSAGE_TOO_BIG)
        return WireError(
            Reason.BODY_TOO_LARGE,
            f"the server's messages are larger than {self._limit} bytes in all, {_MESSAGE_COST} "
            "of them for each message; --body-size-limit sets this",
            limit=self._limit,
        )

    def _fault(self, code: int, what: str) -> WireError:
        self._say_goodbye(code)
        return WireError(
            Reason.INVALID_RESPONSE, f"the server breaks the WebSocket protocol: {what} ({code})"
        )

    def _say_goodbye(self, code: int) -> None:
        if self.open:
            self._reply = self._wsproto.send(CloseConnection(code=code))


class _Text(str):
    """A text whose encoding is what was captured, UTF-8 or not."""

    __slots__ = ("_content",)
    _content: bytes

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Returns the text of these bytes."""
        text = cls()
        text._content = content
        return text

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Returns the bytes as captured."""
        return self._content
