"""A WebSocket replay on a connection of its own: the handshake over HTTP/1, then the
conversation.

A server that answers the handshake with anything but 101 has answered: that is a response
like any other.
"""

from collections.abc import Callable, Iterable, Sequence

from replayd.codec.websocket import decode_conversation, encode_conversation, encode_large
from replayd.errors import WireError
from replayd.journal.interface import Body
from replayd.model.flow import WebSocketMessage
from replayd.model.outcome import ResponseHead, WebSocketResult
from replayd.model.plan import Plan
from replayd.reasons import Reason
from replayd.replay.budget import Budget
from replayd.replay.conversation import Conversation
from replayd.replay.http1 import Http1Transfer
from replayd.replay.transcript import Transcript
from replayd.replay.websocket_script import Script
from replayd.wire.poller import Connection
from replayd.wire.reader import ResponseReader
from replayd.wire.settings import WireSettings
from replayd.wire.websocket import PIECE, Frames
from replayd.wire.websocket_handshake import accepted

_SWITCHED = 101
_HUNG_UP = (Reason.CONNECTION_RESET, Reason.TLS_FAILED)


class WebSocketTransfer(Http1Transfer):
    """A transfer that becomes a conversation; see `Transfer`."""

    def __init__(
        self,
        connection: Connection,
        plan: Plan,
        reader: ResponseReader,
        settings: WireSettings,
        *,
        recorded: Iterable[bytes],
        new_body: Callable[[], Body],
        budget: Budget,
        wake: Callable[[], None],
        epoch: int,
    ) -> None:
        """`recorded`: the conversation (`codec.websocket`) in pieces, read as it is replayed;
        `epoch`: the wall clock where the monotonic one is 0.
        """
        super().__init__(
            connection,
            plan,
            reader,
            settings,
            content=(),
            whole=True,
            new_body=new_body,
            budget=budget,
            wake=wake,
        )
        self._plan = plan
        self._recorded = recorded
        self._epoch = epoch
        self._conversation: Conversation | None = None
        self._after_head = bytearray()
        """What came right behind the 101."""

    @property
    def websocket(self) -> WebSocketResult | None:
        """What was said so far; None: the handshake was not accepted."""
        return self._conversation.result if self._conversation is not None else None

    @property
    def notes(self) -> Sequence[str]:
        """See `Transfer.notes`."""
        return self._conversation.notes if self._conversation is not None else ()

    def on_ready(self, now: int, *, readable: bool, writable: bool) -> bool:
        """Goes on; True: the conversation is over, or the response complete."""
        try:
            complete = super().on_ready(now, readable=readable, writable=writable)
            if self._conversation is not None and not complete:
                self._charge()
            return complete
        except WireError as error:
            conversation = self._conversation
            if conversation is None or not conversation.closing or error.reason not in _HUNG_UP:
                raise
            # All was said: how roughly the server leaves after our Close does not matter.
            return True

    def late(self, now: int) -> bool:
        """See `Transfer.late`."""
        if self._conversation is None:
            return super().late(now)
        over = self._conversation.late(now)
        self._wait(now)
        return over

    def _write(self, now: int) -> None:
        if self._conversation is None:
            super()._write(now)
        else:
            self._conversation.write(now)

    def _read(self, now: int) -> bool:
        conversation = self._conversation
        if conversation is not None and conversation.pending:
            return conversation.hear(now)
        return super()._read(now)

    def _feed(self, data: bytes, now: int) -> bool:
        if self._conversation is not None:
            return self._conversation.feed(data, now)
        complete = super()._feed(data, now)
        head = self._reader.head
        if head is None or head.status_code != _SWITCHED:
            return complete
        self._conversation = self._begin_conversation(head, now)
        self._conversation.write(now)
        return bool(self._after_head) and self._conversation.feed(bytes(self._after_head), now)

    def _begin_conversation(self, head: ResponseHead, now: int) -> Conversation:
        plan, settings = self._plan, self._settings
        assert plan.websocket is not None
        if not self._writer.done:
            raise WireError(
                Reason.INVALID_RESPONSE, "the server switched protocols before it was asked to"
            )
        deflate = accepted(plan.head, head)
        return Conversation(
            self.connection,
            plan.websocket,
            Script(decode_conversation(self._recorded), plan.websocket, now),
            Frames(deflate, settings.body_size_limit),
            Transcript(self._keep_message, self._epoch),
            read_timeout=self._read_timeout,
            now=now,
        )

    @property
    def _in_memory(self) -> int:
        conversation = self._conversation
        return super()._in_memory + (conversation.held if conversation is not None else 0)

    def _keep_message(self, message: WebSocketMessage) -> None:
        if self.body is None:
            self.body = self._new_body()
        if len(message.content) <= PIECE:
            self.body.write(encode_conversation([message]))
            return
        for piece in encode_large(message, PIECE):
            self.body.write(piece)

    def _store(self, data: bytes) -> None:
        head = self._reader.head
        if head is not None and head.status_code == _SWITCHED:
            self._after_head += data
        else:
            super()._store(data)

    def _wait(self, now: int) -> None:
        if self._conversation is None:
            super()._wait(now)
        else:
            self.deadline = self._conversation.deadline
