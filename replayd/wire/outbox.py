"""Bytes of many on their way to one transport, in the order in which they were put in.

Places among them are counted from the connection's first byte, so that each of the many
can tell what of its own has left. A write that fails ends only writing: what the server has
to say counts more.
"""

from replayd.errors import WireError
from replayd.wire.poller import Connection


class Outbox:
    """What waits to be sent on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.end = 0
        """The place after the last byte that was put in."""
        self.error: WireError | None = None
        """Why nothing more can be sent."""
        self._connection = connection
        self._waiting = bytearray()
        self._sent = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, data: bytes) -> None:
        """Adds bytes; they leave with the next `flush`."""
        self._waiting += data
        self.end += len(data)

    def flush(self, *, more: bool) -> None:
        """Hands over as much as the transport takes; asks to be told when it takes the rest,
        or, where `more` is to come, anything.
        """
        if self._connection.closed:
            return
        if self.error is None:
            try:
                self._send()
            except WireError as error:
                self.error = error
        self._connection.want_write(bool(self._waiting) or more or self.error is not None)

    def has_left(self, place: int) -> bool:
        """Tells whether every byte before this place was handed to the system."""
        return self._sent >= place and not self._connection.transport.wants_write

    def has_begun(self, place: int) -> bool:
        """Tells whether any byte after this place was."""
        return self._sent > place

    def _send(self) -> None:
        transport = self._connection.transport
        while self._waiting:
            size = transport.send(bytes(self._waiting))
            if not size:
                return
            self._sent += size
            del self._waiting[:size]
        if transport.wants_write:
            transport.send(b"")
