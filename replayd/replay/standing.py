"""What stands already: a kept connection, or a place on one that speaks HTTP/2."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union

from replayd.model.plan import Plan, Target
from replayd.wire.client import Wire
from replayd.wire.poller import Connection, Owner
from replayd.wire.pool import Session
from replayd.wire.request import traits
from replayd.wire.shared import may_speak_http2

if TYPE_CHECKING:
    from replayd.wire.multiplex import Multiplexer

Way: TypeAlias = Union[Connection, "Multiplexer"]
"""A connection of one's own for a while, or a place on one that is shared (HTTP/2)."""


def standing(
    plan: Plan, target: Target, session: Session, wire: Wire, *, owner: Owner, now: int
) -> Way | None:
    """Takes a connection that stands; None: there is none, or none with room, or others wait
    for what there is.
    """
    if wire.limit is not None and wire.limit.bars(session, target):
        return None
    return at_hand(plan, target, session, wire, owner=owner, now=now)


def at_hand(
    plan: Plan, target: Target, session: Session, wire: Wire, *, owner: Owner, now: int
) -> Way | None:
    """Does the same, whoever waits."""
    if may_speak_http2(target):
        binds = traits(plan.head).binds
        shared = wire.shared.take(session, target, binds=binds, idempotent=plan.idempotent, now=now)
        if shared is not None:
            return shared
    kept = wire.pool.take(session, target, idempotent=plan.idempotent, now=now)
    if kept is not None:
        kept.owner = owner
    return kept


def taken_over(
    plan: Plan, target: Target, wire: Wire, *, owner: Owner, now: int
) -> Connection | None:
    """Takes a connection that another session keeps for itself; None: there is none."""
    taken = wire.pool.take_over(target, idempotent=plan.idempotent, now=now)
    if taken is not None:
        taken.owner = owner
    return taken
