"""What becomes of the replays that ran when the daemon died: one commit at open.

A replay with an intent and no outcome may have been sent. Its batch's `on_interrupt` says
whether it is queued again as the next attempt; otherwise it is INTERRUPTED, or FAILED. After
three such deaths it is INTERRUPTED whatever that says.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from replayd.codec.event import interrupted_event, update_event
from replayd.journal.batch import Batch
from replayd.journal.ledger import Commit, Ledger
from replayd.journal.store import Interrupted, StoredReplay
from replayd.model.event import PendingEvent, UpdateKind
from replayd.model.replay import (
    MAX_INTERRUPTED_ATTEMPTS,
    OnInterrupt,
    ReplayKey,
    ReplayState,
    ranges_of,
)


def recover(ledger: Ledger, interrupted: Sequence[Interrupted], now: int) -> None:
    """Settles the interrupted replays, with their events."""
    if not interrupted:
        return
    live = ledger.books.live
    settled = [(each, _next_state(each, live[each.batch_id])) for each in interrupted]
    again = [each for each, state in settled if state is ReplayState.QUEUED]
    over = [(each, state) for each, state in settled if state is not ReplayState.QUEUED]
    ended: list[tuple[Batch, ReplayState]] = []

    def prepare(commit: Commit) -> None:
        for each in again:
            commit.change.replays.append(
                StoredReplay(each.place, ReplayState.QUEUED, each.attempt + 1)
            )
        commit.log(_requeued_events(again, now))
        for each, state in over:
            commit.log([_interrupted_event(each, state, now)])
            commit.change.replays.append(
                StoredReplay(each.place, state, each.attempt, sequence=commit.latest)
            )
            batch = live[each.batch_id]
            ended.append((batch, state))
            commit.count(batch, state)

    def done() -> None:
        for batch, state in ended:
            ledger.books.interrupt(batch, state)

    ledger.commit(prepare, done)


def _next_state(each: Interrupted, batch: Batch) -> ReplayState:
    if _is_poison(each):
        return ReplayState.INTERRUPTED
    if batch.sends_again[each.idempotent]:
        return ReplayState.QUEUED
    failed = batch.on_interrupt is OnInterrupt.FAIL
    return ReplayState.FAILED if failed else ReplayState.INTERRUPTED


def _is_poison(each: Interrupted) -> bool:
    return each.attempt >= MAX_INTERRUPTED_ATTEMPTS


def _interrupted_event(each: Interrupted, state: ReplayState, now: int) -> PendingEvent:
    key = ReplayKey.at(each.batch_id, each.flow_index)
    return interrupted_event(key, each.attempt, each.plan, state, now, poison=_is_poison(each))


def _requeued_events(again: Iterable[Interrupted], now: int) -> list[PendingEvent]:
    return [
        _requeued_event(batch_id, [each.flow_index for each in some], now)
        for batch_id, some in groupby(again, attrgetter("batch_id"))
    ]


def _requeued_event(batch_id: str, indices: Sequence[int], now: int) -> PendingEvent:
    return update_event(
        UpdateKind.REQUEUED,
        now,
        ranges=ranges_of(batch_id, indices),
        count=len(indices),
        batch_id=batch_id,
    )
