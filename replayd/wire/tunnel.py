"""A proxy's tunnel around a transport: a handshake with the proxy, then bytes as they are.

What is said in the handshake is the proxy's kind's business: `http_connect`, `socks5`.
"""

from typing import Protocol

from replayd.wire.transport import RECEIVE_SIZE, Transport


class Handshake(Protocol):
    """What is said to a proxy until its tunnel stands. Does no I/O."""

    def outgoing(self) -> bytes:
        """Returns what is to be sent now; each byte once."""

    def feed(self, data: bytes) -> bool:
        """Takes what came (nothing at all: the proxy closed); True: the tunnel stands.

        Raises WireError: PROXY_REFUSED with the proxy's own words, CLOSED_EARLY, or what
        is wrong with an answer that makes no sense.
        """

    @property
    def rest(self) -> bytes:
        """What came behind the handshake, once the tunnel stands: the target spoke first, as
        servers of HTTP/2 do.
        """


class TunnelTransport:
    """A tunnel through a proxy, around an established transport to the proxy."""

    def __init__(self, lower: Transport, handshake: Handshake) -> None:
        self._lower = lower
        self._handshake = handshake
        self._unsent = handshake.outgoing()
        self._established = False
        self._rest = b""

    @property
    def peer(self) -> str:
        """The proxy's address."""
        return self._lower.peer

    @property
    def local(self) -> str:
        """Our address of the transport below."""
        return self._lower.local

    @property
    def wants_write(self) -> bool:
        """What the handshake has to say is not sent yet."""
        return bool(self._unsent) or self._lower.wants_write

    @property
    def buffered(self) -> bool:
        """What came with the handshake's end is not taken yet, or as the transport below says."""
        return bool(self._rest) or self._lower.buffered

    def fileno(self) -> int:
        """Returns the descriptor below."""
        return self._lower.fileno()

    def establish(self) -> bool:
        """Goes on with the handshake; raises what it raises."""
        while not self._established:
            if self._unsent:
                self._unsent = self._unsent[self._lower.send(self._unsent) :]
            data = self._lower.receive()
            if data is None:
                return False
            self._established = self._handshake.feed(data)
            self._unsent += self._handshake.outgoing()
            if self._established:
                self._rest = self._handshake.rest
        return True

    def send(self, data: bytes | memoryview) -> int:
        """Sends through the tunnel."""
        return self._lower.send(data)

    def receive(self, size: int = RECEIVE_SIZE) -> bytes | None:
        """Receives through the tunnel."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        return self._lower.receive(size)

    def close(self) -> None:
        """Closes the connection to the proxy."""
        self._lower.close()
