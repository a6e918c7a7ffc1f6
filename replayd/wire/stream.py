"""One request's place on a shared connection: what was sent on it, and what came.

Whoever owns it is woken when something has come or there is room to send, and looks here.
What the connection itself does is `multiplex`'s business.
"""

from collections.abc import Callable
from typing import Protocol

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.reasons import Reason
from replayd.wire.http2 import HTTP_1_1_REQUIRED, REFUSED_STREAM
from replayd.wire.http2_events import ContentCame, GoingAway, HeadersCame, StreamFailed
from replayd.wire.http2_response import Http2Response


class Carrier(Protocol):
    """The connection that carries a stream, as the stream sees it."""

    def leave(self, stream: "Stream", now: int) -> None:
        """The stream is of no more interest to its owner."""

    def let_come(self, stream: "Stream", more: bool) -> None:
        """The stream's owner has room for more, or has none."""

    def retire(self) -> None:
        """Takes no more streams."""

    @property
    def received(self) -> int:
        """Bytes that have come so far, on whichever stream."""


class Sender(Protocol):
    """The connection's writing half, as the stream sees it."""

    def send(self, stream: "Stream", content: memoryview, *, ends: bool) -> int:
        """Takes as much content as there is room for; see `Stream.send`."""

    def send_trailers(self, stream: "Stream", trailers: Headers) -> None:
        """Ends the request with trailers."""

    def has_left(self, place: int) -> bool:
        """Tells whether every byte before this place was handed to the system."""

    def has_begun(self, place: int) -> bool:
        """Tells whether any byte after this place was."""


class Stream:
    """A stream of HTTP/2 (RFC 9113 section 5)."""

    def __init__(
        self,
        carrier: Carrier,
        sender: Sender,
        stream_id: int,
        response: Http2Response,
        wake: Callable[[], None],
    ) -> None:
        self.stream_id = stream_id
        self.response = response
        self.wake = wake
        self.error: Exception | None = None
        """What it failed with; after whatever came before."""
        self.refused = False
        """The server said that it did nothing with the request."""
        self.needs_http1 = False
        """The server wants the request over HTTP/1.1; it did nothing with it."""
        self.blocked = False
        """It may not send before the server says so."""
        self.begins_at = 0
        """Where its first byte stands among all that the connection sends."""
        self.ends_at: int | None = None
        """Where its last byte ends; None: it was not said yet."""
        self._carrier = carrier
        self._sender = sender
        self._content: list[bytes] = []
        self._arrived = 0

    # Send

    def send(self, content: memoryview, *, ends: bool) -> int:
        """Takes as much content as there is room for now and says how much; its owner is
        woken when there is more. `ends`: with the last of it the request is whole.
        """
        return self._sender.send(self, content, ends=ends)

    def send_trailers(self, trailers: Headers) -> None:
        """Ends the request with trailers."""
        self._sender.send_trailers(self, trailers)

    @property
    def untouched(self) -> bool:
        """Not a byte of the request was handed to the system."""
        return not self._sender.has_begun(self.begins_at)

    @property
    def written(self) -> bool:
        """The whole request was."""
        return self.ends_at is not None and self._sender.has_left(self.ends_at)

    # Receive

    def take_headers(self, came: HeadersCame) -> None:
        """A head or trailers came."""
        self._arrived += sum(len(name) + len(value) for name, value in came.fields)
        try:
            self.response.take_headers(came.fields, ends=came.ends)
        except WireError as error:
            # What is wrong with the response is this stream's matter alone.
            self.error = self.error or error

    def take_content(self, came: ContentCame) -> None:
        """Content came, or its end."""
        self._arrived += len(came.content)
        if came.content:
            self._content.append(came.content)
        try:
            self.response.take_content(len(came.content), ends=came.ends)
        except WireError as error:
            self.error = self.error or error

    def fail(self, came: StreamFailed) -> None:
        """The server reset it; after a complete response that says nothing (RFC 9113 8.1)."""
        if not self.response.complete and self.error is None:
            self.error = came.error
            self.refused = came.code == REFUSED_STREAM
            self.needs_http1 = came.code == HTTP_1_1_REQUIRED

    def refuse(self, goodbye: GoingAway) -> None:
        """The server goes away without having done anything with the request."""
        if self.error is None:
            self.refused = True
            self.needs_http1 = goodbye.code == HTTP_1_1_REQUIRED
            self.error = WireError(
                Reason.VERSION_NOT_SPOKEN if self.needs_http1 else Reason.CLOSED_EARLY,
                f"the server did not take the request ({goodbye.text})",
            )

    def fall(self, error: Exception) -> None:
        """Its connection ends with an error, which is then its own too."""
        if self.error is not None:
            return
        if isinstance(error, WireError):
            # Each has its own: several replays raise it.
            error = WireError(error.reason, error.message, **error.metadata)
        self.error = error

    def collect(self) -> tuple[int, bytes]:
        """Returns how many bytes came since the last call, and the content among them."""
        size, content = self._arrived, b"".join(self._content)
        self._arrived = 0
        self._content.clear()
        return size, content

    def let_come(self, more: bool) -> None:
        """Has the server send more of the content, or wait, as far as it has not sent it."""
        self._carrier.let_come(self, more)

    @property
    def carrier_received(self) -> int:
        """Bytes that have come on its connection, on whichever stream."""
        return self._carrier.received

    # End

    def distrust(self) -> None:
        """Its connection seems dead: nobody else shall begin on it."""
        self._carrier.retire()

    def leave(self, now: int) -> None:
        """It is of no more interest: what has not ended is cancelled. Idempotent."""
        self._carrier.leave(self, now)
