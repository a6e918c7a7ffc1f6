"""The beginning of a WebSocket conversation: as much of it as an event tells."""

from replayd.model.flow import WebSocketMessage

MESSAGE_LIMIT = 1000
"""Messages that an event tells at most: a million empty ones have no content to limit."""


class Beginning:
    """The first messages, up to a limit of their contents together; grows as they come."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes."""
        self.messages: list[WebSocketMessage] = []
        self.truncated = False
        """They are not all, or the last one is not whole."""
        self._room = limit

    def add(self, message: WebSocketMessage) -> None:
        """Takes the next message, as much of it as there is room for."""
        if self._room <= 0 or len(self.messages) >= MESSAGE_LIMIT:
            self.truncated = True
            return
        if len(message.content) > self._room:
            message = message._replace(content=message.content[: self._room])
            self.truncated = True
        self._room -= len(message.content)
        self.messages.append(message)
