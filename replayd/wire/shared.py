"""Connections that speak HTTP/2, by target, and who waits for one that is being dialled.

Of replays with the same target only the first dials; the others wait for its connection, as
many as it is expected to carry, and dial their own when there will be none: the dial fails,
the server speaks HTTP/1.1, or it takes too long. Where a server was heard to speak HTTP/1.1
nobody waits for anybody, until it is heard to speak HTTP/2.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from replayd.model.plan import HttpVersions, Target
from replayd.wire.poller import Connection
from replayd.wire.pool import Pool, Session
from replayd.wire.settings import WireSettings

if TYPE_CHECKING:
    from replayd.wire.multiplex import Multiplexer

_SECOND = 1_000_000_000
_EXPECTED = 100
"""Streams that a server allows until it says otherwise (RFC 9113 section 6.5.2 asks for no
less)."""
_REMEMBERED = 1024
"""Targets of which we remember that they speak HTTP/1.1."""

H2 = "h2"
"""HTTP/2's name in ALPN (RFC 9113 section 3.2)."""


def may_speak_http2(target: Target) -> bool:
    """Tells whether a connection to it may turn out to speak HTTP/2."""
    if target.http_versions is HttpVersions.TWO_OR_ONE:
        return target.scheme == "https"  # Without TLS nobody is asked.
    return target.http_versions is HttpVersions.TWO


class Coming:
    """A connection that is being dialled, and those who wait for it."""

    def __init__(self, places: int) -> None:
        self.over = False
        """It stands and the server has said how many it takes, or there will be none."""
        self.connection: Multiplexer | None = None
        self._places = places - 1  # One is the dialling replay's own.
        self._first: dict[Callable[[], None], None] = {}
        self._waiting: dict[Callable[[], None], None] = {}

    @property
    def has_place(self) -> bool:
        """Whether one more may wait for it."""
        return not self.over and len(self._first) + len(self._waiting) < self._places

    def wait(self, wake: Callable[[], None], *, first: bool = False) -> None:
        """`wake` is called once, when it is over; `first`: before those who wait already."""
        (self._first if first else self._waiting)[wake] = None

    def forget(self, wake: Callable[[], None]) -> None:
        """Somebody waits no longer."""
        self._first.pop(wake, None)
        self._waiting.pop(wake, None)

    def end(self) -> None:
        """It is over: tells all who waited. Idempotent."""
        self.over = True
        waiting, self._first, self._waiting = [*self._first, *self._waiting], {}, {}
        for wake in waiting:
            wake()


class SharedConnections:
    """Every connection that speaks HTTP/2. Used from one thread."""

    def __init__(self, settings: WireSettings, pool: Pool) -> None:
        """What is idle here counts within the pool's limit."""
        self._settings = settings
        self._pool = pool
        self._idle_time = int(settings.idle_timeout * _SECOND)
        self._fresh_for = int(settings.fresh_for * _SECOND)
        self._open: dict[Target, list[Multiplexer]] = {}
        self._idle: OrderedDict[Multiplexer, None] = OrderedDict()
        """The longest unused first."""
        self._coming: dict[Target, list[Coming]] = {}
        self._places: dict[Target, int] = {}
        """Streams that the latest connection to a target allowed, while it has any."""
        self._speaks_http1: OrderedDict[Target, None] = OrderedDict()

    # Connections that stand

    def take(
        self, session: Session, target: Target, *, binds: bool, idempotent: bool, now: int
    ) -> Multiplexer | None:
        """Returns one with room; None: there is none.

        `binds`: the request authenticates the connection itself, which is then the session's.
        """
        latest = now - (self._idle_time if idempotent else self._fresh_for)
        for connection in self._open.get(target, [])[::-1]:  # `look` may close it.
            if connection.bound_to != session and (binds or connection.bound_to is not None):
                continue
            if connection.idle_since is not None:
                if connection.idle_since < latest:
                    continue
                connection.look()
            if connection.room:
                return connection
        return None

    def add(self, connection: Connection, session: Session, *, binds: bool) -> Multiplexer:
        """Takes a connection that has just been made and speaks HTTP/2."""
        # h2 takes a tenth of the daemon's start, and many never meet HTTP/2.
        from replayd.wire.multiplex import Multiplexer  # noqa: PLC0415

        made = Multiplexer(connection, self._settings, self)
        made.bound_to = session if binds else None
        self._open.setdefault(connection.target, []).append(made)
        self._speaks_http1.pop(connection.target, None)
        return made

    def binds(self, session: Session, target: Target) -> bool:
        """Whether one is authenticated for a session."""
        return any(each.bound_to == session for each in self._open.get(target, ()))

    @property
    def idle_ones(self) -> Sequence[Multiplexer]:
        """What nobody uses, the longest unused first."""
        return list(self._idle)

    # What connections tell (`multiplex.Keeper`)

    def settled(self, connection: Multiplexer) -> None:
        """The server said how many streams it takes: those who wait for it may begin."""
        target = connection.connection.target
        self._places[target] = connection.places
        self._end_coming(target, connection)
        if connection.connection.permit is not None:
            connection.connection.permit.changed()

    def idle(self, connection: Multiplexer) -> None:
        """Nobody uses it now."""
        self._idle[connection] = None
        self._pool.set_others(len(self._idle))
        while len(self._idle) > self._settings.idle_limit:
            next(iter(self._idle)).close()

    def busy(self, connection: Multiplexer) -> None:
        """Somebody uses it again."""
        self._idle.pop(connection, None)
        self._pool.set_others(len(self._idle))

    def gone(self, connection: Multiplexer) -> None:
        """It takes no more streams."""
        target = connection.connection.target
        self.busy(connection)
        left = [each for each in self._open.get(target, ()) if each is not connection]
        if left:
            self._open[target] = left
        else:
            self._open.pop(target, None)
            self._places.pop(target, None)
        self._end_coming(target, connection)

    # Connections that are on their way

    def coming(self, target: Target) -> Coming | None:
        """Returns one that is worth waiting for; None: dial."""
        if target in self._speaks_http1:
            return None
        return next((each for each in self._coming.get(target, ()) if each.has_place), None)

    def expect(self, target: Target) -> Coming:
        """Somebody dials: others may wait for it, until `end`."""
        coming = Coming(self._places.get(target, _EXPECTED))
        self._coming.setdefault(target, []).append(coming)
        return coming

    def end(self, target: Target, coming: Coming) -> None:
        """It is no longer on its way: it stands, or there will be none. Idempotent."""
        left = [each for each in self._coming.get(target, ()) if each is not coming]
        if left:
            self._coming[target] = left
        else:
            self._coming.pop(target, None)
        coming.end()

    def heard_http1(self, target: Target) -> None:
        """The server chose HTTP/1.1."""
        self._speaks_http1[target] = None
        self._speaks_http1.move_to_end(target)
        if len(self._speaks_http1) > _REMEMBERED:
            self._speaks_http1.popitem(last=False)

    # Time

    @property
    def deadline(self) -> int | None:
        """When `expire` has something to do; None: nothing is idle."""
        since = next(iter(self._idle)).idle_since if self._idle else None
        return None if since is None else since + self._idle_time

    def expire(self, now: int) -> None:
        """Closes what was unused for too long."""
        while (deadline := self.deadline) is not None and deadline <= now:
            next(iter(self._idle)).close()

    def close(self) -> None:
        """Closes every connection."""
        for connections in list(self._open.values()):
            for connection in list(connections):
                connection.close()

    def _end_coming(self, target: Target, connection: Multiplexer) -> None:
        for coming in self._coming.get(target, [])[:]:
            if coming.connection is connection:
                self.end(target, coming)
