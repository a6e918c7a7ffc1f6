"""One replay on its way: dial, send, receive, outcome. A small state machine.

It is told what happened (ready to read or write, a name resolved, a deadline passed) and
goes on as far as it can without waiting. Whatever goes wrong ends this replay and nothing
else: a WireError with its own reason, anything unexpected as INTERNAL.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from replayd.errors import ReplaydError, WireError
from replayd.journal.interface import Body, Journal, Part
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from replayd.replay.clock import Clock
from replayd.replay.pace import Pace
from replayd.replay.recorder import Recorder
from replayd.wire.client import Wire
from replayd.wire.dial import Dial
from replayd.wire.poller import Connection
from replayd.wire.pool import Session
from replayd.wire.reader import ResponseReader
from replayd.wire.request import RequestWriter, traits

_logger = logging.getLogger(__name__)

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every exchange of the thread shares."""

    wire: Wire
    journal: Journal
    recorder: Recorder
    clock: Clock
    announce: Callable[[int], None]
    """A deadline was set (`Deadlines.announce`)."""
    ended: Callable[["Exchange"], None]
    """The exchange is over and recorded."""


class Exchange:
    """One replay, from take to outcome."""

    def __init__(self, replay: Replay, plan: Plan, around: Surroundings, timings: Timings) -> None:
        self.replay = replay
        self.plan = plan
        self.deadline = 0
        """Monotonic nanoseconds at which `on_deadline` has to be called."""
        self._around = around
        self._settings = around.wire.settings
        self._timings = timings
        self._start = around.clock.monotonic()
        self._end = self._start + int(self._settings.total_timeout * _SECOND)
        self._read_timeout = int(self._settings.read_timeout * _SECOND)
        key = replay.key
        self._session = Session(key.batch_id, key.repeat, replay.session)
        self._dial: Dial | None = None
        self._connection: Connection | None = None
        self._writer: RequestWriter | None = None
        self._reader: ResponseReader | None = None
        self._pace: Pace | None = None
        self._body: Body | None = None
        self._send_error: WireError | None = None
        self._early = False
        self._over = False
        self._notes: list[str] = []

    # What happens to it

    def start(self) -> None:
        """Begins, on a kept connection where there is one."""
        self._step(self._begin)

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """Its connection can be read or written."""
        if self._dial is not None:
            self._step(self._go_on_dialling)
        else:
            self._step(lambda now: self._transfer(now, readable=readable, writable=writable))

    def on_deadline(self) -> None:
        """Its deadline has passed."""
        self._step(self._late)

    def abandon(self) -> None:
        """Ends it without an outcome: what is known of it is left to the journal."""
        self._over = True
        self._hang_up()
        if self._body is not None:
            self._body.discard()

    def _step(self, step: Callable[[int], None]) -> None:
        """Takes a step; nothing that goes wrong in it gets out."""
        if self._over:
            return
        try:
            try:
                step(self._around.clock.monotonic())
            except ReplaydError as error:
                self._went_wrong(error)
        except Exception as error:
            _logger.exception("replay %s failed inside", self.replay.key.replay_id)
            self._crash(error)

    # Dial

    def _begin(self, now: int) -> None:
        plan, pool = self.plan, self._around.wire.pool
        kept = pool.take(self._session, plan.target, idempotent=plan.idempotent, now=now)
        if kept is None:
            self._dial_now(now)
        else:
            kept.owner = self
            self._send_on(kept, now)

    def _dial_now(self, now: int) -> None:
        wake = self._resolved
        self._dial = self._around.wire.dial(self.plan.target, self, now, wake)
        self._go_on_dialling(now)

    def _resolved(self) -> None:
        self._step(self._go_on_dialling)

    def _go_on_dialling(self, now: int) -> None:
        dial = self._dial
        assert dial is not None
        if not dial.advance(now):
            self._set_deadline(dial.deadline)
            return
        assert dial.connection is not None
        self._timings.connected = self._since_start(dial.connected_at)
        self._timings.tls = self._since_start(dial.tls_at)
        self._dial = None
        self._send_on(dial.connection, now)

    # Send

    def _send_on(self, connection: Connection, now: int) -> None:
        self._connection = connection
        said = traits(self.plan.head)
        connection.bound |= said.binds
        self._reader = self._around.wire.reader(self.plan.method)
        self._writer = RequestWriter(
            self.plan, self._content(), whole=self.replay.request_content is not None
        )
        self._write(now)
        self._wait(now)

    def _content(self) -> Iterable[bytes]:
        if self.replay.request_content is not None:
            return (self.replay.request_content,)
        return self._around.journal.content(self.replay.key, Part.REQUEST)

    def _write(self, now: int) -> None:
        """Writes on; when that fails, what the server still has to say decides."""
        connection, writer = self._connection, self._writer
        assert connection is not None
        assert writer is not None
        if self._send_error is None:
            try:
                writer.write(connection.transport)
            except WireError as error:
                self._send_error = error
        if writer.done and self._timings.sent is None:
            self._timings.sent = now - self._start
        connection.want_write(self._send_error is None and writer.waiting)

    # Receive

    def _transfer(self, now: int, *, readable: bool, writable: bool) -> None:
        if writable:
            self._write(now)
        if readable:
            self._read(now)
        if not self._over:
            self._wait(now)

    def _read(self, now: int) -> None:
        connection, reader = self._connection, self._reader
        assert connection is not None
        assert reader is not None
        while True:
            data = connection.transport.receive()
            if data is None:
                return
            self._check_pace(len(data), now)
            reader.feed(data, self._store)
            if reader.complete:
                self._succeed(now)
                return
            if reader.head is not None and not self._writer_done():
                self._early = True
            elif reader.continued and self._writer is not None and self._writer.held:
                self._writer.release()
                self._write(now)
            if not connection.transport.buffered:
                return

    def _check_pace(self, size: int, now: int) -> None:
        settings, reader = self._settings, self._reader
        if self._pace is None:
            self._timings.first_byte = now - self._start
            self._pace = Pace(now, rate=settings.min_rate, slack=settings.min_rate_after)
        counts = reader is not None and (reader.head is None or reader.declared_length)
        if size and counts and self._pace.too_slow(size, now):
            raise WireError(
                Reason.TOO_SLOW, f"the response came at less than {settings.min_rate} bytes/s"
            )

    def _store(self, data: bytes) -> None:
        """Keeps content, up to the limit."""
        if self._body is None:
            self._body = self._around.journal.new_body()
        limit = self._settings.body_size_limit
        room = limit - self._body.size
        self._body.write(data if len(data) <= room else data[:room])
        if len(data) > room:
            raise WireError(
                Reason.BODY_TOO_LARGE,
                f"the response's content is larger than {limit} bytes; see --body-size-limit",
                limit=limit,
            )

    # Deadlines

    def _wait(self, now: int) -> None:
        """Something went on: the next silence is counted from now."""
        writer = self._writer
        if writer is not None and writer.held and self._pace is None:
            self._set_deadline(now + int(self._settings.expect_timeout * _SECOND))
        else:
            self._set_deadline(now + self._read_timeout)

    def _set_deadline(self, deadline: int) -> None:
        self.deadline = min(deadline, self._end)
        self._around.announce(self.deadline)

    def _late(self, now: int) -> None:
        settings, writer = self._settings, self._writer
        if now >= self._end:
            raise WireError(Reason.TOTAL_TIMEOUT, f"no outcome within {settings.total_timeout:g} s")
        if self._dial is not None:
            self._dial.expire(now)
            self._go_on_dialling(now)
            return
        if writer is not None and writer.held and self._pace is None:
            # The server does not know Expect, or does not care (RFC 9110 section 10.1.1).
            writer.release()
            self._write(now)
            self._wait(now)
            return
        raise self._too_late()

    def _too_late(self) -> WireError:
        seconds = f"{self._settings.read_timeout:g} s"
        if self._pace is not None:
            return WireError(Reason.READ_TIMEOUT, f"the response stopped for {seconds}")
        if not self._writer_done() and self._send_error is None:
            return WireError(
                Reason.WRITE_TIMEOUT, f"the server took nothing of the request for {seconds}"
            )
        return WireError(Reason.FIRST_BYTE_TIMEOUT, f"the server did not answer within {seconds}")

    # Outcome

    def _succeed(self, now: int) -> None:
        outcome = self._outcome(ReplayState.SUCCEEDED, now)
        self._conclude(outcome)

    def _went_wrong(self, error: ReplaydError) -> None:
        if self._may_retry(error):
            self._notes.append(
                f"the kept connection failed before a byte of the response ({error.message}); "
                "sent once more on a fresh one"
            )
            self._hang_up()
            self._send_error = None
            self._timings.sent = None
            self._step(self._dial_now)
            return
        now = self._around.clock.monotonic()
        outcome = self._outcome(ReplayState.FAILED, now)
        outcome.reason, outcome.message = error.reason, error.message
        self._conclude(outcome)

    def _may_retry(self, error: ReplaydError) -> bool:
        """Only a kept connection may have been dead already, and only what is safe to
        repeat, or never began, is repeated (RFC 9110 section 9.2.2; once: RFC 9112 9.3.1).
        """
        connection, writer = self._connection, self._writer
        return (
            error.reason in (Reason.CLOSED_EARLY, Reason.CONNECTION_RESET, Reason.TLS_FAILED)
            and connection is not None
            and connection.used
            and writer is not None
            and self._timings.first_byte is None
            and (self.plan.idempotent or not writer.started)
        )

    def _outcome(self, state: ReplayState, now: int) -> Outcome:
        reader, body = self._reader, self._body
        self._timings.total = now - self._start
        outcome = Outcome(state, self._timings, early=self._early, notes=self._notes)
        if reader is not None:
            outcome.head = reader.head
            outcome.trailers = reader.trailers
            outcome.lenient = reader.lenient
        if body is not None:
            outcome.content_prefix = body.prefix(PREVIEW_LIMIT)
            outcome.content_size = body.size
        connection = self._dial.connection if self._dial is not None else self._connection
        if connection is not None:
            outcome.connection = replace(connection.info, reused=connection.used)
        return outcome

    def _conclude(self, outcome: Outcome) -> None:
        """Records it, then frees or closes the connection."""
        body = self._body
        if body is not None and outcome.reason is Reason.BODY_TOO_LARGE:
            body.discard()
            body = None
        self._around.recorder.ended(self.replay, self.plan, outcome, body)
        self._over = True
        if outcome.state is ReplayState.SUCCEEDED and self._keepable():
            self._keep()
        else:
            self._hang_up()
        self._around.ended(self)

    def _keepable(self) -> bool:
        reader = self._reader
        return (
            reader is not None
            and reader.reusable
            and not self._early
            and self._writer_done()
            and self._send_error is None
            and traits(self.plan.head).keeps
        )

    def _keep(self) -> None:
        connection, reader = self._connection, self._reader
        assert connection is not None
        assert reader is not None
        connection.used = True
        connection.bound |= reader.bound
        self._connection = None
        self._around.wire.pool.keep(
            connection,
            self._session,
            session_waits=self._around.journal.session_waits(self.replay.key, self.replay.session),
            now=self._around.clock.monotonic(),
            idle_seconds=reader.idle_seconds,
        )

    def _crash(self, error: Exception) -> None:
        recorded, self._over = self._over, True
        self._hang_up()
        if self._body is not None:
            self._body.discard()
        if not recorded:
            self._timings.total = self._around.clock.monotonic() - self._start
            self._around.recorder.crashed(self.replay, self.plan, self._timings, error)
        self._around.ended(self)

    def _hang_up(self) -> None:
        if self._dial is not None:
            self._dial.close()
            self._dial = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _writer_done(self) -> bool:
        return self._writer is not None and self._writer.done

    def _since_start(self, moment: int | None) -> int | None:
        return None if moment is None else moment - self._start
