"""Which transfer a replay takes: by its plan, and by what its connection speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from replayd.journal.interface import Body
from replayd.model.plan import Plan
from replayd.replay.budget import Budget
from replayd.replay.http1 import Http1Transfer
from replayd.replay.standing import Way
from replayd.replay.transfer import Transfer
from replayd.wire.client import Wire
from replayd.wire.poller import Connection


def new_transfer(
    way: Way,
    plan: Plan,
    wire: Wire,
    content: Iterable[bytes],
    *,
    whole: bool,
    new_body: Callable[[], Body],
    budget: Budget,
    wake: Callable[[], None],
    epoch: int,
) -> Transfer:
    """Makes the transfer that goes on with a connection.

    `whole`: the content is in memory; `wake` is called when a shared connection has news, or
    the budget has room; `epoch`: the wall clock where the monotonic one is 0.
    """
    settings = wire.settings
    if not isinstance(way, Connection):
        # h2 is loaded when it is spoken (`wire.shared`).
        from replayd.replay.http2 import Http2Transfer  # noqa: PLC0415

        return Http2Transfer(
            way, plan, settings, content=content, new_body=new_body, budget=budget, wake=wake
        )
    if plan.websocket is not None:
        # Would make the daemon's start a fifth longer, and few captures need it.
        from replayd.replay.websocket import WebSocketTransfer  # noqa: PLC0415

        reader = wire.reader(plan.method, upgrade=True)
        return WebSocketTransfer(
            way,
            plan,
            reader,
            settings,
            recorded=content,
            new_body=new_body,
            budget=budget,
            wake=wake,
            epoch=epoch,
        )
    reader = wire.reader(plan.method)
    return Http1Transfer(
        way,
        plan,
        reader,
        settings,
        content=content,
        whole=whole,
        new_body=new_body,
        budget=budget,
        wake=wake,
    )
