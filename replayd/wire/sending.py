"""The writing half of a connection that many streams share: who may send, and how much.

Streams take turns when the transport is slow; one turn of the loop sends no more than its
share, however large the windows are.
"""

from collections import deque
from collections.abc import Callable

from replayd.model.flow import Headers
from replayd.wire.http2 import Http2Protocol
from replayd.wire.outbox import Outbox
from replayd.wire.poller import Connection
from replayd.wire.stream import Stream

_HELD = 64 * 1024
"""Bytes that wait for the transport before streams are asked to wait too."""
_TURN = 256 * 1024
"""Bytes of content that are sent in one turn: other connections want theirs."""


class Sending:
    """What leaves on one connection (`stream.Sender`)."""

    def __init__(
        self, connection: Connection, protocol: Http2Protocol, touch: Callable[[Stream], None]
    ) -> None:
        """`touch` is called with a stream whose last byte has left after all."""
        self._protocol = protocol
        self._touch = touch
        self._outbox = Outbox(connection)
        self._waiting: dict[Stream, None] = {}
        """They have content to send, but too much waits for the transport; in order."""
        self._leaving: deque[tuple[int, Stream]] = deque()
        """Whose last byte waits for the transport, and where it ends."""
        self._quota = _TURN
        self._begun = False

    @property
    def error(self) -> Exception | None:
        """Why nothing more can be sent."""
        return self._outbox.error

    @property
    def end(self) -> int:
        """The place after everything that was said so far."""
        self._queue()
        return self._outbox.end

    def has_left(self, place: int) -> bool:
        """Tells whether every byte before this place was handed to the system."""
        return self._outbox.has_left(place)

    def has_begun(self, place: int) -> bool:
        """Tells whether any byte after this place was."""
        return self._outbox.has_begun(place)

    def begin_turn(self) -> None:
        """The loop has come round: there is a new share to send."""
        self._quota, self._begun = _TURN, True

    def send(self, stream: Stream, content: memoryview, *, ends: bool) -> int:
        """Takes as much content as there is room for; see `Stream.send`."""
        sent = 0
        while sent < len(content):
            if self._congested:
                self.flush()
            if self._congested:
                self._waiting[stream] = None
                break
            size = self._protocol.send(stream.stream_id, content[sent:], ends=ends)
            if not size:
                stream.blocked = True
                break
            sent += size
            self._quota -= size
            self._queue()
        self.flush(stream if ends and sent == len(content) else None)
        return sent

    def send_trailers(self, stream: Stream, trailers: Headers) -> None:
        """Ends a request with trailers."""
        self._protocol.send_trailers(stream.stream_id, trailers)
        self.flush(stream)

    def give_room(self) -> None:
        """Wakes those that waited, each at most once a turn."""
        for stream in list(self._waiting):
            if self._congested:
                break
            del self._waiting[stream]
            stream.wake()

    def forget(self, stream: Stream) -> None:
        """The stream was left: it waits for nothing."""
        self._waiting.pop(stream, None)

    def flush(self, ended: Stream | None = None) -> None:
        """Sends what was said; with it, the request of the stream `ended` is whole."""
        self._queue()
        outbox = self._outbox
        # The first turn comes at once: TLS may hold what the server said first.
        outbox.flush(more=bool(self._waiting) or not self._begun)
        if ended is not None:
            ended.ends_at = outbox.end
            if not outbox.has_left(outbox.end):
                self._leaving.append((outbox.end, ended))
        while self._leaving and outbox.has_left(self._leaving[0][0]):
            self._touch(self._leaving.popleft()[1])

    @property
    def _congested(self) -> bool:
        return len(self._outbox) >= _HELD or self._quota <= 0

    def _queue(self) -> None:
        self._outbox.put(self._protocol.outgoing())
