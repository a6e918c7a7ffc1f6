"""A request underway: from its start, on a connection that stands or is dialled, to the end of the
response. Knows nothing of what becomes of that: of hooks, of comparing, of the log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from replayd.errors import ReplaydError, WireError
from replayd.journal.interface import Part
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import ConnectionInfo, Note, Outcome, Timings
from replayd.model.plan import HttpVersions, Plan
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from replayd.replay.connecting import Connecting
from replayd.replay.deadlines import NEVER
from replayd.replay.http1 import Http1Transfer
from replayd.replay.second_try import SecondTry
from replayd.replay.standing import Way, standing
from replayd.replay.surroundings import Surroundings
from replayd.replay.transfer import Transfer
from replayd.replay.transfers import new_transfer
from replayd.wire.poller import Connection
from replayd.wire.pool import Session

if TYPE_CHECKING:
    from replayd.hooks.words import Content

_SECOND = 1_000_000_000


class Underway(ABC):
    """A request on its way, and the response to it."""

    deadline = 0
    """Monotonic nanoseconds at which `on_deadline` has to be called."""
    # How every replay begins; set for each, these would be a fifth of making one.
    _end = NEVER
    _connecting: Connecting | None = None
    _transfer: Transfer | None = None
    _resent = 0
    _parted = False
    """The transfer's connection is no longer its own."""
    sends: Content | None = None
    """The request's content, where hooks changed it and it is not the replay's."""

    def __init__(self, replay: Replay, plan: Plan, around: Surroundings, timings: Timings) -> None:
        self.replay = replay
        self.plan = plan
        self._around = around
        self._timings = timings
        self._start = around.clock.monotonic()
        self._target = plan.target
        self._session = Session(replay.key.batch_id, replay.key.repeat, replay.session)
        self._notes: list[Note] = []

    @abstractmethod
    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """Its connection can be read or written."""

    @abstractmethod
    def _step(self, step: Callable[..., None], *arguments: object) -> None:
        """Takes a step; nothing that goes wrong in it gets out."""

    @abstractmethod
    def _conclude(self, outcome: Outcome) -> None:
        """Goes on with what came of it."""

    # To a connection

    def _begin(self, now: int) -> None:
        # From here on: before, it may have waited for a journal that could not store.
        self._end_after(now)
        self._begin_connecting(now)

    def _end_after(self, now: int) -> None:
        self._end = now + int(self._around.wire.settings.total_timeout * _SECOND)

    def _begin_connecting(self, now: int) -> None:
        way = standing(
            self.plan, self._target, self._session, self._around.wire, owner=self, now=now
        )
        if way is not None:
            self._transfer_on(way, now)
        else:
            self._dial(now, first=False)

    def _begin_afresh(self, now: int) -> None:
        self._dial(now, first=True)

    def _dial(self, now: int, *, first: bool) -> None:
        self._connecting = Connecting(
            self.plan,
            self._target,
            self._session,
            self._around.wire,
            owner=self,
            wake=self._woken,
        )
        self._connect(partial(self._connecting.begin, first=first), now)

    def _connect(self, step: Callable[[int], Way | None], now: int) -> None:
        """Takes a step of `Connecting`; goes on to the transfer when there is a connection."""
        connecting = self._connecting
        assert connecting is not None
        try:
            way = step(now)
        finally:
            self._timings.connected = self._since_start(connecting.connected_at)
        if way is None:
            self._set_deadline(connecting.deadline)
            return
        self._connecting = None
        if connecting.connected_at is not None and way.info.tls_version:
            # A handshake computes for long enough to be late by now.
            now = self._around.clock.monotonic()
            self._timings.tls = self._since_start(now)
        self._transfer_on(way, now)

    def _take_over(self, now: int, connection: Connection, size: int | None) -> None:
        self._end_after(now)
        transfer = self._transfer = self._new_transfer(connection)
        assert isinstance(transfer, Http1Transfer)
        transfer.resume(size, now)
        self._set_deadline(transfer.deadline)

    def _transfer_on(self, way: Way, now: int) -> None:
        self._transfer = self._new_transfer(way)
        self._transfer.begin(now)
        self._set_deadline(self._transfer.deadline)

    def _new_transfer(self, way: Way) -> Transfer:
        return new_transfer(
            way,
            self.plan,
            self._around.wire,
            self._stored_content(),
            whole=self.replay.request_content is not None,
            new_body=self._around.journal.new_body,
            budget=self._around.budget,
            wake=self._woken,
            epoch=self._timings.start - self._start,
        )

    def _stored_content(self) -> Iterable[bytes]:
        content = self.replay.request_content
        if content is not None:
            return (content,)
        if self.sends is not None:
            return self.sends.pieces()
        return self._around.journal.content(self.replay.key, Part.REQUEST)

    # On it

    def _woken(self) -> None:
        self._step(self._go_on, True, True)

    def _go_on(self, now: int, readable: bool, writable: bool) -> None:
        if self._connecting is not None:
            self._connect(self._connecting.advance, now)
        elif self._transfer is not None:
            complete = self._transfer.on_ready(now, readable=readable, writable=writable)
            self._went_on(self._transfer, complete, now)

    def _take(self, now: int, data: bytes) -> None:
        transfer = self._transfer
        assert isinstance(transfer, Http1Transfer)
        self._went_on(transfer, transfer.take(data, now), now)

    def _went_on(self, transfer: Transfer, complete: bool, now: int) -> None:
        if complete:
            self._conclude(self._outcome(ReplayState.SUCCEEDED, now))
        else:
            self._set_deadline(transfer.deadline)

    def _set_deadline(self, deadline: int) -> None:
        self.deadline = deadline = min(deadline, self._end)
        self._around.announce(deadline)

    def _late(self, now: int) -> None:
        if now >= self._end:
            seconds = self._around.wire.settings.total_timeout
            said = f"no complete response within {seconds:g} s"
            if self._connecting is not None and self._connecting.waits_for:
                said += f": {self._connecting.waits_for}"
            raise WireError(Reason.TOTAL_TIMEOUT, said)
        if self._connecting is not None:
            self._connect(self._connecting.late, now)
        elif self._transfer is not None:
            self._went_on(self._transfer, self._transfer.late(now), now)

    # To its end

    def _try_again(self, error: ReplaydError, how: SecondTry) -> None:
        self._notes.append(Note(f"{error.message}; sent once more {how.value}", Reason.RETRIED))
        self._hang_up()
        self._transfer = None
        if how is SecondTry.AFRESH:
            self._resent += 1
            self._step(self._begin_afresh)
        else:
            self._target = self._target._replace(http_versions=HttpVersions.ONE)
            self._step(self._begin_connecting)

    def _hang_up(self) -> None:
        if self._connecting is not None:
            self._connecting.close()
            self._connecting = None
        if self._transfer is not None and not self._parted:
            self._transfer.abort()

    def _outcome(self, state: ReplayState, now: int) -> Outcome:
        timings, transfer, start = self._timings, self._transfer, self._start
        timings.total = now - start
        outcome = Outcome(state, timings, connection=self._connection_info(), notes=self._notes)
        if transfer is not None:
            if transfer.sent is not None:
                timings.sent = transfer.sent - start
            if transfer.first_byte is not None:
                timings.first_byte = transfer.first_byte - start
            outcome.head = transfer.head
            outcome.trailers = transfer.trailers
            outcome.lenient = transfer.lenient
            outcome.early = transfer.early
            outcome.websocket = transfer.websocket
            if transfer.notes:
                outcome.notes = [*self._notes, *map(Note, transfer.notes)]
            # A conversation is no content: the journal keeps it, and its beginning is told.
            if transfer.body is not None and outcome.websocket is None:
                outcome.content_prefix = transfer.body.prefix(PREVIEW_LIMIT)
                outcome.content_size = transfer.body.size
        return outcome

    def _connection_info(self) -> ConnectionInfo | None:
        """The connection as far as there was one: TCP stood."""
        if self._transfer is not None:
            return self._transfer.info
        return self._connecting.info if self._connecting is not None else None

    def _since_start(self, moment: int | None) -> int | None:
        return None if moment is None else moment - self._start
