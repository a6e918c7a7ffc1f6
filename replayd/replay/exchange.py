"""One replay, from take to outcome: a request underway, and what becomes of it then. A small state
machine.

It is told what happened (ready to read or write, a name resolved, a deadline passed) and
goes on as far as it can without waiting. Whatever goes wrong ends this replay and nothing
else: a WireError with its own reason, anything unexpected as INTERNAL.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from replayd.errors import ReplaydError
from replayd.journal.interface import Body
from replayd.model.outcome import Note, Outcome, Timings, ToldComparison
from replayd.model.replay import ReplayState
from replayd.reasons import Reason
from replayd.replay.deadlines import NEVER
from replayd.replay.second_try import second_try
from replayd.replay.underway import Underway
from replayd.wire.poller import Connection

if TYPE_CHECKING:
    from replayd.comparer.process import Compared
    from replayd.hooks.words import End, Record

_logger = logging.getLogger(__name__)


class Exchange(Underway):
    """One replay, from take to outcome."""

    # As in `Underway`.
    _over = False
    _session_waits = False
    failure = Reason.UNSPECIFIED
    """Why it failed, or was killed."""
    _body: Body | None = None
    """The response's content, where it is no transfer's."""
    _judged: Outcome | None = None
    """Complete, and being compared with the recorded response, or looked through for live
    values."""
    _first_body: Body | None = None
    """Its content, while the request is sent once more."""
    _learning = False
    """The request is sent once more."""

    # What happens to it

    def start(self) -> None:
        """Begins, on a kept connection where there is one."""
        self._step(self._begin)

    def take_over(self, connection: Connection, begun: int, size: int | None) -> None:
        """Goes on with a request that was begun at this moment on a kept connection, which took
        so many bytes of it (None: all).
        """
        connection.owner = self
        self._step(lambda _: self._take_over(begun, connection, size))

    def take(self, data: bytes) -> None:
        """Goes on with what was received on its connection."""
        self._step(self._take, data)

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        """Its connection can be read or written."""
        self._step(self._go_on, readable, writable)

    def on_deadline(self) -> None:
        """Its deadline has passed."""
        self._step(self._late)

    def cancel(self) -> None:
        """Ends it, KILLED, however far it has come; its connection is closed."""
        self._step(self._kill)

    def fail(self, error: ReplaydError) -> None:
        """Ends it, FAILED, unless its request may be sent once more."""
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
            self.crash(error)

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

    def _fail(self, _: int, error: ReplaydError) -> None:
        raise error

    def _kill(self, now: int) -> None:
        if self._learning:
            self._learning = False
            self._forget_first()
        outcome = self._outcome(ReplayState.KILLED, now)
        outcome.reason, outcome.message = Reason.CANCELLED, "it was cancelled while it ran"
        self.failure = Reason.CANCELLED
        self._conclude(outcome)

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

    def crash(self, error: Exception) -> None:
        """Ends it, FAILED INTERNAL, unless its outcome is recorded already."""
        recorded, self._over = self._over, True
        self.failure = Reason.INTERNAL
        self._hang_up()
        if not recorded:
            self._forget_contents()
            self._timings.total = self._around.clock.monotonic() - self._start
            self._around.recorder.crashed(self.replay, self.plan, self._timings, error)
        self._around.ended(self)

    def _forget_contents(self) -> None:
        """Discards what will not be recorded."""
        body = self._body or (self._transfer.body if self._transfer is not None else None)
        if body is not None:
            body.discard()
        self._forget_first()
        if self.sends is not None:
            self.sends.discard()
