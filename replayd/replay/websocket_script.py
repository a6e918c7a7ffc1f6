"""What a WebSocket replay says next, and when. Pure: is told what came and what time it is.

The recorded conversation is the script: the client's messages in their order, each with the
number of the server's messages that had come before it. It is read a message at a time.
"""

from collections.abc import Iterator

from replayd.model.flow import WebSocketMessage
from replayd.model.plan import WebSocketPace, WebSocketPlan

_SECOND = 1_000_000_000


class Script:
    """The script of one replay. Moments are monotonic nanoseconds."""

    def __init__(
        self, messages: Iterator[WebSocketMessage], plan: WebSocketPlan, begun: int
    ) -> None:
        """`messages`: the conversation as recorded; `begun`: when the handshake was done."""
        self.next: WebSocketMessage | None = None
        """The message to be sent next; None: all were."""
        self.awaited = 0
        """How many of the server's messages had come before it; after the last, how many in
        all."""
        self._messages = messages
        self._timed = plan.pace is WebSocketPace.RECORDED
        self._recorded_begin = plan.handshake_time
        self._begun = begun
        self.advance()

    def advance(self) -> None:
        """The message was sent: goes on to the one after it."""
        self.next = None
        for message in self._messages:
            if self._recorded_begin is None:
                # Nobody knows when the handshake was: then the first message tells.
                self._recorded_begin = message.time
            self.awaited += message.awaited
            if message.replayed:
                self.next = message
                return

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
        return self.next is None and received >= self.awaited
