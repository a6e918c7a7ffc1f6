"""How a replay comes by a connection when none that stands will do (`standing`): it waits for
one that somebody else dials, else dials its own, for which it may have to wait, too, where
connections are limited. Knows no requests, no deadlines but its own, and nothing of how the
replay ends.

`Connecting` is advanced whenever something may have changed, and says at which moment it
has to be told that it is late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from replayd.errors import WireError
from replayd.model.outcome import ConnectionInfo
from replayd.model.plan import HttpVersions, Plan, Target
from replayd.reasons import Reason
from replayd.replay.deadlines import NEVER
from replayd.replay.standing import Way, at_hand, taken_over
from replayd.wire.client import Wire
from replayd.wire.dial import Dial
from replayd.wire.http2_events import HTTP1_INSTEAD
from replayd.wire.poller import Connection, Owner
from replayd.wire.pool import Session
from replayd.wire.request import traits
from replayd.wire.shared import H2, Coming, may_speak_http2

if TYPE_CHECKING:
    from replayd.wire.limit import ConnectionLimit, Permit

_SECOND = 1_000_000_000
_PATIENCE = 2
"""Connect timeouts that somebody else's dial is waited for: it has as long, with TLS."""


class Connecting:
    """One replay's way to a connection that does not stand yet."""

    def __init__(
        self,
        plan: Plan,
        target: Target,
        session: Session,
        wire: Wire,
        *,
        owner: Owner,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called when it is time to `advance`, besides `owner` being told."""
        self._plan = plan
        self._target = target
        self._session = session
        self._wire = wire
        self._owner = owner
        self._wake = wake
        self._shares = may_speak_http2(target)
        self._dial: Dial | None = None
        self._leading: Coming | None = None
        """Others may wait for what is dialled here."""
        self._awaited: Coming | None = None
        """Somebody else dials."""
        self._patience = NEVER
        """When it looks again, or dials itself, whatever it waits for."""
        self._first = False
        """It is sent afresh: what stands already will not do."""
        self._queued = False
        """It waits until the limit lets it dial."""
        self._permit: Permit | None = None

    def begin(self, now: int, *, first: bool = False) -> Way | None:
        """Begins to dial, or to wait for a dial; see `advance`. What was refused before comes
        `first`: a server that takes few requests a connection shall not refuse it again.
        """
        self._first = first
        if self._shares and not self._binds:
            awaited = self._wire.shared.coming(self._target)
            if awaited is not None:
                self._leave_queue()
                self._wait_for(awaited, now)
                return None
            if self._wire.limit is None:
                self._leading = self._wire.shared.expect(self._target)
        return self._dial_alone(now)

    def advance(self, now: int) -> Way | None:
        """Goes on; returns the connection once it is ready. Raises WireError when it can't
        be had.
        """
        if self._awaited is not None:
            return self._after_waiting(self._awaited, now)
        if self._queued and self._wire.limit is not None:
            return self._look_again(self._wire.limit, now)
        connection = self._dial.advance(now) if self._dial is not None else None
        if connection is None:
            return None
        connection.permit, self._permit = self._permit, None
        return self._what_it_speaks(connection) if self._shares else connection

    def late(self, now: int) -> Way | None:
        """The deadline has passed; see `advance`."""
        if self._awaited is not None:
            self._stop_waiting()
            return self._dial_alone(now)
        if self._dial is not None:
            self._dial.expire(now)
        return self.advance(now)

    @property
    def deadline(self) -> int:
        """When `late` has to be called."""
        if self._awaited is not None or self._queued:
            return self._patience
        return self._dial.deadline if self._dial is not None else NEVER

    @property
    def connected_at(self) -> int | None:
        """When TCP, and the proxy's tunnel, stood; None: they do not, or stood before."""
        return self._dial.connected_at if self._dial is not None else None

    @property
    def info(self) -> ConnectionInfo | None:
        """What is known of a connection that is being dialled; None: TCP does not stand."""
        return self._dial.info if self._dial is not None else None

    def close(self) -> None:
        """Gives up. Not called once the connection is had."""
        self._stop_waiting()
        self._leave_queue()
        if self._dial is not None:
            self._dial.close()
        if self._permit is not None:
            self._permit.end()
        self._lead_nobody()

    @property
    def waits_for(self) -> str:
        """What it may not dial before, for people; empty: it may."""
        limit = self._wire.limit
        return limit.what_for(self._target) if limit is not None and self._queued else ""

    # Dialling, and where connections are limited the leave to do so

    def _dial_alone(self, now: int) -> Way | None:
        limit = self._wire.limit
        if limit is not None and self._permit is None:
            way = self._ask(limit, now)
            if way is not None or self._permit is None:
                return way
        self._dial = self._wire.dial(self._target, self._owner, now, self._wake)
        return self.advance(now)

    def _ask(self, limit: ConnectionLimit, now: int) -> Way | None:
        """Takes a permit to dial, else a connection that was another session's, else waits."""
        self._queued, self._patience = True, NEVER
        if not limit.wait(self._target, self._wake, first=self._first):
            return None
        self._permit = limit.permit(self._target)
        if self._permit is None:
            if not self._first:
                taken = taken_over(self._plan, self._target, self._wire, owner=self._owner, now=now)
                if taken is not None:
                    self._leave_queue()
                    return taken
            self._permit = limit.make_room(self._target, now)
        if self._permit is None:
            again = limit.again_at(self._target)
            self._patience = NEVER if again is None else again
            return None
        self._leave_queue()
        if self._shares and not self._binds:
            self._leading = self._wire.shared.expect(self._target)
        return None

    def _look_again(self, limit: ConnectionLimit, now: int) -> Way | None:
        """Something changed, or time has passed: what stands now comes first again."""
        if limit.wait(self._target, self._wake, first=self._first) and not self._first:
            way = at_hand(
                self._plan, self._target, self._session, self._wire, owner=self._owner, now=now
            )
            if way is not None:
                self._leave_queue()
                return way
        return self.begin(now, first=self._first)

    def _leave_queue(self) -> None:
        limit = self._wire.limit
        if self._queued and limit is not None:
            self._queued = False
            limit.forget(self._target, self._wake)

    # HTTP/2

    @property
    def _binds(self) -> bool:
        """The request authenticates the connection itself: it is nobody else's."""
        return traits(self._plan.head).binds

    def _wait_for(self, awaited: Coming, now: int) -> None:
        self._awaited = awaited
        self._patience = now + int(_PATIENCE * self._wire.settings.connect_timeout * _SECOND)
        awaited.wait(self._wake, first=self._first)

    def _after_waiting(self, awaited: Coming, now: int) -> Way | None:
        """Takes a place on what was waited for, if it is there and has one left."""
        if not awaited.over:
            return None
        self._awaited = None
        if awaited.connection is None or awaited.connection.retired:
            return self._dial_alone(now)
        if awaited.connection.room:
            return awaited.connection
        return self.begin(now, first=self._first)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.forget(self._wake)
            self._awaited = None

    def _what_it_speaks(self, connection: Connection) -> Way:
        """Looks at what was agreed on (RFC 9113 section 3.2), or is known beforehand."""
        shared, target = self._wire.shared, self._target
        if connection.info.alpn == H2 or target.scheme == "http":
            made = shared.add(connection, self._session, binds=self._binds)
            if self._leading is not None:
                self._leading.connection, self._leading = made, None
            return made
        if target.http_versions is HttpVersions.TWO:
            raise _not_spoken(connection)
        shared.heard_http1(target)
        self._lead_nobody()
        return connection

    def _lead_nobody(self) -> None:
        """Those who wait for what is dialled here shall dial themselves."""
        leading, self._leading = self._leading, None
        if leading is not None:
            self._wire.shared.end(self._target, leading)


def _not_spoken(connection: Connection) -> WireError:
    chosen = f"chose {connection.info.alpn}" if connection.info.alpn else "chose nothing"
    return WireError(
        Reason.VERSION_NOT_SPOKEN,
        f"the server at {connection.info.address} does not speak HTTP/2: offered h2 in TLS it "
        f"{chosen}; {HTTP1_INSTEAD}",
        address=connection.info.address,
    )
