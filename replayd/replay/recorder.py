"""Hands outcomes and events to the journal and decides when to commit them.

Commits are grouped: they take place when nothing is in flight, when the thread has nothing
better to do and something has waited for a little while, or, however busy it is, when that
is too long, too much, or must not be in doubt (the outcome of a request that is not
idempotent). When the journal can't commit, what was handed over stays with it, and the
commit is tried again, later and later. For a large content that is on its way to the disk
nobody waits, unless too much does.
"""

import traceback
from collections.abc import Iterable, Sequence

from replayd.codec.event import log_event, outcome_event, request_event
from replayd.journal.interface import Body, Journal
from replayd.model.event import LogLevel, PendingEvent
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED, Redactor
from replayd.replay.clock import Clock

_IDLE_AGE = 5_000_000
"""Nanoseconds that a record waits for company while the thread has nothing better to do."""
_MAX_AGE = 20_000_000
"""Nanoseconds that it waits while the thread has: a commit costs as much as some replays."""
_MAX_COUNT = 512
_MAX_SIZE = 8 * 1024 * 1024
"""Bytes of contents that wait in memory."""
_TRACEBACK_LIMIT = 8 * 1024


class Recorder:
    """The replay thread's way to the journal's log."""

    def __init__(self, journal: Journal, clock: Clock, redactor: Redactor = UNKEYED) -> None:
        self._journal = journal
        self._redactor = redactor
        self._clock = clock
        self._announced: list[PendingEvent] = []
        """Of replays taken together, to be handed over at once, and before anything else."""
        self._count = 0
        self._size = 0
        self._oldest = 0
        self._urgent = False

    def sending(self, replay: Replay, plan: Plan, content: bytes) -> None:
        """Records what is about to be sent; `content` may be cut as events are."""
        self._announced.append(request_event(replay, plan, content, self._clock.wall()))
        self._note(0)

    def ended(
        self, replay: Replay, plan: Plan, outcome: Outcome, body: Body | bytes | None
    ) -> bool:
        """Records how a replay ended; True: more of its session waits (`Journal.finish`)."""
        now = self._clock.wall()
        events = [
            self._about(replay, plan, message, now, level=LogLevel.INFO, reason=reason)
            for message, reason in outcome.notes
        ]
        events.append(outcome_event(replay, plan, outcome, now, self._redactor))
        return self._finish(replay, outcome, events, body)

    def crashed(self, replay: Replay, plan: Plan, timings: Timings, error: Exception) -> None:
        """Records that something of our own failed: FAILED INTERNAL, and the text."""
        now = self._clock.wall()
        message = f"{type(error).__name__}: {error}"
        text = "".join(traceback.format_exception(error))[-_TRACEBACK_LIMIT:]
        outcome = Outcome(ReplayState.FAILED, timings, reason=Reason.INTERNAL, message=message)
        events = [
            self._about(replay, plan, text, now, level=LogLevel.ERROR, reason=Reason.INTERNAL),
            outcome_event(replay, plan, outcome, now, self._redactor),
        ]
        self._finish(replay, outcome, events, None)

    def note(self, level: LogLevel, message: str, reason: Reason) -> None:
        """Records something about no single replay."""
        now = self._clock.wall()
        event = log_event(level, message, now, reason=reason, redactor=self._redactor)
        self._announced.append(event)
        self._announce()
        self._note(0)

    def due(self, *, in_flight: bool, idle: bool) -> bool:
        """Whether to commit before waiting. `idle`: nothing else was to be done just now."""
        if not self._count:
            return False
        if self._too_much:
            return True
        if self._journal.settling:
            return False
        if not in_flight or self._urgent:
            return True
        age = self._clock.monotonic() - self._oldest
        return age >= (_IDLE_AGE if idle else _MAX_AGE)

    @property
    def deadline(self) -> int | None:
        """When a thread with nothing better to do has to commit; None: nothing waits, or what
        waits is woken by the journal.
        """
        return self._oldest + _IDLE_AGE if self._count and not self._journal.settling else None

    def commit(self) -> None:
        """Commits what was handed over; raises JournalError, and then it still waits."""
        self._announce()
        self._journal.commit(wait=self._too_much)
        self._committed()

    def begin(self, replays: Iterable[Replay]) -> None:
        """Makes intents durable (`Journal.begin`), and what waits with them."""
        self._announce()
        if self._journal.begin(replays):
            self._committed()

    def _committed(self) -> None:
        """What waited does no more, but for what the disk has yet to answer for."""
        self._size, self._count = 0, self._journal.left
        if self._count:
            self._oldest = self._clock.monotonic()
        else:
            self._urgent = False

    @property
    def _too_much(self) -> bool:
        return self._count >= _MAX_COUNT or self._size >= _MAX_SIZE

    def _finish(
        self,
        replay: Replay,
        outcome: Outcome,
        events: Sequence[PendingEvent],
        body: Body | bytes | None,
    ) -> bool:
        if self._announced:
            self._announce()
        session_waits = self._journal.finish(replay.key, outcome, events, body)
        self._note(len(body) if isinstance(body, bytes) else body.held if body else 0)
        if not replay.idempotent:
            self._urgent = True
        return session_waits

    def _announce(self) -> None:
        if self._announced:
            announced, self._announced = self._announced, []
            self._journal.emit(announced)

    def _note(self, size: int) -> None:
        if not self._count:
            self._oldest = self._clock.monotonic()
        self._count += 1
        self._size += size

    def _about(
        self, replay: Replay, plan: Plan, message: str, now: int, *, level: LogLevel, reason: Reason
    ) -> PendingEvent:
        return log_event(
            level,
            message,
            now,
            reason=reason,
            key=replay.key,
            attempt=replay.attempt,
            flow_index=plan.flow_index,
            flow_id=plan.flow_id,
            redactor=self._redactor,
        )
