"""What was said in a conversation so far: counted, kept, and how it begins. Pure but for
where it is kept.
"""

from collections.abc import Callable

from replayd.model.conversation import Beginning
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.outcome import WebSocketResult

_SECOND = 1_000_000_000


class Transcript:
    """The messages of one conversation, with the moments at which they came or had left."""

    def __init__(self, keep: Callable[[WebSocketMessage], None], epoch: int) -> None:
        """`keep` gets every message; `epoch`: the wall clock where the monotonic one is 0."""
        self.sent = 0
        self.received = 0
        self._keep = keep
        self._epoch = epoch
        self._beginning = Beginning(PREVIEW_LIMIT)

    def add_sent(self, message: WebSocketMessage, now: int) -> None:
        """The last byte of a message of ours was handed to the system."""
        self.sent += 1
        self._add(WebSocketMessage(message.kind, True, message.content, self._time(now)))

    def add_received(self, kind: WebSocketMessageKind, content: bytes, now: int) -> None:
        """A message of the server's came."""
        self.received += 1
        self._add(WebSocketMessage(kind, False, content, self._time(now)))

    def result(
        self,
        *,
        client_closed: bool,
        close_code: int,
        close_reason: str,
        recorded_received_count: int,
    ) -> WebSocketResult:
        """Returns all this with how it ended, and how much the capture has of the server."""
        return WebSocketResult(
            sent_count=self.sent,
            received_count=self.received,
            messages=tuple(self._beginning.messages),
            messages_truncated=self._beginning.truncated,
            client_closed=client_closed,
            close_code=close_code,
            close_reason=close_reason,
            recorded_received_count=recorded_received_count,
        )

    def _add(self, message: WebSocketMessage) -> None:
        self._beginning.add(message)
        self._keep(message)

    def _time(self, now: int) -> float:
        return (now + self._epoch) / _SECOND
