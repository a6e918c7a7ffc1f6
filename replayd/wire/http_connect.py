"""How a tunnel is asked of an HTTP proxy: CONNECT and its answer. Does no I/O.

RFC 9110 section 9.3.6. The answer is read like any response, under the same limits.
"""

from replayd.errors import WireError
from replayd.planning.hosts import host_port
from replayd.reasons import Reason
from replayd.wire.http1 import H11Reader
from replayd.wire.settings import Upstream, WireSettings

_LIMITS = WireSettings()


class HttpConnect:
    """A `tunnel.Handshake` with an HTTP proxy."""

    def __init__(self, host: str, port: int, upstream: Upstream) -> None:
        self._to = host_port(host, port)
        self._proxy = upstream.name
        self._unsaid = _connect_request(self._to, upstream.authorization)
        self._reader = H11Reader(b"CONNECT", _LIMITS)

    def outgoing(self) -> bytes:
        """Returns the CONNECT, once."""
        said, self._unsaid = self._unsaid, b""
        return said

    def feed(self, data: bytes) -> bool:
        """Reads the answer; raises PROXY_REFUSED with the proxy's status."""
        try:
            self._reader.feed(data, lambda _: None)
        except WireError as error:
            raise WireError(
                error.reason,
                f"in the answer of the upstream proxy {self._proxy} to CONNECT {self._to}: {error}",
            ) from error
        head = self._reader.head
        if head is None:
            return False
        if not 200 <= head.status_code < 300:
            raise self._refused(head.status_code, head.reason_phrase)
        return True

    @property
    def rest(self) -> bytes:
        """What came behind the answer's head (RFC 9110 section 9.3.6)."""
        return self._reader.trailing

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
