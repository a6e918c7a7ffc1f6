"""The Journal over any store: it joins the parts, each of which knows one side of it.

`request_ids` and `enqueues` the way onto the queue, `runs` the replay thread's side,
`control` clear, count and pause, `steering` one batch, `cancelling` single replays,
`resolving` what is parked, `retrying` what has ended, `log` and `history` reading, `retention`
what goes, `copying` a copy of all; all of them on one `ledger`, which commits.
"""

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from replayd.codec.event import update_event
from replayd.journal.control import Control
from replayd.journal.enqueues import Enqueues
from replayd.journal.history import History
from replayd.journal.interface import (
    BatchPage,
    Body,
    Cancelled,
    Cleared,
    Info,
    Paced,
    Placed,
    Receipt,
    Resolved,
)
from replayd.journal.ledger import Ledger
from replayd.journal.log import Log
from replayd.journal.pacing import NEVER
from replayd.journal.recovery import recover
from replayd.journal.request_ids import RequestIds
from replayd.journal.retention import Retention
from replayd.journal.runs import Runs
from replayd.journal.store import Store
from replayd.model.event import UpdateKind
from replayd.model.pace import Pace
from replayd.model.replay import ReplayKey, ReplayState, Resolution

if TYPE_CHECKING:
    from replayd.journal.copying import Copying
    from replayd.journal.retrying import Retrying

if TYPE_CHECKING:
    from replayd.journal.paces import Paces
    from replayd.journal.steering import Steering
    from replayd.journal.stepping import Steps


class StoredJournal:
    """A `Journal`. `now` is when it is opened: what a crash interrupted is settled then.

    `strict_order`: what was accepted after a batch that is still open waits for its end.
    Otherwise it may run while that has nothing to run. `fair`: batches of several clients take
    turns. `clock`: nanoseconds that never go back,
    for replays that have their time.
    """

    def __init__(
        self,
        store: Store,
        now: int,
        *,
        strict_order: bool = True,
        fair: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        opened = store.load()
        self.info = Info(
            store.kind,
            opened.store_id,
            opened.epoch,
            opened.copied,
            opened.redaction_key,
            opened.redacted_after,
        )
        self._ledger = ledger = Ledger(
            store, opened, strict_order=strict_order, fair=fair, clock=clock
        )
        self._steps: Steps | None = None
        recover(ledger, opened.interrupted, now)
        interrupted = [
            batch
            for batch in ledger.books.live.values()
            if batch.options and batch.tally.ended[ReplayState.INTERRUPTED]
        ]
        if interrupted:
            # Imported here: few journals have any.
            from replayd.journal.holding import hold_sessions  # noqa: PLC0415

            hold_sessions(ledger, interrupted)
        if opened.copied and opened.paused:
            paused = update_event(UpdateKind.PAUSED, now)
            ledger.commit(lambda commit: commit.log([paused]))

        request_ids = RequestIds(ledger)
        self.reserve = request_ids.reserve
        self.release = request_ids.release

        self._enqueues = enqueues = Enqueues(ledger, request_ids)
        self.stage = enqueues.stage
        self.extend = enqueues.extend
        self.accept = enqueues.accept
        self.discard = enqueues.discard
        self.holds_up = enqueues.holds_up

        self._runs = runs = Runs(ledger)
        self.take = runs.take
        self.begin = runs.begin
        self.finish = runs.finish
        self.defer = runs.defer
        self.let_go = runs.let_go
        self.emit = runs.emit
        self.running = runs.running

        self._control = control = Control(ledger, runs)
        self.count = control.count
        self._pause = control.pause
        self.options = control.options

        log = Log(ledger)
        self.read = log.read
        self.is_recent = log.is_recent
        self.content = log.content
        history = History(ledger)
        self.history = history.history
        self.replays = history.replays
        self.ends = history.ends
        self.withheld = history.withheld
        retention = Retention(ledger)
        self.retain = retention.retain
        self.size = retention.size
        self.regain_room = retention.regain_room
        self._copying: Copying | None = None

    def cancel(self, keys: Sequence[ReplayKey], now: int) -> Cancelled:
        """Takes single replays off the queue."""
        from replayd.journal.cancelling import Cancelling  # noqa: PLC0415 - few ever do

        cancelled = Cancelling(self._ledger, self._runs).cancel(keys, now)
        self._heed_holding()
        return cancelled

    def clear(self, batch_id: str, now: int) -> Cleared:
        """Takes what is QUEUED off the queue."""
        cleared = self._control.clear(batch_id, now)
        self._heed_holding()
        return cleared

    def back_up(self, new_dir: Path, progress: Callable[[int, int], None]) -> int:
        """Copies the journal while it is used."""
        # Imported here: most daemons never make a copy.
        from replayd.journal.copying import Copying  # noqa: PLC0415

        with self._ledger.state:
            copying = self._copying = self._copying or Copying(self._ledger)
        return copying.back_up(new_dir, progress)

    def resolve(
        self,
        batch_id: str,
        flow_indices: Sequence[int] | None,
        resolution: Resolution,
        *,
        resent_as: str,
        now: int,
    ) -> Resolved:
        """Resolves parked replays of a batch."""
        from replayd.journal.resolving import Resolving  # noqa: PLC0415 - few ever do

        resolved = Resolving(self._ledger, self._enqueues).resolve(
            batch_id, flow_indices, resolution, resent_as=resent_as, now=now
        )
        self._heed_holding()
        return resolved

    def _heed_holding(self) -> None:
        """Lets sessions go on that wait for a replay which is resolved, or off the queue."""
        if self._ledger.holding is not None:
            self._ledger.holding.look_again()

    @property
    def held_sessions(self) -> int:
        """How many sessions wait for a parked replay."""
        holding = self._ledger.holding
        return len(holding.sessions) if holding is not None else 0

    def ended(
        self, batch_id: str, flow_indices: Sequence[int] | None, states: Collection[ReplayState]
    ) -> list[int]:
        """Returns what may be sent once more."""
        return self._retrying().ended(batch_id, flow_indices, states)

    def retry(
        self,
        batch_id: str,
        flow_indices: Sequence[int],
        *,
        retried_as: str,
        now: int,
        answer: bytes = b"",
        request_id: str = "",
        content_hash: bytes = b"",
    ) -> Receipt:
        """Sends what has ended once more."""
        receipt = self._retrying().retry(
            batch_id,
            flow_indices,
            retried_as=retried_as,
            now=now,
            answer=answer,
            request_id=request_id,
            content_hash=content_hash,
        )
        # What was parked among them is resolved.
        self._heed_holding()
        return receipt

    def _retrying(self) -> "Retrying":
        from replayd.journal.retrying import Retrying  # noqa: PLC0415 - few ever do

        return Retrying(self._ledger, self._enqueues)

    def pause(self, on: bool, now: int, batch_id: str = "") -> bool:
        """Pauses or resumes the queue, or a batch."""
        return self._steering().pause(batch_id, on, now) if batch_id else self._pause(on, now)

    def set_priority(self, batch_id: str, priority: int | None, now: int) -> Placed:
        """Gives a batch a priority, or puts it to the front."""
        return self._steering().set_priority(batch_id, priority, now)

    def step(
        self, batch_id: str, count: int, told: Callable[[Sequence[ReplayKey]], object]
    ) -> Callable[[], None]:
        """Has some replays taken although they are paused."""
        # Imported here: most daemons never step.
        from replayd.journal.stepping import Steps  # noqa: PLC0415

        if self._steps is None:
            self._steps = Steps(self._ledger)
        return self._steps.add(batch_id, count, told)

    def batches(self, position: int, limit: int, *, unfinished: bool) -> BatchPage:
        """Lists batches."""
        from replayd.journal.batches import Batches  # noqa: PLC0415 - few ever do

        return Batches(self._ledger).list(position, limit, unfinished=unfinished)

    def pace(self, batch_id: str) -> Paced:
        """Tells the pace of a batch."""
        return self._paces().pace(batch_id)

    def set_pace(self, batch_id: str, pace: Pace, now: int) -> bool:
        """Gives a batch another pace."""
        return self._paces().set_pace(batch_id, pace, now)

    def _paces(self) -> "Paces":
        # Imported here: most daemons never change one.
        from replayd.journal.paces import Paces  # noqa: PLC0415

        return Paces(self._ledger, self._steering())

    def _steering(self) -> "Steering":
        # Imported here: most daemons never steer.
        from replayd.journal.steering import Steering  # noqa: PLC0415

        return Steering(self._ledger)

    @property
    def paused(self) -> bool:
        """Whether the queue is paused."""
        return self._ledger.paused

    def is_paused(self, batch_id: str) -> bool:
        """Whether the queue is paused, or a batch."""
        return self._ledger.paused or batch_id in self._ledger.books.paused

    def paused_batches(self) -> Sequence[str]:
        """Lists the paused batches."""
        with self._ledger.state:
            return list(self._ledger.books.paused)

    @property
    def next_due(self) -> int | None:
        """When a replay that has its time is due, as of the last `take`; None: none waits."""
        due = self._ledger.schedule.next_due
        return None if due == NEVER else due

    @property
    def latest(self) -> int:
        """The sequence of the latest durable event."""
        return self._ledger.latest

    @property
    def failure(self) -> str:
        """Why nothing can be stored any more; empty: it can."""
        return self._ledger.store.failure

    @property
    def full(self) -> bool:
        """Whether the disk is so full that nothing is taken."""
        return self._ledger.store.full

    def new_body(self) -> Body:
        """Makes an empty body."""
        return self._ledger.store.new_body()

    def commit(self, *, wait: bool = True) -> None:
        """Makes what was handed over durable."""
        self._ledger.commit(wait=wait)

    @property
    def left(self) -> int:
        """How much that was handed over was not committed yet."""
        return self._ledger.left

    @property
    def settling(self) -> bool:
        """Whether a commit that does not wait would leave all that was handed over."""
        return self._ledger.settling

    def on_append(self, callback: Callable[[], None]) -> None:
        """Calls back after each commit that logged events."""
        self._ledger.on_append.append(callback)

    def on_runnable(self, callback: Callable[[], None]) -> None:
        """Calls back when there may be something to take."""
        self._ledger.on_runnable.append(callback)

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Calls back once nothing can be stored any more."""
        self._ledger.store.on_failure.append(callback)

    def close(self) -> None:
        """Commits what was handed over and closes."""
        ledger = self._ledger
        if ledger.closed:
            return
        if self._copying is not None:
            self._copying.end()
        try:
            if not ledger.store.failure:
                self._runs.unclaim()
        finally:
            with ledger.writing:
                ledger.closed = True
                ledger.store.close()
