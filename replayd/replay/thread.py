"""THE replay thread: one loop, one selector, any number of replays in flight.

`take -> intent -> connect -> send -> receive -> outcome`. Concurrency 1 is the same code
with one slot. Others reach the thread through its queue only.

One bad flow never ends the loop; a journal that can't store makes it wait: nothing new is
taken, what runs goes on, and what was handed over is committed as soon as that works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from replayd.codec.plan import decode_plan, encode_plan
from replayd.errors import JournalError, WireError
from replayd.journal.interface import Body, Journal, Part
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey
from replayd.queue import ReplayQueue
from replayd.reasons import Reason
from replayd.redaction.fields import fields_of
from replayd.redaction.redactor import UNKEYED, Redactor
from replayd.replay.budget import Budget
from replayd.replay.clock import SYSTEM_CLOCK, Clock
from replayd.replay.deadlines import NEVER, Deadlines
from replayd.replay.exchange import Exchange
from replayd.replay.plain import PlainExchange, may_be_plain
from replayd.replay.recorder import Recorder
from replayd.replay.surroundings import Surroundings
from replayd.wire.client import Wire
from replayd.wire.resolver import Lookup, TargetChecks, system_lookup
from replayd.wire.settings import WireSettings

if TYPE_CHECKING:
    from replayd.comparer.comparer import Comparer
    from replayd.hooks.chain import Hooks
    from replayd.hooks.words import Content, End, Respond, Send
    from replayd.model.target_state import TargetState
    from replayd.planning.target_rules import Pattern
    from replayd.replay.compared import Comparisons
    from replayd.replay.governor import Governor, GovernorSettings
    from replayd.replay.hooked import Held, Hooking
    from replayd.replay.live_values import LiveValues
    from replayd.replay.unread import Unread

_logger = logging.getLogger(__name__)

_SECOND = 1_000_000_000
_FIRST_RETRY = _SECOND // 10
_LAST_RETRY = 5 * _SECOND


class ReplayThread:
    """Takes replays from the queue and sends them, until it is stopped."""

    def __init__(
        self,
        journal: Journal,
        queue: ReplayQueue,
        settings: WireSettings,
        *,
        targets: TargetChecks,
        concurrency: int = 1,
        on_failure: Callable[[JournalError], object] = lambda _: None,
        clock: Clock = SYSTEM_CLOCK,
        lookup: Lookup = system_lookup,
        redactor: Redactor = UNKEYED,
        governed: GovernorSettings | None = None,
        new_comparer: Callable[[], Comparer] | None = None,
    ) -> None:
        """`new_comparer` makes what compares responses with the recorded ones, and looks large
        ones through for live values; None: none is compared, and all are looked through here.
        `on_failure` is called, on this thread, when it ends because it can't go on.

        Raises ConfigError: a file, version or cipher of the TLS settings can't be used.
        """
        self._journal = journal
        self._queue = queue
        self._redactor = redactor
        self._concurrency = concurrency
        self._on_failure = on_failure
        self._clock = clock
        self._wire = Wire(settings, targets, queue.post, lookup=lookup)
        self._recorder = Recorder(journal, clock, redactor)
        self._deadlines = Deadlines()
        budget = Budget(settings.memory_budget, settings.body_size_limit, queue.post)
        self._around = Surroundings(
            self._wire,
            journal,
            self._recorder,
            clock,
            budget,
            self._deadlines.announce,
            self._handed_over,
            self._ended,
            self._learns,
            self._is_as_recorded,
            self._compares,
            self._compares_again,
        )
        self._live: LiveValues | None = None
        self._new_comparer = new_comparer
        self._comparer: Comparer | None = None
        self._comparisons: Comparisons | None = None
        self._hooking: Hooking | None = None
        self._running: dict[ReplayKey, Exchange | PlainExchange | Held | Unread] = {}
        self._taken: list[Exchange | PlainExchange] = []
        """Taken and announced, but without an intent yet: nothing of them was sent."""
        self._stop_at = NEVER
        self._retry_at = 0
        """The journal could not store: not before then again."""
        self._retry_after = 0
        self._idle = False
        """The last look found nothing to do."""
        self._governor: Governor | None = None
        """Decides who may go to its target now; None: everybody."""
        if governed is not None:
            self._governor = self._new_governor(governed)
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def _new_governor(self, settings: GovernorSettings | None) -> Governor:
        # Loaded for those who limit anything.
        from replayd.planning.target_limits import TargetLimits  # noqa: PLC0415
        from replayd.replay.governor import BOUND, Governor, GovernorSettings  # noqa: PLC0415

        return Governor(
            settings or GovernorSettings(TargetLimits([])),
            self._journal,
            self._recorder,
            self._clock,
            refuse=self._refuse,
            # Nothing overtakes in strict order.
            bound=BOUND if self._concurrency > 1 else 0,
        )

    def limit_targets(
        self,
        pattern: Pattern | None,
        interval: int | None,
        told: Callable[[], object],
        missed: Callable[[], object],
        *,
        close_breakers: bool,
    ) -> None:
        """Sets what the targets that fit a pattern, or (None) all others, are asked to bear:
        nanoseconds from one replay to the next, 0: no limit, None: as it is; and closes their
        breakers if asked to. Calls back, on this thread, once it holds; `missed`, on any, where
        the thread has ended. From any thread.
        """

        def limit() -> None:
            governor = self._governor = self._governor or self._new_governor(None)
            if interval is not None:
                governor.limit(pattern, interval)
            if close_breakers:
                governor.close_breakers(pattern)
            told()

        self._queue.ask(limit, missed)

    def targets(self) -> Sequence[TargetState]:
        """Tells what is known of targets, where anything is limited. From any thread."""
        return self._governor.states() if self._governor is not None else ()

    def start(self) -> None:
        """Begins to replay."""
        self._thread.start()

    def stop(self, grace_seconds: float) -> None:
        """Takes nothing more; what runs may end within the grace. Returns at once; again
        with a shorter grace hurries. What runs after it is left without an outcome: the
        journal tells at its next opening what may be sent again. From any thread.
        """
        self._queue.post(lambda: self._stop(grace_seconds))

    def cancel(
        self,
        keys: Collection[ReplayKey],
        told: Callable[[Sequence[ReplayKey]], object],
        missed: Callable[[], object],
    ) -> None:
        """Kills those of these replays that are in its hands, and calls back, on this thread,
        with which these were: their outcome is handed over then, not durable yet; `missed`, on
        any, where the thread has ended. Returns at once. From any thread.
        """

        def cancel() -> None:
            told(self._cancel(keys))

        self._queue.ask(cancel, missed)

    def use_hooks(self, hooks: Hooks | None, begun: Callable[[], None]) -> None:
        """Has hooks asked about every replay that is taken from now on; None: nobody. `begun`
        is called, on this thread, once that is so. From any thread; before the start from the
        one that starts it.
        """
        if self._thread.ident is None:
            self._use_hooks(hooks, begun)
        else:
            self._queue.post(lambda: self._use_hooks(hooks, begun))

    def join(self, timeout: float | None = None) -> bool:
        """Waits until the thread has ended; False: it has not."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # The thread

    def _run(self) -> None:
        try:
            self._wire.poller.watch_descriptor(self._queue.fileno(), self._read_mail)
            while self._stop_at > self._clock.monotonic():
                if self._turn():
                    break
        except JournalError as error:
            self._on_failure(error)
        except Exception as error:
            _logger.exception("the replay thread failed")
            self._on_failure(
                JournalError(f"the replay thread failed: {error!r}", reason=Reason.INTERNAL)
            )
        finally:
            self._end()

    def _turn(self) -> bool:
        """One turn of the loop; True: it was the last."""
        if self._stopping and self._nothing_ends and (not self._taken or self._retry_after):
            return True
        if self._clock.monotonic() >= self._retry_at:
            self._use_journal()
        ready = self._wire.poller.wait(self._patience())
        self._idle = not ready
        now = self._clock.monotonic()
        self._wire.poller.tell(ready)
        for exchange in self._deadlines.due(self._running.values(), now):
            exchange.on_deadline()
        self._wire.expire(now)
        if self._governor is not None and self._governor.advance():
            self._queue.freed()
        return False

    def _patience(self) -> float | None:
        """How long to wait at most, in seconds; None: until something happens."""
        if self._more_at_once():
            return 0
        record, idle, due = self._recorder.deadline, self._wire.deadline, self._queue.next_due
        if self._retry_after:
            record = self._retry_at
        if self._stopping or self._retry_after or len(self._running) >= self._concurrency:
            due = None
        if self._governor is not None:
            idle = min(NEVER if idle is None else idle, self._governor.deadline)
            if self._governor.blocked:
                due = None
        earliest = min(
            self._deadlines.next,
            self._stop_at,
            NEVER if record is None else record,
            NEVER if idle is None else idle,
            NEVER if due is None else due,
        )
        if earliest == NEVER:
            return None
        return max(earliest - self._clock.monotonic(), 0) / _SECOND

    def _more_at_once(self) -> bool:
        """Whether a replay that ended as soon as it began left a slot for the next."""
        return (
            len(self._running) < self._concurrency
            and self._queue.promising
            and not self._stopping
            and not self._retry_after
            and (self._governor is None or not self._governor.blocked)
        )

    def _read_mail(self) -> None:
        if self._governor is not None:
            self._governor.look_again()
        for message in self._queue.messages():
            message()

    def _stop(self, grace_seconds: float) -> None:
        at = self._clock.monotonic() + int(grace_seconds * _SECOND)
        self._stop_at = min(self._stop_at, at)

    def _cancel(self, keys: Collection[ReplayKey]) -> Sequence[ReplayKey]:
        killed = []
        for exchange in (*self._taken, *self._running.values()):
            if exchange.replay.key in keys:
                exchange.cancel()
                killed.append(exchange.replay.key)
        self._taken = [each for each in self._taken if each.replay.key not in keys]
        return killed

    def _end(self) -> None:
        for exchange in (*self._running.values(), *self._taken):
            exchange.abandon()
        if self._comparer is not None:
            self._comparer.close()
        self._wire.close()
        self._queue.close()
        try:
            self._recorder.commit()
        except JournalError as error:
            _logger.error("the last outcomes could not be recorded: %s", error.message)

    @property
    def _stopping(self) -> bool:
        return self._stop_at != NEVER

    @property
    def _nothing_ends(self) -> bool:
        """Whether nothing runs, or nothing but what waits for a hook that is not there."""
        if not self._running:
            return True
        if self._hooking is None or not self._hooking.waiting:
            return False
        sent = (Exchange, PlainExchange)
        return not any(isinstance(each, sent) for each in self._running.values())

    # The journal

    def _use_journal(self) -> None:
        """Takes what there is room for and commits what is due; after a failure, what waits
        is committed first.
        """
        try:
            if self._retry_after:
                self._recorder.commit()
            self._begin_more()
            if self._recorder.due(in_flight=bool(self._running), idle=self._idle):
                self._recorder.commit()
        except JournalError as error:
            self._stall(error)
            return
        if self._retry_after:
            _logger.info("the journal stores again")
            self._retry_after = 0

    def _stall(self, error: JournalError) -> None:
        """Waits for a journal that may recover; ends the thread for one that will not."""
        if self._journal.failure:
            raise error
        if not self._retry_after:
            _logger.error("the journal can't store, nothing new is sent: %s", error.message)
        self._retry_after = min(max(2 * self._retry_after, _FIRST_RETRY), _LAST_RETRY)
        self._retry_at = self._clock.monotonic() + self._retry_after

    # Taking

    def _begin_more(self) -> None:
        """Fills the free slots. Raises JournalError; what was taken then stays taken."""
        free = self._concurrency - len(self._running)
        governor = self._governor
        blocked = governor is not None and governor.blocked
        if not self._taken and free > 0 and not (self._stopping or blocked):
            due = self._queue.next_due
            if due is not None and due <= self._clock.monotonic():
                self._queue.freed()
            self._taken = self._take(free)
        if not self._taken:
            return
        self._recorder.begin([exchange.replay for exchange in self._taken])
        begun, self._taken = self._taken, []
        for exchange in begun:
            self._running[exchange.replay.key] = exchange
        for exchange in begun:
            exchange.start()

    def _take(self, limit: int) -> list[Exchange | PlainExchange]:
        taken = []
        replays = self._queue.take(limit, self._clock.wall())
        if self._governor is not None:
            replays = self._governor.admit(replays)
        for replay in replays:
            exchange = self._prepare(replay)
            if exchange is not None:
                taken.append(exchange)
        return taken

    def _prepare(self, replay: Replay, *, refused: bool = False) -> Exchange | PlainExchange | None:
        """Makes an exchange and announces it, unless hooks are to be asked before; a plan that
        can't be read ends its replay. `refused`: nothing of it will be sent.
        """
        timings = Timings(start=self._clock.wall(), lag=replay.lag)
        plan = None
        try:
            plan = decode_plan(replay.plan)
            if plan.live is not None and not refused:
                live = self._live_values()
                if not live.knows(replay, plan):
                    self._hold(replay, plan, timings)
                    return None
                replay, plan = live.put_in(replay, plan)
            if self._hooking is not None and not refused:
                held = self._hooking.holds(replay, plan, timings)
                if held is not None:
                    held.begun = self._clock.monotonic()
                    self._running[replay.key] = held
                    return None
            replay, plan = self._announce(replay, plan, self._preview(replay))
            if self._hooking is None and may_be_plain(replay, plan):
                return PlainExchange(replay, plan, self._around, timings)
            return Exchange(replay, plan, self._around, timings)
        except Exception as error:
            _logger.exception("replay %s can't be prepared", replay.key.replay_id)
            self._give_up(replay, plan, timings, error)
            return None

    def _announce(self, replay: Replay, plan: Plan, preview: bytes) -> tuple[Replay, Plan]:
        """Announces what is about to be sent; returns it as it will be."""
        as_sent = self._wire.settings.as_sent(plan)
        if as_sent is not plan or replay.shown_plan is None:
            plan, replay = self._as_sent(as_sent, replay, preview)
        self._recorder.sending(replay, plan, preview)
        return replay, plan

    def _give_up(
        self, replay: Replay, plan: Plan | None, timings: Timings, error: Exception
    ) -> None:
        plan = plan or Plan(b"", b"", Target("", "", 0), b"", flow_index=replay.key.flow_index)
        self._recorder.crashed(replay, plan, timings, error)
        self._queue.freed()
        if self._governor is not None:
            self._governor.ended(replay.key, Reason.INTERNAL, answered=False)

    def _refuse(self, replay: Replay, error: WireError) -> None:
        exchange = self._prepare(replay, refused=True)
        if exchange is not None:
            exchange.fail(error)

    def _live_values(self) -> LiveValues:
        if self._live is None:
            # Few batches have them.
            from replayd.replay.live_values import LiveValues  # noqa: PLC0415

            comparer = None if self._new_comparer is None else self._started_comparer
            self._live = LiveValues(
                self._journal, self._clock, comparer, post=self._queue.post, read=self._go_on_read
            )
        return self._live

    def _hold(self, replay: Replay, plan: Plan, timings: Timings) -> None:
        """Leaves a replay alone until what its batch had learnt is read back."""
        from replayd.replay.unread import Unread  # noqa: PLC0415 - as above

        self._running[replay.key] = Unread(replay, plan, timings, self._kill_unread)

    def _go_on_read(self, batch_id: str, failure: Exception | None) -> None:
        """Goes on with the replays of a batch whose values are known now, or can't be."""
        from replayd.replay.unread import Unread  # noqa: PLC0415 - as above

        for held in [*self._running.values()]:
            if not isinstance(held, Unread) or held.replay.key.batch_id != batch_id:
                continue
            del self._running[held.replay.key]
            if failure is not None:
                self._give_up(held.replay, held.plan, held.timings, failure)
            elif (exchange := self._prepare(held.replay)) is not None:
                self._taken.append(exchange)

    def _kill_unread(self, held: Unread) -> None:
        exchange = Exchange(held.replay, held.plan, self._around, held.timings)
        self._running[held.replay.key] = exchange
        exchange.cancel()

    def _learns(
        self, exchange: Exchange, outcome: Outcome, body: Body | None, *, at_once: bool
    ) -> bool:
        return self._live_values().learns(exchange, outcome, body, at_once=at_once)

    def _started_comparer(self) -> Comparer:
        if self._comparer is None:
            assert self._new_comparer is not None
            self._comparer = self._new_comparer()
        return self._comparer

    def _as_sent(self, plan: Plan, replay: Replay, preview: bytes) -> tuple[Plan, Replay]:
        """Finds out what may be shown, where the decoder did not: of a plan that an upstream
        changes, and of a flow that was stored before anything was redacted.
        """
        shown_content = replay.shown_content
        if replay.shown_plan is None and plan.content_size:
            content = preview[:PREVIEW_LIMIT]
            found = self._redactor.request_content(content, fields_of(plan.head))
            shown_content = None if found is content else found or b""
        shown = self._redactor.plan(plan)
        return plan._replace(url=shown.url), replay._replace(
            plan=encode_plan(plan), shown_plan=encode_plan(shown), shown_content=shown_content
        )

    def _preview(self, replay: Replay, content: Content | None = None) -> bytes:
        """The beginning of a request's content; `content`: it, where it is not the one that the
        replay, or the journal, has.
        """
        if content is not None:
            return next(iter(content.pieces()), b"")
        if replay.request_content is not None:
            return replay.request_content
        return next(iter(self._journal.content(replay.key, Part.REQUEST)), b"")

    def _compares(self, exchange: Exchange, outcome: Outcome) -> bool:
        comparing = self._comparing()
        return comparing is not None and comparing.compares(exchange, outcome)

    def _is_as_recorded(self, plan: Plan, outcome: Outcome) -> bool:
        comparing = self._comparing()
        return comparing is None or comparing.is_as_recorded(plan, outcome)

    def _comparing(self) -> Comparisons | None:
        if self._comparisons is None and self._new_comparer is not None:
            # Only who has recorded responses loads it.
            from replayd.replay.compared import Comparisons  # noqa: PLC0415

            key = self._journal.info.redaction_key
            self._comparisons = Comparisons(key, self._started_comparer, self._queue.post)
        return self._comparisons

    def _compares_again(
        self, exchange: Exchange, first: Outcome, body: Body | None, again: Outcome
    ) -> None:
        assert self._comparisons is not None
        self._comparisons.compares_again(exchange, first, body, again)

    def _handed_over(self, exchange: Exchange) -> None:
        self._running[exchange.replay.key] = exchange

    def _ended(self, exchange: Exchange | PlainExchange) -> None:
        self._running.pop(exchange.replay.key, None)
        self._queue.freed()
        if self._governor is not None:
            failure, answered = exchange.failure, exchange.answered
            self._governor.ended(exchange.replay.key, failure, answered=answered)

    # Hooks

    def _use_hooks(self, hooks: Hooks | None, begun: Callable[[], None]) -> None:
        if hooks is None:
            self._hooking = None
        else:
            # Most daemons never have a hook.
            from replayd.replay.hooked import Hooking  # noqa: PLC0415

            self._hooking = Hooking(hooks, self._journal, self._queue.post, self._decided)
        self._around = self._around._replace(hooking=self._hooking)
        begun()

    def _decided(self, held: Held, verdict: Send | Respond | End) -> None:
        """Goes on with a replay that hooks were asked about before it is sent."""
        if self._running.get(held.replay.key) is not held:
            verdict.discard()  # Too late: it was cancelled, or the thread ends.
            return
        del self._running[held.replay.key]
        try:
            self._go_on(held, verdict)
        except Exception as error:
            _logger.exception("replay %s can't be prepared", held.replay.key.replay_id)
            verdict.discard()
            self._give_up(held.replay, held.plan, held.timings, error)

    def _go_on(self, held: Held, verdict: Send | Respond | End) -> None:
        from replayd.hooks.words import Send  # noqa: PLC0415 - it is there by now

        if isinstance(verdict, Send):
            preview = self._preview(verdict.replay, verdict.content)
            replay, plan = self._announce(verdict.replay, verdict.plan, preview)
            exchange = Exchange(replay, plan, self._around, held.timings)
            exchange.sends = verdict.content
            exchange.go_on(held.begun, verdict.notes)
            self._taken.append(exchange)
            return
        settled, outcome, body = held.hooking.settled(held, verdict, self._clock.wall())
        exchange = Exchange(settled.replay, settled.plan, self._around, held.timings)
        if settled.content is not None:
            exchange.sends = settled.content
        self._running[exchange.replay.key] = exchange
        exchange.settle(outcome, body)
