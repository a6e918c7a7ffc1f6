"""The wire in one hand: kept connections, new ones, and the selector they wait in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from replayd.model.plan import Target
from replayd.wire.dial import Dial, Dialler
from replayd.wire.plain import PlainReader
from replayd.wire.poller import Owner, Poller
from replayd.wire.pool import Pool
from replayd.wire.reader import ResponseReader
from replayd.wire.resolver import Lookup, Resolver, TargetChecks, system_lookup
from replayd.wire.settings import TlsSettings, WireSettings
from replayd.wire.shared import SharedConnections

if TYPE_CHECKING:
    from replayd.wire.limit import ConnectionLimit
    from replayd.wire.tls_context import TlsContext

_SECOND = 1_000_000_000


class Wire:
    """What an exchange needs to reach a target. Used from one thread."""

    def __init__(
        self,
        settings: WireSettings,
        checks: TargetChecks,
        post: Callable[[Callable[[], None]], None],
        *,
        lookup: Lookup = system_lookup,
    ) -> None:
        """`post` brings a call from any thread to the thread that uses the wire.

        Raises ConfigError: a file, version or cipher of the TLS settings can't be used.
        """
        self.settings = settings
        self.poller = Poller()
        self.pool = Pool(settings)
        self.shared = SharedConnections(settings, self.pool)
        self.limit: ConnectionLimit | None = None
        """How many connections a target may have; None: as many as replays need."""
        if settings.connections_per_target is not None:
            # Loaded for those who set it.
            from replayd.wire.limit import ConnectionLimit  # noqa: PLC0415

            self.limit = ConnectionLimit(settings, self.pool, self.shared, post)
        self._resolver = Resolver(
            checks, post, cache_time=int(settings.name_cache_time * _SECOND), lookup=lookup
        )
        self._tls: TlsContext | None = None
        upstream = settings.upstream
        if settings.tls != TlsSettings() or (upstream and upstream.scheme == "https"):
            # What is wrong with them is told at the start; nothing can be with the defaults.
            self._tls_context()
        self._dialler = Dialler(settings, checks, self._resolver, self.poller, self._tls_context)

    def _tls_context(self) -> TlsContext:
        if self._tls is None:
            # Loaded for those who speak TLS: `ssl` is two MiB.
            from replayd.wire.tls_context import TlsContext  # noqa: PLC0415

            self._tls = TlsContext(self.settings.tls)
        return self._tls

    def dial(self, target: Target, owner: Owner, now: int, wake: Callable[[], None]) -> Dial:
        """Begins to connect; raises WireError when that is refused at once."""
        return Dial(self._dialler, target, owner, now, wake)

    def reader(self, method: bytes, *, upgrade: bool = False) -> ResponseReader:
        """Makes a reader for the response to one request.

        `upgrade`: a 101 is a response too, and all that follows it its content.
        """
        if upgrade:
            # Not at the start, for h11 takes its time to load (`plain`).
            from replayd.wire.http1 import H11Reader  # noqa: PLC0415

            return H11Reader(method, self.settings, upgrade=True)
        return PlainReader(method, self.settings)

    @property
    def deadline(self) -> int | None:
        """When `expire` has something to do; None: nothing is idle."""
        pool, shared = self.pool.deadline, self.shared.deadline
        if pool is None or shared is None:
            return pool if shared is None else shared
        return min(pool, shared)

    def expire(self, now: int) -> None:
        """Closes what was unused for too long."""
        self.pool.expire(now)
        self.shared.expire(now)

    def close(self) -> None:
        """Closes what is idle and stops resolving; running exchanges close their own."""
        self.pool.close()
        self.shared.close()
        self._resolver.close()
        self.poller.close()
