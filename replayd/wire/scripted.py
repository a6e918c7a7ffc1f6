"""A transport without a network: the fake beside `transport`, for tests of what stands on it.

Whoever holds it plays the peer: what arrives, when the peer closes or breaks off, and how
much it takes. It has a real descriptor that is readable while something has arrived.
"""

import os
from collections import deque

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.transport import RECEIVE_SIZE

_BROKEN = WireError(Reason.CONNECTION_RESET, "the scripted peer broke the connection off")


class ScriptedTransport:
    """A transport whose peer is scripted; see `transport.Transport`."""

    peer = "192.0.2.1:80"
    local = "192.0.2.2:49152"
    buffered = False

    def __init__(self, *, established: bool = True, room: int = 1 << 30) -> None:
        """`room`: how many bytes are taken before the peer has to read."""
        self.sent = bytearray()
        """What was sent."""
        self.room = room
        self.wants_write = not established
        self.closed = False
        self._established = established
        self._arrived: deque[bytes | WireError] = deque()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    # The peer's side

    def accept(self) -> None:
        """The connection stands."""
        self._established = True

    def arrive(self, data: bytes) -> None:
        """Bytes come from the peer."""
        if data:
            self._announce(data)

    def end(self) -> None:
        """The peer closes its side."""
        self._announce(b"")

    def break_off(self) -> None:
        """The peer resets the connection."""
        self._announce(_BROKEN)

    # The transport's side

    def fileno(self) -> int:
        """Returns a descriptor that can be read while something has arrived."""
        return self._read_end

    def establish(self) -> bool:
        """Stands once the peer accepted, or breaks off."""
        self._raise_if_broken()
        self.wants_write = not self._established
        return self._established

    def send(self, data: bytes | memoryview) -> int:
        """Takes what there is room for."""
        self._raise_if_broken()
        taken = bytes(data[: self.room])
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def receive(self, size: int = RECEIVE_SIZE) -> bytes | None:
        """Returns the next that arrived, of any size; the end, and a break, stay."""
        if not self._arrived:
            return None
        first = self._arrived[0]
        if isinstance(first, WireError):
            raise first
        if first:
            self._arrived.popleft()
            os.read(self._read_end, 1)
        return first

    def close(self) -> None:
        """Closes the descriptor."""
        if not self.closed:
            self.closed = True
            os.close(self._read_end)
            os.close(self._write_end)

    def _announce(self, what: bytes | WireError) -> None:
        self._arrived.append(what)
        os.write(self._write_end, b"\0")

    def _raise_if_broken(self) -> None:
        for each in self._arrived:
            if isinstance(each, WireError):
                raise each
