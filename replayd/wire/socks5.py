"""How a tunnel is asked of a SOCKS5 proxy (RFC 1928, RFC 1929). Does no I/O.

    we: the methods we know      proxy: the one it takes
    we: user and password        proxy: fine, or not           (if it took that method)
    we: CONNECT to the target    proxy: fine, or why not

Every answer's length is known from its first bytes, so nothing that is read can grow. A
name is the proxy's to resolve. A proxy never speaks before it is asked, and the target
never before it got a request: what comes too early is an error.
"""

from collections.abc import Generator

from replayd.errors import WireError
from replayd.planning.hosts import host_port, literal_address, normal_host
from replayd.reasons import Reason
from replayd.wire.settings import Upstream

_VERSION = 5
_PASSWORD_VERSION = 1

_NO_AUTHENTICATION = 0
_PASSWORD = 2
_NO_METHOD = 0xFF

_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_SIZES = {_IPV4: 4, _IPV6: 16}
_PORT_SIZE = 2

_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the target refused the connection",
    6: "the time to live expired",
    7: "it does not know CONNECT",
    8: "it does not know this type of address",
}
"""RFC 1928 section 6."""

Dialogue = Generator[int, bytes, None]
"""Yields how many bytes it has to read next, and is sent exactly those."""


class Socks5:
    """A `tunnel.Handshake` with a SOCKS5 proxy."""

    def __init__(self, host: str, port: int, upstream: Upstream) -> None:
        """`host`: one that the target rules let pass, so it is a host name or an address."""
        self._to = host_port(host, port)
        self._request = bytes((_VERSION, _CONNECT, 0)) + _address(host) + port.to_bytes(_PORT_SIZE)
        self._proxy = upstream.name
        self._credentials = upstream.credentials
        self._unsaid = b""
        self._incoming = b""
        self._dialogue = self._talk()
        self._wanted = next(self._dialogue)

    def outgoing(self) -> bytes:
        """Returns what is to be said next, once."""
        said, self._unsaid = self._unsaid, b""
        return said

    def feed(self, data: bytes) -> bool:
        """Reads the proxy's answers; see `tunnel.Handshake`."""
        if not data:
            raise WireError(
                Reason.CLOSED_EARLY,
                f"the upstream proxy {self._proxy} closed the connection before it had "
                f"connected to {self._to}",
            )
        self._incoming += data
        while len(self._incoming) >= self._wanted:
            ended = self._advance()
            if ended:
                return True
            if self._incoming and self._unsaid:
                raise self._nonsense("it said more than it was asked")
        return False

    @property
    def rest(self) -> bytes:
        """What came behind the last answer."""
        return self._incoming

    def _advance(self) -> bool:
        """Hands the next bytes to the dialogue; True: it has ended."""
        answer, self._incoming = self._incoming[: self._wanted], self._incoming[self._wanted :]
        try:
            self._wanted = self._dialogue.send(answer)
        except StopIteration:
            return True
        return False

    # The dialogue

    def _talk(self) -> Dialogue:
        methods = [_NO_AUTHENTICATION] + ([_PASSWORD] if self._credentials else [])
        self._unsaid = bytes((_VERSION, len(methods), *methods))
        version, method = yield 2
        self._check_version(version)
        if method == _NO_METHOD:
            raise self._refused(
                "it takes neither these credentials nor none; check those in --upstream"
                if self._credentials
                else "it asks for credentials; give them as socks5://USER:PASSWORD@HOST:PORT"
            )
        if method not in methods:
            raise self._nonsense(f"it takes the method {method}, which was not offered")
        if method == _PASSWORD:
            yield from self._authenticate()
        yield from self._connect()

    def _authenticate(self) -> Dialogue:
        assert self._credentials is not None
        texts = (bytes((len(text),)) + text for text in self._credentials)
        self._unsaid = bytes((_PASSWORD_VERSION,)) + b"".join(texts)
        # The first byte is not looked at: some proxies say 5 there, and curl lets them.
        _, status = yield 2
        if status:
            raise self._refused("it does not accept the credentials in --upstream", status)

    def _connect(self) -> Dialogue:
        self._unsaid = self._request
        version, reply, _, kind = yield 4
        self._check_version(version)
        if reply:
            raise self._refused(_REPLIES.get(reply, f"reply code {reply}"), reply)
        if kind != _NAME and kind not in _ADDRESS_SIZES:
            raise self._nonsense(f"there is no type of address {kind}")
        # The address it connects from: of no use, but the tunnel begins after it.
        size = (yield 1)[0] if kind == _NAME else _ADDRESS_SIZES[kind]
        yield size + _PORT_SIZE

    def _check_version(self, version: int) -> None:
        if version != _VERSION:
            raise self._nonsense(f"its answer begins with {version:#04x}; is it a SOCKS5 proxy?")

    # What goes wrong

    def _refused(self, why: str, code: int | None = None) -> WireError:
        metadata = {} if code is None else {"reply": code}
        return WireError(
            Reason.PROXY_REFUSED,
            f"the upstream proxy {self._proxy} refused to connect to {self._to}: {why}",
            **metadata,
        )

    def _nonsense(self, what: str) -> WireError:
        return WireError(
            Reason.INVALID_RESPONSE,
            f"the upstream proxy {self._proxy} does not speak SOCKS5 as it should: {what}",
        )


def _address(host: str) -> bytes:
    """Writes a host with its type; an address in any spelling goes as the address it is."""
    name = normal_host(host)
    address = literal_address(name)
    # A scope means something to the proxy's system only.
    if address is None or "%" in name:
        return bytes((_NAME, len(name))) + name.encode("ascii")
    return bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed
