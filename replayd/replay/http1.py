"""One request and its response over HTTP/1, on a connection of its own for that time.

A response may come before the whole request was sent; what the server has to say counts
more than what it no longer wants to hear, so a failed write ends only writing.
"""

from collections.abc import Callable, Iterable

from replayd.errors import WireError
from replayd.journal.interface import Body
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.model.plan import Plan
from replayd.reasons import Reason
from replayd.replay.budget import Budget
from replayd.replay.transfer import Keep, Transfer
from replayd.wire.poller import Connection
from replayd.wire.reader import ResponseReader
from replayd.wire.request import RequestWriter, traits
from replayd.wire.settings import WireSettings
from replayd.wire.transport import LARGE_RECEIVE_SIZE, RECEIVE_SIZE

_SECOND = 1_000_000_000

_TURN = 4 * LARGE_RECEIVE_SIZE
"""Bytes taken of one response before others have their turn: half a millisecond."""


class Http1Transfer(Transfer):
    """A transfer over HTTP/1; see `Transfer`."""

    _send_error: WireError | None = None

    def __init__(
        self,
        connection: Connection,
        plan: Plan,
        reader: ResponseReader,
        settings: WireSettings,
        *,
        content: Iterable[bytes],
        whole: bool,
        new_body: Callable[[], Body],
        budget: Budget,
        wake: Callable[[], None],
    ) -> None:
        """`whole`: the content is in memory; else it is read as it is sent."""
        super().__init__(connection, settings, new_body=new_body, budget=budget, wake=wake)
        self._reader = reader
        self._writer = RequestWriter(plan, content, whole=whole)
        self._keeps, binds = traits(plan.head)
        if binds:
            connection.bound = True

    def begin(self, now: int) -> None:
        """Sends what can be sent at once."""
        self._write(now)
        self._wait(now)

    def resume(self, size: int | None, now: int) -> None:
        """Goes on where so many bytes (None: all) of the request, which is one piece, were sent
        at this moment.
        """
        self._writer.skip(size)
        self.begin(now)

    def take(self, data: bytes, now: int) -> bool:
        """Takes what was received already, and goes on; see `on_ready`."""
        self._measure(len(data), now)
        if self._feed(data, now):
            return True
        # A full piece: probably there is more.
        more = self.connection.transport.buffered or len(data) >= RECEIVE_SIZE
        return self.on_ready(now, readable=more, writable=False)

    def on_ready(self, now: int, *, readable: bool, writable: bool) -> bool:
        """Goes on; True: the response is complete. Raises WireError."""
        if writable:
            self._write(now)
        if readable and self._budget.tight and not self._budget.admits(self):
            readable = False
        if readable and self._read(now):
            return True
        self._wait(now)
        if self.body is not None:
            self._charge()
        return False

    def late(self, now: int) -> bool:
        """The deadline has passed: goes on without `100 Continue`, or raises WireError."""
        if not self._awaits_continue:
            raise self._too_late()
        # The server does not know Expect, or does not care (RFC 9110 section 10.1.1).
        self._writer.release()
        self.begin(now)
        return False

    @property
    def head(self) -> ResponseHead | None:
        """See `Transfer.head`."""
        return self._reader.head

    @property
    def trailers(self) -> Headers:
        """See `Transfer.trailers`."""
        return self._reader.trailers

    @property
    def lenient(self) -> bool:
        """Both framing fields, folded lines, bare LF."""
        return self._reader.lenient

    @property
    def untouched(self) -> bool:
        """Not a byte of the request was handed over."""
        return not self._writer.started

    def conclude(self, keep: Keep) -> None:
        """Keeps the connection when both sides are through and mean to go on."""
        self._settle()
        reader = self._reader
        if self._keeps and reader.complete and reader.reusable and self._written and not self.early:
            self.connection.bound |= reader.bound
            keep(self.connection, reader.idle_seconds)
        else:
            self.connection.close()

    def abort(self) -> None:
        """Closes the connection."""
        self._settle()
        self.connection.close()

    # Send

    @property
    def _awaits_continue(self) -> bool:
        # Other interim responses say nothing about it.
        return self._writer.held and self._reader.head is None

    @property
    def _written(self) -> bool:
        """Every byte of the request has left: TLS holds none back either."""
        return self._writer.done and not self.connection.transport.wants_write

    def _write(self, now: int) -> None:
        writer, connection = self._writer, self.connection
        transport = connection.transport
        if self._send_error is None:
            try:
                writer.write(transport)
                if not writer.waiting and transport.wants_write:
                    transport.send(b"")
            except WireError as error:
                # The server may have answered before it closed; reading will tell.
                self._send_error = error
        if self.sent is None and self._written:
            self.sent = now
        connection.want_write(self._send_error is None and writer.waiting)

    # Receive

    def _read(self, now: int) -> bool:
        reader, transport = self._reader, self.connection.transport
        size = LARGE_RECEIVE_SIZE if reader.declared_length else RECEIVE_SIZE
        room = _TURN
        while True:
            data = transport.receive(size)
            if data is None:
                return False
            self._measure(len(data), now)
            if self._feed(data, now):
                return True
            if transport.buffered:
                continue
            room -= len(data)
            if len(data) < size or room <= 0 or not reader.declared_length:
                return False
            size = LARGE_RECEIVE_SIZE  # There was more than that: probably there still is.

    def _feed(self, data: bytes, now: int) -> bool:
        """Takes what came (nothing: the server closed); True: the response is complete."""
        reader = self._reader
        reader.feed(data, self._store)
        if self.sent is None:
            self._heed(now)
        return reader.complete

    def _heed(self, now: int) -> None:
        """Lets the response so far decide about the rest of the request."""
        if self._reader.head is not None:
            self.early = True
        elif self._writer.held and self._reader.continued:
            self._writer.release()
            self._write(now)

    def _let_come(self, more: bool) -> None:
        if more:
            self.connection.resume()
        else:
            self.connection.pause()

    @property
    def _hurried(self) -> bool:
        return self._reader.head is None or self._reader.declared_length

    # Deadlines

    def _wait(self, now: int) -> None:
        """Something went on: the silence from now on is what counts."""
        if self._awaits_continue:
            self.deadline = now + int(self._settings.expect_timeout * _SECOND)
        else:
            self.deadline = now + self._read_timeout

    def _too_late(self) -> WireError:
        seconds = f"{self._settings.read_timeout:g} s"
        if self.first_byte is not None:
            return WireError(Reason.READ_TIMEOUT, f"the response stopped for {seconds}")
        if not self._written and self._send_error is None:
            return WireError(
                Reason.WRITE_TIMEOUT, f"the server took nothing of the request for {seconds}"
            )
        return WireError(Reason.FIRST_BYTE_TIMEOUT, f"the server did not answer within {seconds}")
