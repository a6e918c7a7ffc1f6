"""At most so many connections to one place: who may dial, and who waits until they may.

A place is what a connection leads to, whatever it speaks: scheme, host, port and what is
dialled in their stead. A connection counts from the dial to the close, idle or not, by the
`Permit` that it carries. Who waits is woken in order of arrival, one after the other until
one can't go on, and always in a turn of their own: never from within what somebody else
does to a connection.

What stands idle never keeps anybody waiting: it is closed for who can't use it. Only one
that is bound to a session is left to it for as long as it counts as fresh.
"""

import sys
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple, TypeAlias

from replayd.model.plan import Target
from replayd.planning.hosts import host_port
from replayd.wire.poller import Connection
from replayd.wire.pool import Pool, Session
from replayd.wire.settings import WireSettings
from replayd.wire.shared import SharedConnections

_SECOND = 1_000_000_000

Wake: TypeAlias = Callable[[], None]


class Place(NamedTuple):
    """What a connection leads to."""

    scheme: str
    host: str
    port: int
    server_name: str
    address: tuple[str, int]


def place_of(target: Target) -> Place:
    """Returns the place that a target lies in, with all others that differ in versions."""
    return Place(target.scheme, target.host, target.port, target.server_name, target.address)


class Permit:
    """One connection that may be dialled, and then stand."""

    def __init__(self, limit: "ConnectionLimit", place: Place) -> None:
        self._limit = limit
        self._place = place
        self._ended = False

    def changed(self) -> None:
        """Its connection is idle, or takes more than before: it may help who waits."""
        self._limit.changed(self._place)

    def end(self) -> None:
        """Its connection is closed, or will not come. Idempotent."""
        if not self._ended:
            self._ended = True
            self._limit.ended(self._place)


class _Idle(NamedTuple):
    """A connection that nobody uses."""

    since: int
    bound: bool
    close: Callable[[], None]


class _Crowd:
    """What is known of one place."""

    def __init__(self, most: int) -> None:
        self.most = most
        """So many may stand, or be dialled."""
        self.connections = 0
        """So many stand or are being dialled."""
        self.first: dict[Wake, None] = {}
        """Who waits, and was here before: a refused request that is sent once more."""
        self.waiting: dict[Wake, None] = {}
        self.told = False
        """They will be woken soon."""

    @property
    def next(self) -> Wake | None:
        """Whose turn it is; None: nobody waits."""
        return next(chain(self.first, self.waiting), None)


class ConnectionLimit:
    """The limit for every place. Used from one thread."""

    def __init__(
        self,
        settings: WireSettings,
        pool: Pool,
        shared: SharedConnections,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """`post` has a call made soon, in a turn of its own."""
        self._limits = settings.connections_per_target
        self._fresh_for = int(settings.fresh_for * _SECOND)
        self._pool = pool
        self._shared = shared
        self._post = post
        self._crowds: dict[Place, _Crowd] = {}

    # For whoever wants a connection

    def bars(self, session: Session, target: Target) -> bool:
        """Whether others wait for what stands, and none of it is the session's for good."""
        crowd = self._crowds.get(place_of(target))
        if crowd is None or crowd.next is None:
            return False
        return not (self._pool.binds(session, target) or self._shared.binds(session, target))

    def permit(self, target: Target) -> Permit | None:
        """Returns the permit to dial; None: as many as may be are there already."""
        place = place_of(target)
        crowd = self._crowd_at(place)
        if crowd.connections >= crowd.most:
            return None
        crowd.connections += 1
        return Permit(self, place)

    def make_room(self, target: Target, now: int) -> Permit | None:
        """Closes the one that was idle for longest, for a permit; None: none may be closed."""
        place = place_of(target)
        closable = [idle for idle in self._idle(place) if self._free_at(idle) <= now]
        if closable:
            min(closable, key=_by_use).close()
        return self.permit(target)

    def wait(self, target: Target, wake: Wake, *, first: bool) -> bool:
        """Stands in line, or goes on to; returns whether it is one's turn.

        `wake` is called whenever it may have become so, or something changed, until `forget`.
        `first`: before those who wait already and come for the first time.
        """
        crowd = self._crowd_at(place_of(target))
        (crowd.first if first else crowd.waiting)[wake] = None
        return crowd.next == wake

    def forget(self, target: Target, wake: Wake) -> None:
        """Somebody waits no longer: it is the next one's turn."""
        place = place_of(target)
        crowd = self._crowds.get(place)
        if crowd is not None:
            crowd.first.pop(wake, None)
            crowd.waiting.pop(wake, None)
            self.changed(place)
            self._leave(place, crowd)

    def again_at(self, target: Target) -> int | None:
        """When `make_room` can do more than now, though nothing happens; None: never."""
        return min(map(self._free_at, self._idle(place_of(target))), default=None)

    def what_for(self, target: Target) -> str:
        """What is waited for, for people."""
        at = f"{target.scheme}://{host_port(target.host, target.port)}"
        most = self._most(place_of(target))
        which = "the one connection" if most == 1 else f"one of the {most} connections"
        return f"it waited for {which} to {at} that --connections-per-target allows"

    # What permits tell

    def changed(self, place: Place) -> None:
        """Something may help those who wait there: they will be woken."""
        crowd = self._crowds.get(place)
        if crowd is not None and crowd.next is not None and not crowd.told:
            crowd.told = True
            self._post(lambda: self._wake(crowd))

    def ended(self, place: Place) -> None:
        """One connection less stands there."""
        crowd = self._crowds[place]
        crowd.connections -= 1
        self.changed(place)
        self._leave(place, crowd)

    def _crowd_at(self, place: Place) -> _Crowd:
        crowd = self._crowds.get(place)
        if crowd is None:
            crowd = self._crowds[place] = _Crowd(self._most(place))
        return crowd

    def _most(self, place: Place) -> int:
        limits = self._limits
        # What is dialled: by that, patterns name targets.
        return (limits.of(*place.address) if limits is not None else None) or sys.maxsize

    def _wake(self, crowd: _Crowd) -> None:
        """Lets one after the other try, in order, until one has to wait on."""
        crowd.told = False
        while (wake := crowd.next) is not None:
            wake()
            if crowd.next == wake:
                return

    def _leave(self, place: Place, crowd: _Crowd) -> None:
        if not crowd.connections and crowd.next is None:
            self._crowds.pop(place, None)

    # What is idle

    def _idle(self, place: Place) -> Iterator[_Idle]:
        for kept in self._pool.idle:
            if place_of(kept.target) == place:
                yield _Idle(kept.idle_since, kept.bound, self._dropping(kept))
        for shared in self._shared.idle_ones:
            if place_of(shared.connection.target) == place and shared.idle_since is not None:
                yield _Idle(shared.idle_since, shared.bound_to is not None, shared.close)

    def _dropping(self, connection: Connection) -> Callable[[], None]:
        return lambda: self._pool.drop(connection)

    def _free_at(self, idle: _Idle) -> int:
        """When it may be closed for others."""
        return idle.since + self._fresh_for if idle.bound else idle.since


def _by_use(idle: _Idle) -> tuple[bool, int]:
    """Sorts those first that are missed least."""
    return idle.bound, idle.since
