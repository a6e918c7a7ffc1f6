"""One replay on its way: connection, transfer, outcome. A small state machine.

It is told what happened (ready to read or write, a name resolved, a deadline passed) and
goes on as far as it can without waiting. Whatever goes wrong ends this replay and nothing
else: a WireError with its own reason, anything unexpected as INTERNAL.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from replayd.errors import ReplaydError, WireError
from replayd.journal.interface import Body, Journal, Part
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import ConnectionInfo, Note, Outcome, Timings, ToldComparison
from replayd.model.plan import HttpVersions, Plan
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from replayd.replay.budget import Budget
from replayd.replay.clock import Clock
from replayd.replay.connecting import Connecting
from replayd.replay.deadlines import NEVER
from replayd.replay.recorder import Recorder
from replayd.replay.second_try import SecondTry, second_try
from replayd.replay.standing import Way, standing
from replayd.replay.transfer import Transfer
from replayd.replay.transfers import new_transfer
from replayd.wire.client import Wire
from replayd.wire.poller import Connection
from replayd.wire.pool import Session

if TYPE_CHECKING:
    from replayd.comparer.process import Compared
    from replayd.hooks.words import Content, End, Record
    from replayd.replay.hooked import Hooking

_logger = logging.getLogger(__name__)

_SECOND = 1_000_000_000


class Learns(Protocol):
    """See `Surroundings.learns`."""

    def __call__(
        self, exchange: Exchange, outcome: Outcome, body: Body | None, *, at_once: bool
    ) -> bool:
        """Takes what it gave."""


class Surroundings(NamedTuple):
    """What every exchange of the thread shares."""

    wire: Wire
    journal: Journal
    recorder: Recorder
    clock: Clock
    budget: Budget
    announce: Callable[[int], None]
    """A deadline was set (`Deadlines.announce`)."""
    ended: Callable[[Exchange], None]
    """The exchange is over and recorded."""
    learns: Learns
    """A response came to a replay of a batch with live values; True: the exchange waits until it
    was looked through, unless all has to be done `at_once`."""
    compares: Callable[[Exchange, Outcome], bool]
    """Compares a response with the recorded one; True: the exchange waits for that."""
    compares_again: Callable[[Exchange, Outcome, Body | None, Outcome], None]
    """Compares one once more, beside the answer to the same request."""
    hooking: Hooking | None = None
    """Asks hooks; None: there are none."""


class Exchange:
    """One replay, from take to outcome."""

    deadline = 0
    """Monotonic nanoseconds at which `on_deadline` has to be called."""
    # How every replay begins; set for each, these would be a fifth of making one.
    _end = NEVER
    _connecting: Connecting | None = None
    _transfer: Transfer | None = None
    _resent = 0
    _over = False
    _session_waits = False
    failure = Reason.UNSPECIFIED
    """Why it failed, or was killed."""
    _body: Body | None = None
    """The response's content, where it is no transfer's."""
    _parted = False
    """The transfer's connection is no longer its own."""
    _judged: Outcome | None = None
    """Complete, and being compared with the recorded response, or looked through for live
    values."""
    _first_body: Body | None = None
    """Its content, while the request is sent once more."""
    _learning = False
    """The request is sent once more."""
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

    # What happens to it

    def start(self) -> None:
        """Begins, on a kept connection where there is one."""
        self._step(self._begin)

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """Its connection can be read or written."""
        self._step(self._go_on, readable, writable)

    def on_deadline(self) -> None:
        """Its deadline has passed."""
        self._step(self._late)

    def cancel(self) -> None:
        """Ends it, KILLED, however far it has come; its connection is closed."""
        self._step(self._kill)

    def refuse(self, error: WireError) -> None:
        """Ends it, FAILED, before anything is sent."""
        self._step(self._fail, error)

    @property
    def answered(self) -> bool:
        """Whether its target was asked, and did not fail."""
        return self._transfer is not None and self.failure is Reason.UNSPECIFIED

    def abandon(self) -> None:
        """Ends it without an outcome: what is known of it is left to the journal."""
        if self._judged is not None and not self._around.journal.failure:
            self._end_learning()
            # The response is whole: only nobody told yet what it is beside the recorded one, or
            # what it gives to later requests.
            self._step(lambda _, outcome: self._take_values(outcome, at_once=True), self._judged)
            return
        self._over = True
        self._hang_up()
        self._forget_contents()

    def go_on(self, begun: int, notes: Iterable[Note]) -> None:
        """It was taken at this moment, and hooks were asked since; what they left to be logged
        with its outcome.
        """
        self._start = begun
        self._notes += notes

    def settle(self, outcome: Outcome, body: Body | None = None) -> None:
        """Ends it with an outcome that is no server's; `body`: its response's content."""
        self._body, self.failure = body, outcome.reason
        self._step(lambda _: self._conclude(outcome))

    def hear(self, outcome: Outcome, verdict: Record | End) -> None:
        """Goes on with the outcome that hooks were asked about."""
        if self._over:
            verdict.discard()
        self._step(self._hear, outcome, verdict)

    def hear_comparison(self, compared: Compared) -> None:
        """Goes on with what its response is beside the recorded one."""
        self._step(self._compared, compared)

    def hear_values(self, learn: Callable[[], None]) -> None:
        """Goes on once its response was looked through; `learn` takes what was found."""
        self._step(self._heard_values, learn)

    def _step(self, step: Callable[..., None], *arguments: object) -> None:
        """Takes a step; nothing that goes wrong in it gets out."""
        if self._over:
            return
        try:
            try:
                step(self._around.clock.monotonic(), *arguments)
            except ReplaydError as error:
                self._went_wrong(error)
        except Exception as error:
            _logger.exception("replay %s failed inside", self.replay.key.replay_id)
            self._crash(error)

    # From start to the end of the response

    def _begin(self, now: int) -> None:
        # From here on: before, it may have waited for a journal that could not store.
        self._end = now + int(self._around.wire.settings.total_timeout * _SECOND)
        self._begin_connecting(now)

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

    def _woken(self) -> None:
        self._step(self._go_on, True, True)

    def _go_on(self, now: int, readable: bool, writable: bool) -> None:
        if self._connecting is not None:
            self._connect(self._connecting.advance, now)
        elif self._transfer is not None:
            complete = self._transfer.on_ready(now, readable=readable, writable=writable)
            self._went_on(self._transfer, complete, now)

    def _went_on(self, transfer: Transfer, complete: bool, now: int) -> None:
        if complete:
            self._conclude(self._outcome(ReplayState.SUCCEEDED, now))
        else:
            self._set_deadline(transfer.deadline)

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

    def _transfer_on(self, way: Way, now: int) -> None:
        self._transfer = new_transfer(
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
        self._transfer.begin(now)
        self._set_deadline(self._transfer.deadline)

    def _stored_content(self) -> Iterable[bytes]:
        content = self.replay.request_content
        if content is not None:
            return (content,)
        if self.sends is not None:
            return self.sends.pieces()
        return self._around.journal.content(self.replay.key, Part.REQUEST)

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

    # Outcome

    def _went_wrong(self, error: ReplaydError) -> None:
        transfer, versions = self._transfer, self._target.http_versions
        if transfer is not None and not self._parted:
            how = second_try(error, transfer, self.plan, versions, resent=self._resent)
            if how is not None:
                self._try_again(error, how)
                return
        outcome = self._outcome(ReplayState.FAILED, self._around.clock.monotonic())
        outcome.reason, outcome.message = error.reason, error.message
        self.failure = error.reason
        self._conclude(outcome)

    def _fail(self, _: int, error: WireError) -> None:
        raise error

    def _kill(self, now: int) -> None:
        if self._learning:
            self._learning = False
            self._forget_first()
        outcome = self._outcome(ReplayState.KILLED, now)
        outcome.reason, outcome.message = Reason.CANCELLED, "it was cancelled while it ran"
        self.failure = Reason.CANCELLED
        self._conclude(outcome)

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

    def _conclude(self, outcome: Outcome) -> None:
        """Goes on to its comparison, unless hooks are to be asked before."""
        hooking = self._around.hooking
        if self._learning:
            self._came_again(outcome)
        elif hooking is None or not hooking.asks(self, outcome):
            self._judge(outcome)

    def part(self) -> None:
        """Gives its connection to whoever needs it while hooks are asked: they take their time,
        and it has none to be late in.
        """
        self.deadline = NEVER
        if self._parted:
            return
        self._parted, self._session_waits = True, True
        if self._transfer is not None:
            self._body = self._transfer.body
            self._transfer.conclude(self._keep)
        elif self._connecting is not None:
            self._connecting.close()
            self._connecting = None

    @property
    def body(self) -> Body | None:
        """The response's content, once it has parted from its connection."""
        return self._body

    def _hear(self, now: int, outcome: Outcome, verdict: Record | End) -> None:
        hooking = self._around.hooking
        assert hooking is not None
        self._timings.total = now - self._start
        made = hooking.made(outcome, verdict)
        if made.body is not None:
            if self._body is not None:
                self._body.discard()
            self._body = made.body
        if made.ends:
            self._conclude(made.outcome)
        else:
            self._judge(made.outcome)

    # Beside the recorded response

    def _judge(self, outcome: Outcome) -> None:
        """Records it, once it is compared with what was recorded."""
        if (
            self.plan.recorded_digest
            and outcome.state is ReplayState.SUCCEEDED
            and self._around.compares(self, outcome)
        ):
            self._judged = outcome
        else:
            self._take_values(outcome)

    def _compared(self, now: int, compared: Compared) -> None:
        outcome = self._judged
        assert outcome is not None
        outcome.comparison = ToldComparison(compared.shown, compared.whole)
        if compared.learn and self.plan.idempotent:
            self._send_once_more(now)
            return
        if self._learning:
            rules = "rule" if len(compared.noise) == 1 else "rules"
            self._note_learning(outcome, f"{len(compared.noise)} {rules} learnt")
        self._end_learning()
        self._take_values(outcome)

    def _send_once_more(self, now: int) -> None:
        """Sends the request once more, to see what its server answers otherwise by itself."""
        self._first_body, self._body = self._body, None
        self._transfer, self._parted, self._learning = None, False, True
        self._notes = []
        self._timings = Timings(start=self._around.clock.wall())
        self._start = now
        self._begin(now)

    def _came_again(self, again: Outcome) -> None:
        """The answer came, or did not."""
        first = self._judged
        assert first is not None
        if again.state is ReplayState.SUCCEEDED and again.websocket is None:
            self._around.compares_again(self, first, self._first_body, again)
            return
        self._note_learning(first, f"nothing was learnt: {again.message}")
        self.failure = Reason.UNSPECIFIED
        self._end_learning()
        self._take_values(first)

    def _end_learning(self) -> None:
        """Goes back to the first response."""
        if not self._learning:
            return
        self._hang_up()
        again = self._body or (self._transfer.body if self._transfer is not None else None)
        if again is not None:
            again.discard()
        self._learning, self._parted = False, True
        self._transfer, self._body = None, self._first_body

    def _forget_first(self) -> None:
        if self._first_body is not None:
            self._first_body.discard()

    def _note_learning(self, outcome: Outcome, what: str) -> None:
        said = f"the request was sent once more, to learn what changes with every answer; {what}"
        outcome.notes = [*outcome.notes, Note(said, Reason.SENT_TO_LEARN)]

    # The end

    def _take_values(self, outcome: Outcome, *, at_once: bool = False) -> None:
        """Records it, once what it gives to later requests is known."""
        if self.plan.live is not None and outcome.state is ReplayState.SUCCEEDED:
            body = self._body_worth_keeping(outcome)
            if self._around.learns(self, outcome, body, at_once=at_once):
                self._judged = outcome
                return
        self._record(outcome)

    def _heard_values(self, _: int, learn: Callable[[], None]) -> None:
        outcome = self._judged
        assert outcome is not None
        learn()
        self._record(outcome)

    def _record(self, outcome: Outcome) -> None:
        """Records it, then keeps or closes the connection."""
        body = self._body_worth_keeping(outcome)
        self._session_waits = self._around.recorder.ended(self.replay, self.plan, outcome, body)
        self._over = True
        if self._transfer is not None and not self._parted:
            self._transfer.conclude(self._keep)
        else:
            self._hang_up()
            if self._parted and not self._session_waits:
                self._around.wire.pool.end_session(self._session)
        if self.sends is not None:
            self.sends.discard()
        self._around.ended(self)

    def _body_worth_keeping(self, outcome: Outcome) -> Body | None:
        """Too much is not kept, nor what the journal failed to take."""
        body = self._body
        if body is None and self._transfer is not None:
            body = self._transfer.body
        if body is None or outcome.reason not in (
            Reason.BODY_TOO_LARGE,
            Reason.DISK_FULL,
            Reason.JOURNAL_UNAVAILABLE,
        ):
            return body
        body.discard()
        return None

    def _keep(self, connection: Connection, idle_seconds: int | None) -> None:
        self._around.wire.pool.keep(
            connection,
            self._session,
            session_waits=self._session_waits,
            now=self._around.clock.monotonic(),
            idle_seconds=idle_seconds,
        )

    def _crash(self, error: Exception) -> None:
        recorded, self._over = self._over, True
        self.failure = Reason.INTERNAL
        self._hang_up()
        if not recorded:
            self._forget_contents()
            self._timings.total = self._around.clock.monotonic() - self._start
            self._around.recorder.crashed(self.replay, self.plan, self._timings, error)
        self._around.ended(self)

    def _hang_up(self) -> None:
        if self._connecting is not None:
            self._connecting.close()
            self._connecting = None
        if self._transfer is not None and not self._parted:
            self._transfer.abort()

    def _forget_contents(self) -> None:
        """Discards what will not be recorded."""
        body = self._body or (self._transfer.body if self._transfer is not None else None)
        if body is not None:
            body.discard()
        self._forget_first()
        if self.sends is not None:
            self.sends.discard()

    def _since_start(self, moment: int | None) -> int | None:
        return None if moment is None else moment - self._start
