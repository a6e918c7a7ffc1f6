"""Four verbs on one connection, none of which blocks: establish, send, receive, close.

`TcpTransport` is a socket. Other transports (`tls`, `tunnel`) stand around one and keep the
same verbs, so that TLS inside a tunnel inside TLS is three objects and no special case.
Knows nothing of HTTP, of deadlines, or of who waits.
"""

import errno
import os
import socket
from typing import NamedTuple, Protocol

from replayd.errors import WireError
from replayd.planning.hosts import host_port
from replayd.reasons import Reason

RECEIVE_SIZE = 64 * 1024
"""Bytes taken from the system at once: few calls for a large content, and no long stop for
all others when it is cut into the smallest chunks (h11 needs 0.1 s for 64 KiB of those)."""

LARGE_RECEIVE_SIZE = 256 * 1024
"""The same for content that is only counted and passed on: a quarter of the calls. Still larger
pieces are memory that malloc takes from the system, and gives back, for each."""

_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY)


class Address(NamedTuple):
    """An address to connect to, as the system wants it."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def ip(self) -> str:
        """The bare address, without port or scope."""
        return self.sockaddr[0].partition("%")[0]

    def __str__(self) -> str:
        return host_port(self.sockaddr[0], self.sockaddr[1])


class Transport(Protocol):
    """One connection to a peer; every transport passes one conformance test."""

    @property
    def peer(self) -> str:
        """The address connected to, for people."""

    @property
    def local(self) -> str:
        """Our own address, for people; empty before TCP stands."""

    @property
    def wants_write(self) -> bool:
        """It has something of its own to write, or waits to be connected."""

    @property
    def buffered(self) -> bool:
        """`receive` has something to give without the system telling so."""

    def fileno(self) -> int:
        """What to wait on."""

    def establish(self) -> bool:
        """Goes as far as it can without waiting; True: ready to send and receive.

        Raises WireError that says which step failed.
        """

    def send(self, data: bytes | memoryview) -> int:
        """Takes as much as fits now and says how much; 0: nothing, wait for writable.

        Without data it writes what it still has itself. Raises WireError CONNECTION_RESET.
        """

    def receive(self, size: int = RECEIVE_SIZE) -> bytes | None:
        """Returns what has come; None: nothing now; nothing at all (`b""`): the peer closed.

        `size`: how many bytes to take from the system at once. Raises WireError CONNECTION_RESET.
        """

    def close(self) -> None:
        """Closes at once, without goodbyes that could block. Idempotent."""


class TcpTransport:
    """A TCP connection; begins to connect when it is made."""

    buffered = False

    def __init__(self, address: Address, bind_address: str = "") -> None:
        self.peer = str(address)
        self.local = ""
        self.reached = ""
        """The bare address that the system says we are connected to; empty: TCP does not stand."""
        self.wants_write = True
        try:
            # Fails where the system has no IPv6, though names have such addresses.
            self._socket = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            raise _connect_error(self.peer, error) from error
        try:
            self._connect(address, bind_address)
        except OSError as error:
            self._socket.close()
            raise _connect_error(self.peer, error) from error

    def _connect(self, address: Address, bind_address: str) -> None:
        self._socket.setblocking(False)
        # A request goes in one write; what follows (large content) must not wait for acks.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if bind_address:
            try:
                self._socket.bind((bind_address, 0))
            except OSError as error:
                raise OSError(
                    error.errno, f"--bind-address {bind_address}: {error.strerror}"
                ) from error
        code = self._socket.connect_ex(address.sockaddr)
        if code and code not in _IN_PROGRESS:
            raise OSError(code, os.strerror(code))

    def fileno(self) -> int:
        """Returns the socket's descriptor."""
        return self._socket.fileno()

    def establish(self) -> bool:
        """Looks whether TCP stands; raises WireError CONNECT_FAILED."""
        if not self.wants_write:
            return True
        try:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            self.reached = self._socket.getpeername()[0].partition("%")[0]
            self.local = host_port(*self._socket.getsockname()[:2])
        except OSError as error:
            if error.errno == errno.ENOTCONN:
                return False
            raise _connect_error(self.peer, error) from error
        self.wants_write = False
        return True

    def send(self, data: bytes | memoryview) -> int:
        """Writes to the socket; see `Transport.send`."""
        try:
            return self._socket.send(data) if data else 0
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _reset(self.peer, "writing", error) from error

    def receive(self, size: int = RECEIVE_SIZE) -> bytes | None:
        """Reads from the socket; see `Transport.receive`."""
        try:
            return self._socket.recv(size)
        except BlockingIOError:
            return None
        except OSError as error:
            raise _reset(self.peer, "reading", error) from error

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()


def _connect_error(peer: str, error: OSError) -> WireError:
    return WireError(
        Reason.CONNECT_FAILED, f"can't connect to {peer}: {error.strerror or error}", address=peer
    )


def _reset(peer: str, doing: str, error: OSError) -> WireError:
    return WireError(
        Reason.CONNECTION_RESET,
        f"the connection to {peer} broke while {doing}: {error.strerror or error}",
        address=peer,
    )
