"""A proxy's tunnel around a transport: CONNECT, its answer, then bytes as they are.

RFC 9110 section 9.3.6. The answer is read like any response, under the same limits.
"""

from replayd.errors import WireError
from replayd.planning.hosts import host_port
from replayd.reasons import Reason
from replayd.wire.http1 import H11Reader
from replayd.wire.settings import Upstream, WireSettings
from replayd.wire.transport import Transport

_LIMITS = WireSettings()


class TunnelTransport:
    """A tunnel to a host through a proxy, around an established transport to the proxy."""

    def __init__(self, lower: Transport, host: str, port: int, upstream: Upstream) -> None:
        self._lower = lower
        self._to = host_port(host, port)
        self._proxy = upstream.name
        self._unsent = memoryview(_connect_request(self._to, upstream.authorization))
        self._reader = H11Reader(b"CONNECT", _LIMITS)
        self._established = False

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
        """The CONNECT is not sent yet."""
        return bool(self._unsent) or self._lower.wants_write

    @property
    def buffered(self) -> bool:
        """Whatever the transport below says."""
        return self._lower.buffered

    def fileno(self) -> int:
        """Returns the descriptor below."""
        return self._lower.fileno()

    def establish(self) -> bool:
        """Sends CONNECT and reads the answer; raises PROXY_REFUSED with the proxy's status."""
        if self._unsent:
            self._unsent = self._unsent[self._lower.send(self._unsent) :]
        while not self._established:
            data = self._lower.receive()
            if data is None:
                return False
            self._read(data)
        return True

    def send(self, data: bytes | memoryview) -> int:
        """Sends through the tunnel."""
        return self._lower.send(data)

    def receive(self) -> bytes | None:
        """Receives through the tunnel."""
        return self._lower.receive()

    def close(self) -> None:
        """Closes the connection to the proxy."""
        self._lower.close()

    def _read(self, data: bytes) -> None:
        try:
            self._reader.feed(data, lambda _: None)
        except WireError as error:
            raise WireError(
                error.reason, f"in the upstream proxy's answer to CONNECT {self._to}: {error}"
            ) from error
        head = self._reader.head
        if head is None:
            return
        if not 200 <= head.status_code < 300:
            raise self._refused(head.status_code, head.reason_phrase)
        if self._reader.trailing:
            raise WireError(
                Reason.INVALID_RESPONSE,
                f"the upstream proxy {self._proxy} sent bytes after its answer to CONNECT; "
                "they can't be told from the target's",
            )
        self._established = True

    def _refused(self, status: int, phrase: bytes) -> WireError:
        hint = "; check the credentials in --upstream" if status == 407 else ""
        words = f"{status} {phrase.decode('latin-1')}".strip()
        return WireError(
            Reason.PROXY_REFUSED,
            f"the upstream proxy {self._proxy} refused to connect to {self._to}: {words!r}{hint}",
            status=status,
        )


def _connect_request(to: str, authorization: bytes | None) -> bytes:
    lines = [f"CONNECT {to} HTTP/1.1".encode(), b"Host: " + to.encode()]
    if authorization is not None:
        lines.append(b"Proxy-Authorization: " + authorization)
    return b"\r\n".join(lines) + b"\r\n\r\n"
