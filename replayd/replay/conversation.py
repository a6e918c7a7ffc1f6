"""What is said on a WebSocket connection after its handshake. Knows no handshake, and not
how it is recorded in the end.

Each message goes when the script says so. Nothing is read ahead or held back: one frame is
on its way out at a time. When all is said the side that closed in the capture closes:

- we did: our Close goes, and the server's answer is waited for;
- the server did: it is waited for, then we close, with 1000.

Neither is waited for longer than `CLOSE_WAIT`: a server that does not close is not at
fault for what was said. One that closes before we have said everything is. One that closes
properly once we have, with fewer messages than were recorded, said what it had to say: the
counts tell the difference.
"""

import os
from collections.abc import Iterator

from replayd.errors import WireError
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.outcome import WebSocketResult
from replayd.model.plan import WebSocketPlan
from replayd.reasons import Reason
from replayd.replay.transcript import Transcript
from replayd.replay.websocket_script import Script
from replayd.wire.poller import Connection
from replayd.wire.websocket import PIECE, Frames

_SECOND = 1_000_000_000

CLOSE_WAIT = 5 * _SECOND
"""Nanoseconds that a Close is waited for: browsers and servers wait 2 to 10 s."""

_NORMAL = 1000
_TURN = 64
"""Frames that are written before others get their turn."""


class Conversation:
    """One conversation; moments are monotonic nanoseconds."""

    def __init__(
        self,
        connection: Connection,
        plan: WebSocketPlan,
        script: Script,
        frames: Frames,
        transcript: Transcript,
        *,
        read_timeout: int,
        now: int,
    ) -> None:
        """Begins `now`; all that is said goes to the transcript."""
        self.closing = False
        """We sent a Close, or are about to."""
        self.pending = False
        """More came than was heard yet: `hear` it before anything else is fed."""
        self.notes: list[str] = []
        self._connection = connection
        self._plan = plan
        self._script = script
        self._frames = frames
        self._read_timeout = read_timeout
        self._close_wait = min(read_timeout, CLOSE_WAIT)
        self._transcript = transcript
        self._outbox = memoryview(b"")
        self._pieces: Iterator[bytes] | None = None
        """What is left of a large frame, made as it is written; None: all is in the outbox."""
        self._leaving: WebSocketMessage | None = None
        """The message in the outbox; None: another frame is."""
        self._send_error: WireError | None = None
        self._now = self._progress = now
        """`_progress`: when the silence of who is waited for began."""
        self._close_by: int | None = None
        """All is said: when the server's Close is not waited for any longer."""

    @property
    def result(self) -> WebSocketResult:
        """What was said so far."""
        closed = self._frames.closed
        return self._transcript.result(
            client_closed=self.closing,
            close_code=closed.code if closed else 0,
            close_reason=closed.reason if closed else "",
            recorded_received_count=self._plan.server_message_count,
        )

    @property
    def held(self) -> int:
        """Bytes of a message that has not come to its end."""
        return self._frames.held

    # In

    def feed(self, data: bytes, now: int) -> bool:
        """Takes what came (nothing: the server closed the connection); True: it is over.

        Raises WireError: CLOSED_EARLY, INVALID_RESPONSE, BODY_TOO_LARGE.
        """
        if data:
            return self.hear(now, data)
        while self.pending:
            if self.hear(now):
                return True
        return self._hung_up()

    def hear(self, now: int, data: bytes = b"") -> bool:
        """Hears what came, or goes on with that where it is long; see `feed`."""
        self._now = now
        heard = self._frames.heard
        try:
            self.pending = self._frames.feed(data, self._came)
        except WireError:
            self.write(now)
            raise
        if self._frames.heard != heard:
            self._progress = now
        self.write(now)
        return self._frames.closed is not None and self._closed()

    def _came(self, kind: WebSocketMessageKind, content: bytes) -> None:
        self._transcript.add_received(kind, content, self._now)

    def _closed(self) -> bool:
        """The server sent a Close, and was answered."""
        if not self._script.all_sent:
            closed = self._frames.closed
            assert closed is not None
            reason = f" {closed.reason!r}" if closed.reason else ""
            raise self._early(
                f"the server closed the WebSocket ({closed.code or 'no code'}{reason})"
            )
        return True

    def _hung_up(self) -> bool:
        """The connection ended without a Close: right after ours, or where it did so in the
        capture, too.
        """
        as_recorded = not self._plan.client_closed and not self._plan.close_code
        if self.closing or (as_recorded and self._script.through(self._transcript.received)):
            return True
        raise self._early("the server closed the connection without closing the WebSocket")

    def _early(self, what: str) -> WireError:
        plan, said = self._plan, self._transcript
        return WireError(
            Reason.CLOSED_EARLY,
            f"{what} after {said.sent} of {plan.client_message_count} messages were sent and "
            f"{said.received} of {plan.server_message_count} came",
        )

    # Out

    def write(self, now: int) -> None:
        """Writes what is due, as far as the connection takes it."""
        self._now = now
        connection = self._connection
        if self._send_error is None:
            try:
                self._write_frames()
                if not self._outbox and connection.transport.wants_write:
                    connection.transport.send(b"")
            except WireError as error:
                # The server may have said why before it closed; reading will tell.
                self._send_error = error
        more = bool(self._outbox) or self._pieces is not None or self._more
        connection.want_write(self._send_error is None and more)

    def _write_frames(self) -> None:
        if self._script.sought:
            self._script.seek()
        for _ in range(_TURN):
            if not self._outbox and not self._next():
                return
            if self._outbox:
                size = self._connection.transport.send(self._outbox)
                if not size:
                    return
                self._outbox = self._outbox[size:]
            if self._leaving is not None:
                self._progress = self._now
                if self._pieces is not None:
                    # The next piece takes its time: others get their turn.
                    return
                if not self._outbox:
                    self._left(self._leaving)

    @property
    def _more(self) -> bool:
        script = self._script
        return self._frames.open and (
            script.sought or script.due(self._transcript.received, self._now)
        )

    def _next(self) -> bool:
        """Puts the next frame, or a piece of it, into the outbox; False: there is none now."""
        if self._pieces is not None:
            piece = next(self._pieces, None)
            self._outbox = memoryview(piece or b"")
            if piece is None:
                self._pieces = None
            return True
        frame = self._frames.take_reply()
        if not frame and self._begin_large():
            return True
        frame = frame or self._next_message() or self._next_close()
        self._outbox = memoryview(frame)
        return bool(frame)

    def _begin_large(self) -> bool:
        """Begins a message that is too large for one turn, if it is its turn."""
        message = self._script.next
        if message is None or len(message.content) <= PIECE or not self._more:
            return False
        self._leaving = message
        self._pieces = self._frames.message_in_pieces(message.kind, message.content, os.urandom(4))
        return True

    def _next_message(self) -> bytes:
        message = self._script.next
        if message is None or not self._more:
            return b""
        self._leaving = message
        return self._frames.message(message.kind, message.content)

    def _left(self, message: WebSocketMessage) -> None:
        self._leaving = None
        self._transcript.add_sent(message, self._now)
        self._script.advance()

    def _next_close(self) -> bytes:
        """Closes when all is said, if that is ours; else begins to wait for the server."""
        if self._close_by is not None or not self._frames.open:
            return b""
        if not self._script.through(self._transcript.received):
            return b""
        self._close_by = self._now + self._close_wait
        plan = self._plan
        return self._close(plan.close_code, plan.close_reason) if plan.client_closed else b""

    def _close(self, code: int, reason: str) -> bytes:
        self.closing = True
        return self._frames.close(code, reason)

    # Deadlines

    @property
    def deadline(self) -> int:
        """When `late` has to be called."""
        if self.pending:
            return self._now
        if self._close_by is not None:
            return self._close_by
        moment = self._script.moment
        if moment is not None and not self._outbox:
            return moment
        return self._progress + self._read_timeout

    def late(self, now: int) -> bool:
        """The deadline has passed; True: it is over. Raises WireError."""
        self._now = now
        if self.pending and (self._close_by is None or now < self._close_by):
            return self.hear(now)
        if self.closing:
            wait = _seconds(self._close_wait)
            self.notes.append(f"the server did not answer our Close within {wait}")
            return True
        if self._close_by is not None:
            self._close_in_its_place()
        elif self._outbox or self._script.moment is None:
            raise self._too_late()
        self.write(now)
        return False

    def _close_in_its_place(self) -> None:
        wait = _seconds(self._close_wait)
        self.notes.append(f"the server did not close within {wait}, as it had; we closed with 1000")
        self._close_by = self._now + self._close_wait
        self._outbox = memoryview(bytes(self._outbox) + self._close(_NORMAL, ""))

    def _too_late(self) -> WireError:
        wait, plan, said = _seconds(self._read_timeout), self._plan, self._transcript
        if self._outbox:
            return WireError(
                Reason.WRITE_TIMEOUT,
                f"the server took nothing for {wait} after {said.sent} of "
                f"{plan.client_message_count} messages were sent",
            )
        return WireError(
            Reason.READ_TIMEOUT,
            f"message {said.received + 1} of {plan.server_message_count} did not come from the "
            f"server within {wait}",
        )


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / _SECOND:g} s"
