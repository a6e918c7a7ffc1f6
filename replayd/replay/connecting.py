"""How a replay comes by its connection: a kept one, else one that is dialled. Knows no
requests, no deadlines but its own, and nothing of how the replay ends.

It is advanced whenever something may have changed, and says at which moment it has to be
told that it is late.
"""

from collections.abc import Callable

from replayd.model.outcome import ConnectionInfo
from replayd.model.plan import Plan
from replayd.replay.deadlines import NEVER
from replayd.wire.client import Wire
from replayd.wire.dial import Dial
from replayd.wire.poller import Connection, Owner
from replayd.wire.pool import Session


class Connecting:
    """One replay's way to a connection."""

    def __init__(
        self, plan: Plan, session: Session, wire: Wire, owner: Owner, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when it is time to `advance`, besides `owner` being told."""
        self._plan = plan
        self._session = session
        self._wire = wire
        self._owner = owner
        self._wake = wake
        self._dial: Dial | None = None

    def begin(self, now: int) -> Connection | None:
        """Takes a kept connection where there is one, else begins to dial; see `advance`."""
        plan = self._plan
        kept = self._wire.pool.take(self._session, plan.target, idempotent=plan.idempotent, now=now)
        if kept is None:
            return self.begin_afresh(now)
        kept.owner = self._owner
        return kept

    def begin_afresh(self, now: int) -> Connection | None:
        """Begins to dial, whatever is kept; see `advance`."""
        self._dial = self._wire.dial(self._plan.target, self._owner, now, self._wake)
        return self.advance(now)

    def advance(self, now: int) -> Connection | None:
        """Goes on; returns the connection once it is ready. Raises WireError when it can't
        be had.
        """
        return self._dial.advance(now) if self._dial is not None else None

    def late(self, now: int) -> Connection | None:
        """The deadline has passed; see `advance`."""
        if self._dial is not None:
            self._dial.expire(now)
        return self.advance(now)

    @property
    def deadline(self) -> int:
        """When `late` has to be called."""
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
        if self._dial is not None:
            self._dial.close()
