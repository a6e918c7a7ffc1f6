"""From a target to a connection: resolve, TCP (address by address), then layer by layer.

A dial is advanced whenever something may have changed, and says at which moment it has to
be asked whether it is late. Knows nothing of requests and responses; a proxy's tunnel is
just another layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from replayd.errors import ConfigError, WireError
from replayd.model.outcome import ConnectionInfo
from replayd.model.plan import HttpVersions, Target
from replayd.planning.hosts import host_port
from replayd.reasons import Reason
from replayd.wire.poller import Connection, Owner, Poller
from replayd.wire.resolver import Resolver, TargetChecks
from replayd.wire.settings import Upstream, WireSettings
from replayd.wire.transport import Address, TcpTransport, Transport
from replayd.wire.tunnel import Handshake, TunnelTransport

if TYPE_CHECKING:
    from replayd.wire.tls import TlsTransport
    from replayd.wire.tls_context import TlsContext

_SECOND = 1_000_000_000
_OFFERS = {
    HttpVersions.ONE: (),
    HttpVersions.TWO_OR_ONE: ("h2", "http/1.1"),
    HttpVersions.TWO: ("h2",),
}
"""What TLS offers (ALPN). Who speaks HTTP/1 alone offers nothing: old servers need none."""


class Layer(NamedTuple):
    """What is put around a transport once it is established."""

    wrap: Callable[[Transport], Transport]
    tls_to_target: bool = False
    """The last layer of https: it has a timeout and a reason of its own."""


class Dialler(NamedTuple):
    """What every dial needs."""

    settings: WireSettings
    checks: TargetChecks
    resolver: Resolver
    poller: Poller
    tls: Callable[[], TlsContext]
    """Makes the context when it is first asked for, and returns the same from then on."""


class Dial:
    """One attempt to get a connection to a target."""

    def __init__(
        self, dialler: Dialler, target: Target, owner: Owner, now: int, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when a name has been resolved: time to `advance`."""
        self.connected_at: int | None = None
        """When TCP, and the proxy's tunnel, stood."""
        self.tls_at: int | None = None
        """When TLS to the target stood."""
        self._dialler = dialler
        self._target = target
        self._owner = owner
        self._wake = wake
        self._timeout = int(dialler.settings.connect_timeout * _SECOND)
        self._since = now
        self._end = self.deadline = now + self._timeout
        self._host, self._port = self._endpoint()
        self._connection: Connection | None = None
        self._addresses: list[Address] = []
        self._dialled = ""
        """The bare address that was judged and is connected to."""
        self._failures: list[str] = []
        self._error: WireError | None = None
        self._layers = self._plan_layers()
        self._layer: Layer | None = None
        self._closed = False
        self._resolve(now)

    def advance(self, now: int) -> Connection | None:
        """Goes on; returns the connection once it is ready. Raises WireError when it can't
        be had.
        """
        if self._error is not None:
            raise self._named(self._error)
        while True:
            try:
                if self._connection is None and self._addresses:
                    self._connection = self._connect(now)
                if self._connection is not None and self._establish(self._connection, now):
                    return self._connection
                return None
            except WireError as error:
                self._next_address(error)

    def expire(self, now: int) -> None:
        """The deadline has passed: goes on to the next address, or raises WireError."""
        self._next_address(self._late())

    @property
    def info(self) -> ConnectionInfo | None:
        """What is known of the connection; None: TCP does not stand."""
        if self._connection is None or self.connected_at is None:
            return None
        return self._connection.info

    def close(self) -> None:
        """Gives up. Idempotent."""
        self._closed = True
        self._drop_connection()

    # Where to, and through what

    def _endpoint(self) -> tuple[str, int]:
        upstream = self._dialler.settings.upstream
        return (upstream.host, upstream.port) if upstream else self._target.address

    def _plan_layers(self) -> list[Layer]:
        upstream, layers = self._dialler.settings.upstream, []
        if upstream is not None and upstream.scheme == "https":
            proxy = upstream.host
            layers.append(Layer(lambda lower: _tls_over(lower, self._dialler.tls(), proxy)))
        https = self._target.scheme == "https"
        if upstream is not None and not upstream.takes(self._target):
            through = upstream
            layers.append(Layer(lambda lower: TunnelTransport(lower, self._handshake(through))))
        if https:
            name = self._target.server_name or self._target.host
            layers.append(Layer(lambda lower: self._tls_to_target(lower, name), tls_to_target=True))
        return layers

    def _tls_to_target(self, lower: Transport, name: str) -> TlsTransport:
        try:
            tls = self._dialler.tls().offering(_OFFERS[self._target.http_versions])
        except ConfigError as error:
            raise WireError(Reason.TLS_FAILED, f"TLS can't be set up any more: {error}") from error
        return _tls_over(lower, tls, name)

    def _handshake(self, upstream: Upstream) -> Handshake:
        # Loaded for those who have a proxy.
        if upstream.speaks_http:
            from replayd.wire.http_connect import HttpConnect  # noqa: PLC0415

            return HttpConnect(*self._target.address, upstream)
        from replayd.wire.socks5 import Socks5  # noqa: PLC0415

        return Socks5(*self._target.address, upstream)

    # Names and addresses

    def _resolve(self, now: int) -> None:
        host, port = self._target.address
        denied = self._dialler.checks.check_host(host, port)
        if denied is not None:
            raise WireError(Reason.TARGET_DENIED, denied, host=host, port=port)
        direct = self._dialler.settings.upstream is None
        found = self._dialler.resolver.resolve(
            self._host, self._port, now, self._resolved, checked=direct
        )
        if found is not None:
            self._addresses = list(found)

    def _resolved(self, answer: Sequence[Address] | WireError) -> None:
        if self._closed:
            return
        if isinstance(answer, WireError):
            self._error = self._with_advice(answer)
        else:
            self._addresses = list(answer)
        self._wake()

    def _with_advice(self, error: WireError) -> WireError:
        """What to do about a name that is not known depends on where it was written."""
        if error.reason is not Reason.NAME_NOT_RESOLVED:
            return error
        direct = self._dialler.settings.upstream is None
        check = "the name, or send elsewhere with --connect-to" if direct else "--upstream"
        return WireError(error.reason, f"{error.message}; check {check}", **error.metadata)

    def _connect(self, now: int) -> Connection:
        """Begins with the next address; each gets its share of the time that is left."""
        self._since = now
        self.deadline = now + max(self._end - now, 0) // len(self._addresses)
        address = self._addresses.pop(0)
        self._dialled = address.ip
        transport = TcpTransport(address, self._dialler.settings.bind_address)
        return Connection(transport, self._target, self._owner, self._dialler.poller)

    def _next_address(self, error: WireError) -> None:
        """Leaves an address; raises the error when there is no other one, or when TCP stood:
        a TLS server that refuses us, or a proxy, is the one that was asked for.
        """
        if self.connected_at is None:
            self._failures.append(error.message)
            if self._addresses:
                self._drop_connection()
                return
            error = WireError(error.reason, "; ".join(self._failures), **error.metadata)
        raise self._named(error)

    def _named(self, error: WireError) -> WireError:
        """Names the proxy: what fails is its connection, or something on the way through it."""
        upstream = self._dialler.settings.upstream
        if upstream is None or upstream.name in error.message:
            return error
        beyond = self._layer is not None and self._layer.tls_to_target
        where = f"{'through ' if beyond else ''}the upstream proxy {upstream.name}"
        return WireError(error.reason, f"{where}: {error.message}", **error.metadata)

    # Layer by layer

    def _establish(self, connection: Connection, now: int) -> bool:
        while connection.transport.establish():
            self._stands(connection, now)
            if not self._layers:
                return True
            self._layer = self._layers.pop(0)
            connection.transport = self._layer.wrap(connection.transport)
            if self._layer.tls_to_target:
                self._since, self.deadline = now, now + self._timeout
            else:
                self.deadline = self._end
        connection.want_write(False)
        return False

    def _stands(self, connection: Connection, now: int) -> None:
        """Notes what has just been established."""
        transport = connection.transport
        if isinstance(transport, TcpTransport) and transport.reached != self._dialled:
            self._judge_reached(transport.reached)
        if self._layer is not None and self._layer.tls_to_target:
            self.tls_at = now
        else:
            self.connected_at = now
        connection.info = connection.info._replace(
            local_address=transport.local,
            proxied=self._dialler.settings.upstream is not None,
        )
        if self._layer is not None and not self._layers:
            from replayd.wire.tls import TlsTransport  # noqa: PLC0415 - as in `_tls_over`

            if isinstance(transport, TlsTransport):
                connection.info = connection.info._replace(**transport.facts())

    def _judge_reached(self, reached: str) -> None:
        """The system connected us to an address that is spelled differently, or is another one:
        nothing is said there that the rules do not allow.
        """
        host, port = self._target.address
        if self._dialler.settings.upstream is None:
            denied = self._dialler.checks.check_address(reached, host, port)
            if denied is not None:
                raise WireError(Reason.TARGET_DENIED, denied, host=host, port=port)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _late(self) -> WireError:
        to = host_port(self._host, self._port)
        seconds = f"{(self.deadline - self._since) / _SECOND:.3g} s"
        if self._layer is not None and self._layer.tls_to_target:
            return WireError(
                Reason.TLS_TIMEOUT, f"the TLS handshake with {to} was not done in {seconds}"
            )
        if self._connection is None:
            return WireError(
                Reason.CONNECT_TIMEOUT, f"{self._host!r} was not resolved within {seconds}"
            )
        if isinstance(self._connection.transport, TunnelTransport):
            target = host_port(*self._target.address)
            what = f"it was reached, but no connection to {target} came about within {seconds}"
            return WireError(Reason.CONNECT_TIMEOUT, what)
        to = to if self._layer is not None else self._connection.transport.peer
        return WireError(Reason.CONNECT_TIMEOUT, f"no connection to {to} within {seconds}")


def _tls_over(lower: Transport, tls: TlsContext, name: str) -> TlsTransport:
    # Loaded for those who speak TLS: `ssl` is two MiB.
    from replayd.wire.tls import TlsTransport  # noqa: PLC0415

    return TlsTransport(lower, tls, name)
