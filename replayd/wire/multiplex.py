"""A connection that many requests share: reads and writes for all of them, and wakes those
that something came for.

Owners of streams are woken only when the poller tells that something is ready, never from
within a call of their own. What the server says is counted for by `http2`; which of several
connections a request takes is `shared`'s business.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ConnectionInfo
from replayd.reasons import Reason
from replayd.wire.http2 import Http2Protocol
from replayd.wire.http2_events import ContentCame, GoingAway, Happening, RoomCame, StreamFailed
from replayd.wire.http2_response import Http2Response
from replayd.wire.poller import Connection
from replayd.wire.pool import Session
from replayd.wire.sending import Sending
from replayd.wire.settings import WireSettings
from replayd.wire.stream import Stream

_logger = logging.getLogger(__name__)


class Keeper(Protocol):
    """Who keeps the connections that may be shared."""

    def settled(self, connection: "Multiplexer") -> None:
        """The server said how many streams it takes."""

    def idle(self, connection: "Multiplexer") -> None:
        """Nobody uses it now."""

    def busy(self, connection: "Multiplexer") -> None:
        """Somebody uses it again."""

    def gone(self, connection: "Multiplexer") -> None:
        """It takes no more streams."""


class Multiplexer:
    """One HTTP/2 connection and its streams; owns the `Connection`."""

    def __init__(self, connection: Connection, settings: WireSettings, keeper: Keeper) -> None:
        self.connection = connection
        self.bound_to: Session | None = None
        """It is authenticated as somebody: never shared with another session."""
        self.idle_since: int | None = None
        """Since when nobody uses it; None: somebody does, or will at once."""
        self.retired = False
        """It takes no more streams."""
        self.received = 0
        """Bytes that have come."""
        self._settings = settings
        self._keeper = keeper
        self._protocol = Http2Protocol(settings)
        self._sending = Sending(connection, self._protocol, self._touch)
        self._streams: dict[int, Stream] = {}
        self._touched: dict[Stream, None] = {}
        """To be woken before the turn ends, in order."""
        self._used = False
        self._goodbye: GoingAway | None = None
        connection.owner = self
        self._sending.flush()

    # For whoever wants a stream

    @property
    def room(self) -> int:
        """How many streams may be opened now."""
        return 0 if self.retired or self.connection.closed else self._protocol.room

    @property
    def places(self) -> int:
        """How many streams may be open at once."""
        return self._protocol.places

    @property
    def settled(self) -> bool:
        """The server said how many streams it allows."""
        return self._protocol.settled

    @property
    def info(self) -> ConnectionInfo:
        """What events say of it to the next request that uses it."""
        info = self.connection.info
        return info._replace(reused=True) if self._used else info

    def open(
        self, method: bytes, headers: Headers, *, ends: bool, wake: Callable[[], None]
    ) -> Stream:
        """Sends a request's fields where there is `room`; `ends`: the request is whole.

        `wake` is called when the stream has news.
        """
        begins_at = self._sending.end
        stream_id = self._protocol.open(headers, ends=ends)
        response = Http2Response(method, self._settings)
        stream = Stream(self, self._sending, stream_id, response, wake)
        stream.begins_at = begins_at
        self._streams[stream_id] = stream
        self._used = True
        if self.idle_since is not None:
            self.idle_since = None
            self._keeper.busy(self)
        self._sending.flush(stream if ends else None)
        return stream

    def look(self) -> None:
        """Looks once more before use: a server that closed an idle connection is noticed."""
        self.on_ready(self.connection, readable=True, writable=False)

    def release(self, now: int) -> None:
        """Whoever left, or never opened a stream: without any other it is idle, or closes."""
        if self.connection.permit is not None:
            self.connection.permit.changed()
        if self._streams or self.connection.closed or self.idle_since is not None:
            return
        if self.retired:
            self.close()
        else:
            self.idle_since = now
            self._keeper.idle(self)

    def retire(self) -> None:
        """Takes no more streams; closes with the last of them."""
        self.retired = True
        self._keeper.gone(self)
        if not self._streams:
            self.close()

    def close(self) -> None:
        """Says goodbye, as far as that goes without waiting, and closes. Idempotent."""
        if not self.connection.closed:
            if self._goodbye is None:
                self._protocol.say_goodbye()
                self._sending.flush()
            self.connection.close()
            self._keeper.gone(self)

    # For its streams (`stream.Carrier`)

    def leave(self, stream: Stream, now: int) -> None:
        """The stream is of no more interest; the last one out leaves the connection idle."""
        if self._streams.pop(stream.stream_id, None) is None or self.connection.closed:
            return
        self._sending.forget(stream)
        self._protocol.leave(stream.stream_id)
        self._sending.flush()
        self.release(now)

    def let_come(self, stream: Stream, more: bool) -> None:
        """The stream's owner has room for more content, or has none."""
        self._protocol.let_come(stream.stream_id, more)
        self._sending.flush()

    # What the poller tells

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """Something can be read or written; nothing that goes wrong gets out."""
        self._sending.begin_turn()
        try:
            if writable:
                self._sending.flush()
            # The server's first words may have come with the last of TLS's handshake.
            if readable or not self.settled:
                self._read()
            self._sending.give_room()
            self._sending.flush()
            self._wake_touched()
            if self._sending.error is not None:
                self._read_to_end(self._sending.error)
        except WireError as error:
            self._break(error)
        except Exception as error:
            _logger.exception("a shared connection to %s failed inside", connection.info.address)
            self._break(error)
        if self.retired and not self._streams:
            self.close()

    def _read(self) -> bool:
        """Reads what has come; False: nothing had."""
        transport = self.connection.transport
        while not self.connection.closed and (data := transport.receive()) is not None:
            if not data:
                raise self._closed_early()
            self.received += len(data)
            settled = self.settled
            # Where that fails, nobody may begin or go on: `_break` wakes them all.
            for happening in self._protocol.feed(data):
                self._take(happening)
            if settled is not self.settled:
                self._keeper.settled(self)
            self._wake_touched()
            if not transport.buffered:
                return True
        return False

    def _read_to_end(self, error: Exception) -> None:
        """Hears what the server still said before it stopped listening, then gives up."""
        while self._read():
            pass
        raise error

    def _touch(self, stream: Stream) -> None:
        self._touched[stream] = None

    def _wake_touched(self) -> None:
        touched, self._touched = self._touched, {}
        for stream in touched:
            if stream.stream_id in self._streams:
                stream.wake()

    # What the server says

    def _take(self, happening: Happening) -> None:
        if isinstance(happening, GoingAway):
            self._part(happening)
        elif isinstance(happening, RoomCame):
            self._unblock(happening.stream_id)
        elif (stream := self._streams.get(happening.stream_id)) is not None:
            self._touch(stream)
            if isinstance(happening, StreamFailed):
                stream.fail(happening)
            elif isinstance(happening, ContentCame):
                stream.take_content(happening)
            else:
                stream.take_headers(happening)

    def _part(self, goodbye: GoingAway) -> None:
        """The server takes no more requests, nor those after the last that it names."""
        self._goodbye, self.retired = goodbye, True
        self._keeper.gone(self)
        for stream in self._streams.values():
            if stream.stream_id > goodbye.last_stream_id:
                stream.refuse(goodbye)
                self._touch(stream)

    def _unblock(self, stream_id: int) -> None:
        streams = [self._streams.get(stream_id)] if stream_id else self._streams.values()
        for stream in streams:
            if stream is None or not stream.blocked or stream.error is not None:
                continue
            # Room on the connection is no news to one that has none of its own.
            if self._protocol.takes_content(stream.stream_id):
                stream.blocked = False
                self._touch(stream)

    def _closed_early(self) -> WireError:
        said = f" ({self._goodbye.text})" if self._goodbye is not None else ""
        when = "before the response was complete" if self.received else "without a word of HTTP/2"
        return WireError(Reason.CLOSED_EARLY, f"the server closed the connection {when}{said}")

    def _break(self, error: Exception) -> None:
        """Ends every stream with the same error; what came before it still counts."""
        self.retired = True
        self._sending.flush()
        self.connection.close()
        self._keeper.gone(self)
        for stream in list(self._streams.values()):
            stream.fall(error)
            stream.wake()
