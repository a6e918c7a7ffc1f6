"""Replays what is plain fast; hands everything else to an `Exchange`.

Plain is what most replays are: the request goes at once on a connection that stands, and the
response comes whole at once, as it was recorded if it was. This needs two steps and next to no
objects, where an exchange has a dozen for whatever may happen. As soon as something else does
(nothing stands, not every byte is taken, more or less comes, time runs out, it is cancelled), an
exchange goes on from there. So the two can differ only in what is plain, and a test compares them.
"""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

from replayd.errors import ReplaydError, WireError
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Framing, Plan, framed
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from replayd.replay.deadlines import NEVER
from replayd.replay.exchange import Exchange
from replayd.replay.standing import standing
from replayd.replay.surroundings import Surroundings
from replayd.wire.plain import read_whole
from replayd.wire.poller import Connection
from replayd.wire.pool import Session
from replayd.wire.request import traits

if TYPE_CHECKING:
    from replayd.wire.plain import Whole

_logger = logging.getLogger(__name__)

_SECOND = 1_000_000_000


def may_be_plain(replay: Replay, plan: Plan) -> bool:
    """Whether nothing is known yet that takes an exchange."""
    return (
        replay.request_content is not None
        and plan.websocket is None
        and plan.live is None
        and not plan.expect_continue
    )


class PlainExchange:
    """One replay, from take to outcome, or to the exchange that goes on with it."""

    __slots__ = (
        "_around",
        "_begun",
        "_connection",
        "_recorded",
        "_session",
        "_taken",
        "_timings",
        "deadline",
        "plan",
        "replay",
    )

    failure = Reason.UNSPECIFIED
    """As an exchange's: this one never fails."""
    answered = True
    """As an exchange's."""

    def __init__(self, replay: Replay, plan: Plan, around: Surroundings, timings: Timings) -> None:
        """`plan` is one that `may_be_plain`."""
        self.replay = replay
        self.plan = plan
        self._around = around
        self._timings = timings
        self.deadline = NEVER
        """Monotonic nanoseconds at which `on_deadline` has to be called."""
        self._taken = around.clock.monotonic()
        self._begun = 0
        self._connection: Connection | None = None
        """None: nothing of the request was sent."""
        self._recorded = False

    # What happens to it

    def start(self) -> None:
        """Sends the request, if there is a connection that takes it at once."""
        try:
            self._send()
        except Exception as error:
            _logger.exception("replay %s failed inside", self.replay.key.replay_id)
            self._crash(error)

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """Its connection can be read."""
        try:
            self._receive(connection, readable, writable)
        except ReplaydError as error:
            if self._recorded:
                self._crash(error)
            else:
                self._exchange(connection).fail(error)
        except Exception as error:
            _logger.exception("replay %s failed inside", self.replay.key.replay_id)
            self._crash(error)

    def on_deadline(self) -> None:
        """See `Exchange.on_deadline`."""
        self._exchange(self._connection).on_deadline()

    def cancel(self) -> None:
        """See `Exchange.cancel`."""
        self._exchange(self._connection).cancel()

    def fail(self, error: ReplaydError) -> None:
        """See `Exchange.fail`."""
        self._exchange(self._connection).fail(error)

    def abandon(self) -> None:
        """See `Exchange.abandon`."""
        if self._connection is not None:
            self._connection.close()

    # There and back

    def _send(self) -> None:
        plan, around, key = self.plan, self._around, self.replay.key
        now = self._begun = around.clock.monotonic()
        session = self._session = Session(key.batch_id, key.repeat, self.replay.session)
        way = standing(plan, plan.target, session, around.wire, owner=self, now=now)
        if not isinstance(way, Connection):
            self._exchange(None).start()
            return
        self._connection = way
        request = plan.head
        if plan.framing is not Framing.NONE:
            assert self.replay.request_content is not None
            request = b"".join(chain((request,), framed(plan, (self.replay.request_content,))))
        try:
            size = way.transport.send(request)
        except WireError:
            size = 0  # The exchange finds the same, and what to make of it.
        if size < len(request) or way.transport.wants_write:
            self._exchange(way, size)
            return
        self._timings.sent = now - self._taken
        settings = around.wire.settings
        patience = min(settings.read_timeout, settings.total_timeout)
        self.deadline = deadline = now + int(patience * _SECOND)
        around.announce(deadline)

    def _receive(self, connection: Connection, readable: bool, writable: bool) -> None:
        around, plan = self._around, self.plan
        settings = around.wire.settings
        if around.budget.tight:
            self._exchange(connection).on_ready(connection, readable, writable)
            return
        data = connection.transport.receive()
        if data is None:
            return
        whole = read_whole(data, plan.method, settings)
        if whole is None or len(whole.content) > settings.body_size_limit:
            self._exchange(connection).take(data)
            return
        now = around.clock.monotonic()
        timings = self._timings
        timings.first_byte = timings.total = now - self._taken
        outcome = Outcome(
            ReplayState.SUCCEEDED,
            timings,
            head=whole.head,
            content_prefix=whole.content[:PREVIEW_LIMIT],
            content_size=len(whole.content),
            connection=connection.info,
        )
        if plan.recorded_digest and not around.is_as_recorded(plan, outcome):
            self._exchange(connection).take(data)
            return
        waits = around.recorder.ended(self.replay, plan, outcome, whole.content or None)
        self._recorded = True
        self._keep(connection, whole, session_waits=waits, now=now)
        around.ended(self)

    def _keep(self, connection: Connection, whole: Whole, *, session_waits: bool, now: int) -> None:
        keeps, binds = traits(self.plan.head)
        if binds or whole.bound:
            connection.bound = True
        if keeps and whole.reusable:
            self._around.wire.pool.keep(
                connection,
                self._session,
                session_waits=session_waits,
                now=now,
                idle_seconds=whole.idle_seconds,
            )
        else:
            connection.close()

    # What is not plain

    def _exchange(self, connection: Connection | None, size: int | None = None) -> Exchange:
        """Makes the exchange that goes on, where so many bytes of the request were sent (None:
        all).
        """
        exchange = Exchange(self.replay, self.plan, self._around, self._timings)
        exchange.go_on(self._taken, ())
        self._around.handed_over(exchange)
        if connection is not None:
            exchange.take_over(connection, self._begun, size)
        return exchange

    def _crash(self, error: Exception) -> None:
        if not self._recorded:
            self._exchange(self._connection).crash(error)
            return
        if self._connection is not None:
            self._connection.close()
        self._around.ended(self)
