"""One request and its response over HTTP/2, on a stream of a connection that others share.

As over HTTP/1, what the server has to say counts more than what it no longer wants to hear:
a whole response ends the replay, however much of the request is left.
"""

from collections.abc import Callable, Iterable, Iterator

from replayd.errors import WireError
from replayd.journal.interface import Body
from replayd.model.flow import Headers
from replayd.model.outcome import ConnectionInfo, ResponseHead
from replayd.model.plan import Http2Request, Plan
from replayd.reasons import Reason
from replayd.replay.budget import Budget
from replayd.replay.transfer import Keep, Transfer
from replayd.wire.multiplex import Multiplexer
from replayd.wire.settings import WireSettings
from replayd.wire.stream import Stream

_SECOND = 1_000_000_000


class Http2Transfer(Transfer):
    """A transfer over HTTP/2; see `Transfer`."""

    def __init__(
        self,
        shared: Multiplexer,
        plan: Plan,
        settings: WireSettings,
        *,
        content: Iterable[bytes],
        new_body: Callable[[], Body],
        budget: Budget,
        wake: Callable[[], None],
    ) -> None:
        """`content` is read as it is sent."""
        super().__init__(shared.connection, settings, new_body=new_body, budget=budget, wake=wake)
        assert plan.http2 is not None, "a connection speaks HTTP/2 only where the plan has it"
        self._request: Http2Request = plan.http2
        self._method = plan.method
        self._shared = shared
        self._info = shared.info
        self._pieces: Iterator[bytes] = (piece for piece in content if piece)
        self._piece = memoryview(b"")
        self._next: bytes | None = None
        """What follows the piece; None: nothing does."""
        self._held = plan.expect_continue
        """The content waits for `100 Continue`."""
        self._stream: Stream | None = None
        self._heard = 0
        """What the connection had received when the silence began."""
        self._now = 0

    def begin(self, now: int) -> None:
        """Sends what can be sent at once."""
        self._now = now
        self._next = next(self._pieces, None)
        bare = self._next is None and not self._request.trailers
        self._held = self._held and self._next is not None
        self._stream = self._shared.open(
            self._method, self._request.headers, ends=bare, wake=self._wake
        )
        self._write(now)
        self._wait(now)

    def on_ready(self, now: int, *, readable: bool, writable: bool) -> bool:
        """Goes on; True: the response is complete. Raises WireError."""
        complete = self._read(now)
        if not complete:
            self._write(now)
        self._wait(now)
        if self.body is not None and not complete:
            self._charge()
        return complete

    def late(self, now: int) -> bool:
        """The deadline has passed: goes on without `100 Continue`, or raises WireError."""
        self._now = now
        if not self._awaits_continue:
            raise self._too_late()
        # The server does not know Expect, or does not care (RFC 9110 section 10.1.1).
        self._held = False
        self._write(now)
        self._wait(now)
        return False

    @property
    def info(self) -> ConnectionInfo:
        """What events say of the connection; others used it before, or did not."""
        return self._info

    @property
    def head(self) -> ResponseHead | None:
        """See `Transfer.head`."""
        return self._stream.response.head if self._stream is not None else None

    @property
    def trailers(self) -> Headers:
        """See `Transfer.trailers`."""
        return self._stream.response.trailers if self._stream is not None else ()

    @property
    def lenient(self) -> bool:
        """Capitals in names, fields about a connection, pseudo fields out of place."""
        return self._stream is not None and self._stream.response.lenient

    @property
    def untouched(self) -> bool:
        """Not a byte of the request was handed over, or the server said it did nothing."""
        return self._stream is None or self._stream.untouched or self.refused

    @property
    def refused(self) -> bool:
        """REFUSED_STREAM, or a GOAWAY that names an earlier stream as the last."""
        return self._stream is not None and self._stream.refused

    @property
    def needs_http1(self) -> bool:
        """HTTP_1_1_REQUIRED."""
        return self._stream is not None and self._stream.needs_http1

    def conclude(self, keep: Keep) -> None:
        """Leaves the stream; the connection is kept by whom it is shared."""
        self.abort()

    def abort(self) -> None:
        """Leaves the stream; one that has not ended is cancelled."""
        self._settle()
        if self._stream is not None:
            self._stream.leave(self._now)
        else:
            # The content could not be read: the connection may be ours alone.
            self._shared.release(self._now)

    # Send

    @property
    def _awaits_continue(self) -> bool:
        return self._held and self.head is None

    @property
    def _written(self) -> bool:
        return self._stream is not None and self._stream.written

    def _write(self, now: int) -> None:
        stream = self._stream
        assert stream is not None
        while not self._held and stream.ends_at is None:
            if not self._piece and not self._begin_piece(stream):
                break
            last = self._next is None and not self._request.trailers
            size = stream.send(self._piece, ends=last)
            self._piece = self._piece[size:]
            if self._piece:
                break  # It wakes us.
        if self.sent is None and stream.written:
            self.sent = now

    def _begin_piece(self, stream: Stream) -> bool:
        """Goes on to the next piece; False: there is none, and the trailers have been said."""
        if self._next is None:
            stream.send_trailers(self._request.trailers)
            return False
        self._piece = memoryview(self._next)
        self._next = next(self._pieces, None)
        return True

    # Receive

    def _read(self, now: int) -> bool:
        stream = self._stream
        assert stream is not None
        size, content = stream.collect()
        self._measure(size, now)
        if content:
            self._store(content)
        if stream.response.head is not None:
            self.early = self.early or not stream.written
        elif stream.response.continued:
            self._held = False
        if stream.error is not None and not stream.response.complete:
            raise stream.error
        return stream.response.complete

    def _let_come(self, more: bool) -> None:
        assert self._stream is not None
        self._stream.let_come(more)

    @property
    def _hurried(self) -> bool:
        response = self._stream.response if self._stream is not None else None
        return response is None or response.head is None or response.declared_length

    # Deadlines

    def _wait(self, now: int) -> None:
        """Something went on: the silence from now on is what counts."""
        assert self._stream is not None
        self._now, self._heard = now, self._stream.carrier_received
        if self._awaits_continue:
            self.deadline = now + int(self._settings.expect_timeout * _SECOND)
        else:
            self.deadline = now + self._read_timeout

    def _too_late(self) -> WireError:
        stream = self._stream
        assert stream is not None
        if stream.carrier_received == self._heard:
            stream.distrust()
        seconds = f"{self._settings.read_timeout:g} s"
        if self.first_byte is not None:
            return WireError(Reason.READ_TIMEOUT, f"the response stopped for {seconds}")
        if not self._written:
            return WireError(
                Reason.WRITE_TIMEOUT, f"the server took nothing of the request for {seconds}"
            )
        return WireError(Reason.FIRST_BYTE_TIMEOUT, f"the server did not answer within {seconds}")
