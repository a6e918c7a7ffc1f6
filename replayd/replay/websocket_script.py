"""What a WebSocket replay says next, and when. Pure: is told what came and what time it is.

The recorded conversation is the script: the client's messages in their order, each with the
number of the server's messages that had come before it. It is read as it is played, a
turn at a time, so that a million messages that were listened to keep nobody else waiting.
"""

from collections.abc import Iterator

from replayd.model.flow import WebSocketMessage
from replayd.model.plan import WebSocketPace, WebSocketPlan

_SECOND = 1_000_000_000
_TURN = 256
"""Recorded messages that are read before others get their turn: a few milliseconds."""


class Script:
    """The script of one replay. Moments are monotonic nanoseconds."""

    def __init__(
        self, messages: Iterator[WebSocketMessage], plan: WebSocketPlan, begun: int
    ) -> None:
        """`messages`: the conversation as recorded; `begun`: when the handshake was done."""
        self.next: WebSocketMessage | None = None
        """The message to be sent next; None: all were, or it has to be `sought`."""
        self.awaited = 0
        """How many of the server's messages had come before it."""
        self._messages = messages
        self._unsent = plan.client_message_count
        self._awaited_in_all = plan.server_message_count
        self._timed = plan.pace is WebSocketPace.RECORDED
        self._recorded_begin = plan.handshake_time
        self._begun = begun
        self.seek()

    @property
    def all_sent(self) -> bool:
        """Whether no message of ours is left."""
        return not self._unsent

    @property
    def sought(self) -> bool:
        """Whether `seek` has to be called for the next message to be known."""
        return self.next is None and not self.all_sent

    def advance(self) -> None:
        """The message was sent: goes on to the one after it."""
        self.next = None
        self._unsent -= 1
        self.seek()

    def seek(self) -> None:
        """Reads on to the next message, but not for long.

        Raises ValueError when the conversation has fewer messages than its plan.
        """
        for _ in range(_TURN):
            if not self.sought:
                return
            message = next(self._messages, None)
            if message is None:
                raise ValueError(f"a conversation ends before its last {self._unsent} messages")
            if self._recorded_begin is None:
                # Nobody knows when the handshake was: then the first message tells.
                self._recorded_begin = message.time
            self.awaited += message.awaited
            if message.replayed:
                self.next = message

    @property
    def moment(self) -> int | None:
        """When the next message is due; None: as soon as what is awaited came."""
        message = self.next
        if not self._timed or message is None or message.time is None:
            return None
        if self._recorded_begin is None:
            return None
        return self._begun + max(round((message.time - self._recorded_begin) * _SECOND), 0)

    def due(self, received: int, now: int) -> bool:
        """Tells whether to send the next message, `received` of the server's having come."""
        if self.next is None:
            return False
        moment = self.moment
        return received >= self.awaited if moment is None else now >= moment

    def through(self, received: int) -> bool:
        """Tells whether all has been said, on both sides."""
        return self.all_sent and received >= self._awaited_in_all
