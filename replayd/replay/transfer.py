"""One request and its response on one connection. Knows no journal's log and no retries.

It writes and reads as far as that goes without waiting, says at which moment it is late,
and then why. A response may come before the whole request was sent; what the server has to
say counts more than what it no longer wants to hear, so a failed write ends only writing.
"""

from collections.abc import Callable, Iterable

from replayd.errors import WireError
from replayd.journal.interface import Body
from replayd.model.plan import Plan
from replayd.reasons import Reason
from replayd.replay.pace import Pace
from replayd.wire.poller import Connection
from replayd.wire.reader import ResponseReader
from replayd.wire.request import RequestWriter, traits
from replayd.wire.settings import WireSettings

_SECOND = 1_000_000_000


class Transfer:
    """A request on its way out and its response on its way in. Times: see `wire`."""

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
    ) -> None:
        """`whole`: the content is in memory; else it is read as it is sent."""
        self.connection = connection
        self.reader = reader
        self.body: Body | None = None
        """The content so far; None: none came."""
        self.deadline = 0
        self.sent: int | None = None
        """When the last byte of the request was handed to the system."""
        self.first_byte: int | None = None
        self.early = False
        """The response came before the whole request was sent."""
        self._settings = settings
        self._read_timeout = int(settings.read_timeout * _SECOND)
        self._new_body = new_body
        self._writer = RequestWriter(plan, content, whole=whole)
        self._send_error: WireError | None = None
        self._pace: Pace | None = None
        said = traits(plan.head)
        self._keeps = said.keeps
        connection.bound |= said.binds

    def begin(self, now: int) -> None:
        """Sends what can be sent at once."""
        self._write(now)
        self._wait(now)

    def on_ready(self, now: int, *, readable: bool, writable: bool) -> bool:
        """Goes on; True: the response is complete. Raises WireError."""
        if writable:
            self._write(now)
        complete = readable and self._read(now)
        self._wait(now)
        return complete

    def late(self, now: int) -> None:
        """The deadline has passed: goes on without `100 Continue`, or raises WireError."""
        if not self._awaits_continue:
            raise self._too_late()
        # The server does not know Expect, or does not care (RFC 9110 section 10.1.1).
        self._writer.release()
        self.begin(now)

    @property
    def untouched(self) -> bool:
        """Not a byte of the request was handed over."""
        return not self._writer.started

    @property
    def keepable(self) -> bool:
        """Both sides are through and mean to go on: another request may follow."""
        return (
            self._keeps
            and self.reader.complete
            and self.reader.reusable
            and self._written
            and not self.early
        )

    # Send

    @property
    def _awaits_continue(self) -> bool:
        # Other interim responses say nothing about it.
        return self._writer.held and self.reader.head is None

    @property
    def _written(self) -> bool:
        """Every byte of the request has left: TLS holds none back either."""
        return self._writer.done and not self.connection.transport.wants_write

    def _write(self, now: int) -> None:
        writer, connection = self._writer, self.connection
        if self._send_error is None:
            try:
                writer.write(connection.transport)
                if not writer.waiting and connection.transport.wants_write:
                    connection.transport.send(b"")
            except WireError as error:
                # The server may have answered before it closed; reading will tell.
                self._send_error = error
        if self._written and self.sent is None:
            self.sent = now
        connection.want_write(self._send_error is None and writer.waiting)

    # Receive

    def _read(self, now: int) -> bool:
        transport = self.connection.transport
        while True:
            data = transport.receive()
            if data is None:
                return False
            self._measure(len(data), now)
            self.reader.feed(data, self._store)
            self._heed(now)
            if self.reader.complete:
                return True
            if not transport.buffered:
                return False

    def _heed(self, now: int) -> None:
        """Lets the response so far decide about the rest of the request."""
        if self._written:
            return
        if self.reader.head is not None:
            self.early = True
        elif self._writer.held and self.reader.continued:
            self._writer.release()
            self._write(now)

    def _measure(self, size: int, now: int) -> None:
        settings, reader = self._settings, self.reader
        if not size:
            return
        if self._pace is None:
            self.first_byte = now
            self._pace = Pace(now, rate=settings.min_rate, slack=settings.min_rate_after)
        slow = self._pace.too_slow(size, now)
        if slow and (reader.head is None or reader.declared_length):
            raise WireError(
                Reason.TOO_SLOW,
                f"the response comes at less than {settings.min_rate} bytes a second",
            )

    def _store(self, data: bytes) -> None:
        """Keeps content, up to the limit."""
        if self.body is None:
            self.body = self._new_body()
        limit = self._settings.body_size_limit
        room = limit - self.body.size
        self.body.write(data if len(data) <= room else data[:room])
        if len(data) > room:
            raise WireError(
                Reason.BODY_TOO_LARGE,
                f"the response's content is larger than {limit} bytes; --body-size-limit sets this",
                limit=limit,
            )

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
