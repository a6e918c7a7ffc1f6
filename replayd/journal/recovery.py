"""What becomes of the replays that ran when the daemon died: one commit at open.

A replay with an intent and no outcome may have been sent. Where that is safe to repeat
(RFC 9110, section 9.2.2) it is queued again as the next attempt; otherwise, and after three
such deaths whatever its method, it is INTERRUPTED.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from replayd.codec.event import interrupted_event, update_event
from replayd.journal.batch import Batch
from replayd.journal.ledger import Commit, Ledger
from replayd.journal.store import Interrupted, StoredReplay
from replayd.model.event import PendingEvent, UpdateKind
from replayd.model.replay import MAX_INTERRUPTED_ATTEMPTS, ReplayKey, ReplayRange, ReplayState
from replayd.reasons import Reason


def recover(ledger: Ledger, interrupted: Sequence[Interrupted], now: int) -> None:
    """Settles the interrupted replays, with their events."""
    if not interrupted:
        return
    again = [each for each in interrupted if _may_repeat(each)]
    over = [each for each in interrupted if not _may_repeat(each)]
    batches: list[Batch] = []

    def prepare(commit: Commit) -> None:
        for each in again:
            commit.change.replays.append(
                StoredReplay(each.place, ReplayState.QUEUED, each.attempt + 1)
            )
        commit.log(_requeued_events(again, now))
        for each in over:
            commit.log([_interrupted_event(each, now)])
            commit.change.replays.append(
                StoredReplay(
                    each.place, ReplayState.INTERRUPTED, each.attempt, sequence=commit.latest
                )
            )
            batch = ledger.books.live[each.batch_id]
            batches.append(batch)
            commit.count(batch, ReplayState.INTERRUPTED)

    def done() -> None:
        for batch in batches:
            ledger.books.interrupt(batch)

    ledger.commit(prepare, done)


def _may_repeat(each: Interrupted) -> bool:
    return each.idempotent and each.attempt < MAX_INTERRUPTED_ATTEMPTS


def _interrupted_event(each: Interrupted, now: int) -> PendingEvent:
    poison = each.attempt >= MAX_INTERRUPTED_ATTEMPTS
    reason = Reason.POISON if poison else Reason.INTERRUPTED
    key = ReplayKey(each.batch_id, 0, each.flow_index)
    return interrupted_event(key, each.attempt, each.plan, reason, now)


def _requeued_events(again: Iterable[Interrupted], now: int) -> list[PendingEvent]:
    return [
        _requeued_event(batch_id, [each.flow_index for each in some], now)
        for batch_id, some in groupby(again, attrgetter("batch_id"))
    ]


def _requeued_event(batch_id: str, indices: Sequence[int], now: int) -> PendingEvent:
    return update_event(
        UpdateKind.REQUEUED,
        now,
        ranges=[ReplayRange(batch_id, 0, first, last) for first, last in _runs(indices)],
        count=len(indices),
        batch_id=batch_id,
    )


def _runs(indices: Iterable[int]) -> list[tuple[int, int]]:
    """Joins indices next to each other."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs
