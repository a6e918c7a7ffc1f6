"""Connections that are kept: for their session while it has work, else by target.

A session's own connection comes first, then one that anybody may use, else the caller
dials. The pool owns what lies in it and is told by the poller when a server closes or
talks unasked: then the connection is closed. A connection that was authenticated as
somebody (`Connection.bound`) is never given to another session.
"""

from bisect import insort
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from replayd.errors import WireError
from replayd.model.plan import Target
from replayd.wire.poller import Connection
from replayd.wire.settings import WireSettings

_SECOND = 1_000_000_000


class Session(NamedTuple):
    """Whose connection: a session of one batch and repeat."""

    batch_id: str
    repeat: int
    name: str


class Pool:
    """Idle connections. Used from one thread."""

    def __init__(self, settings: WireSettings) -> None:
        self._limit = settings.idle_limit
        self._idle_time = int(settings.idle_timeout * _SECOND)
        self._fresh_for = int(settings.fresh_for * _SECOND)
        self._others = 0
        # Every idle connection, the longest unused first, with whose it is (None: anybody's).
        self._idle: OrderedDict[Connection, Session | None] = OrderedDict()
        self._own: dict[Session, dict[Target, Connection]] = {}
        # The latest used is last and taken first: the likeliest to be still open.
        self._free: dict[Target, list[Connection]] = {}

    def __len__(self) -> int:
        return len(self._idle)

    def take(
        self, session: Session, target: Target, *, idempotent: bool, now: int
    ) -> Connection | None:
        """Returns a connection that is open as far as anybody can tell; None: dial."""
        latest = now - (self._idle_time if idempotent else self._fresh_for)
        owned = self._own.get(session)
        own = owned.get(target) if owned is not None else None
        if own is not None and self._usable(own, latest, now):
            self._forget(own)
            return own
        while free := self._free.get(target):
            connection = free[-1]
            if connection.idle_since < latest:
                return None  # The others were unused for longer still.
            if self._usable(connection, latest, now):
                self._forget(connection)
                return connection
        return None

    def take_over(self, target: Target, *, idempotent: bool, now: int) -> Connection | None:
        """Returns the longest idle one that some session keeps as its own, and that is nobody's
        for good; None: there is none.
        """
        latest = now - (self._idle_time if idempotent else self._fresh_for)
        for connection in self.idle:
            if connection.bound or connection.target != target or connection.idle_since < latest:
                continue
            if self._usable(connection, latest, now):
                self._forget(connection)
                return connection
        return None

    def binds(self, session: Session, target: Target) -> bool:
        """Whether a session keeps one that was authenticated as somebody."""
        own = self._own.get(session, {}).get(target)
        return own is not None and own.bound

    @property
    def idle(self) -> Sequence[Connection]:
        """What is idle, the longest unused first."""
        return list(self._idle)

    def keep(
        self,
        connection: Connection,
        session: Session,
        *,
        session_waits: bool,
        now: int,
        idle_seconds: int | None = None,
    ) -> None:
        """Takes a connection whose exchange ended cleanly.

        `session_waits`: more of the session is coming, the connection stays its own.
        `idle_seconds`: what the server promised; a second is left for the way.
        """
        promised = self._idle_time if idle_seconds is None else (idle_seconds - 1) * _SECOND
        if not connection.info.reused:
            connection.info = connection.info._replace(reused=True)
        connection.owner = self
        connection.want_write(False)
        connection.idle_since = now
        connection.expires = now + min(promised, self._idle_time)
        if connection.expires <= now or (connection.bound and not session_waits):
            connection.close()
        elif session_waits:
            self._keep_own(connection, session)
        else:
            self._keep_free(connection)
        if not session_waits and session in self._own:
            self.end_session(session)
        if len(self._idle) + self._others > self._limit:
            self._trim()
        if connection.permit is not None:
            connection.permit.changed()

    def set_others(self, count: int) -> None:
        """So many connections are idle elsewhere (`shared`), within the same limit."""
        self._others = count
        self._trim()

    def end_session(self, session: Session) -> None:
        """Nothing more of a session is waiting: its connections are anybody's."""
        for connection in self._own.pop(session, {}).values():
            if connection.bound:
                del self._idle[connection]
                connection.close()
            else:
                self._keep_free(connection)

    def expire(self, now: int) -> None:
        """Closes what was unused for too long."""
        for connection in list(self._idle):
            if connection.idle_since + self._idle_time > now:
                return
            self.drop(connection)

    @property
    def deadline(self) -> int | None:
        """When `expire` has something to do; None: nothing is idle."""
        if not self._idle:
            return None
        return next(iter(self._idle)).idle_since + self._idle_time

    def drop(self, connection: Connection) -> None:
        """Closes an idle connection."""
        self._forget(connection)
        connection.close()

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """The server closed an idle connection, or talks unasked; TLS may just say so."""
        if not _quiet(connection):
            self.drop(connection)

    def close(self) -> None:
        """Closes every idle connection."""
        for connection in list(self._idle):
            self.drop(connection)

    def _usable(self, connection: Connection, latest: int, now: int) -> bool:
        """Looks once more before use; what is not usable is closed."""
        if connection.idle_since < latest or connection.expires <= now or not _quiet(connection):
            self.drop(connection)
            return False
        return True

    def _keep_own(self, connection: Connection, session: Session) -> None:
        own = self._own.setdefault(session, {})
        before = own.get(connection.target)
        if before is not None:
            self.drop(before)
            own = self._own.setdefault(session, {})
        own[connection.target] = connection
        self._idle[connection] = session

    def _keep_free(self, connection: Connection) -> None:
        free = self._free.get(connection.target)
        if free is None:
            self._free[connection.target] = [connection]
        elif free[-1].idle_since <= connection.idle_since:
            free.append(connection)
        else:
            # It comes from its session, and was used some time ago: both orders stay true.
            insort(free, connection, key=_idle_since)
        self._idle[connection] = None

    def _forget(self, connection: Connection) -> None:
        """Takes a connection out of the pool without closing it."""
        session = self._idle.pop(connection)
        if session is None:
            free = self._free[connection.target]
            free.remove(connection)
            if not free:
                del self._free[connection.target]
            return
        own = self._own[session]
        del own[connection.target]
        if not own:
            del self._own[session]

    def _trim(self) -> None:
        while self._idle and len(self._idle) + self._others > self._limit:
            self.drop(next(iter(self._idle)))


def _idle_since(connection: Connection) -> int:
    return connection.idle_since


def _quiet(connection: Connection) -> bool:
    """Whether nothing came on an idle connection: no end, no stray bytes."""
    try:
        return connection.transport.receive() is None
    except WireError:
        return False
