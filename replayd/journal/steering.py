"""Which batch's replays are taken first, and which batch's are not taken. See `Journal`."""

from collections.abc import Callable

from replayd.codec.controls import encode_controls
from replayd.codec.event import moved_event, update_event
from replayd.errors import ReplaydError
from replayd.journal.batch import Batch
from replayd.journal.interface import Placed
from replayd.journal.ledger import Commit, Ledger, call_all, not_found
from replayd.journal.store import StoredControls
from replayd.model.batch import Controls
from replayd.model.event import PendingEvent, UpdateKind
from replayd.reasons import Reason


class Steering:
    """Changes the controls of batches."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def pause(self, batch_id: str, on: bool, now: int) -> bool:
        """Pauses or resumes a batch."""
        kind = UpdateKind.PAUSED if on else UpdateKind.RESUMED
        before, after = self._change(
            batch_id,
            lambda batch: batch.controls._replace(paused=on),
            lambda _: update_event(kind, now, batch_id=batch_id),
        )
        return after != before

    def set_priority(self, batch_id: str, priority: int | None, now: int) -> Placed:
        """Gives a batch a priority, or (None) puts it to the front."""

        def move(batch: Batch) -> Controls:
            if priority is not None:
                # One that was put to the front stays there only while nobody says otherwise.
                return batch.controls._replace(priority=priority, front=0)
            return self._front(batch)

        before, after = self._change(
            batch_id,
            move,
            lambda controls: moved_event(
                batch_id, controls.priority, now, front=controls.front > 0
            ),
        )
        return Placed(after != before, after.priority)

    def _front(self, batch: Batch) -> Controls:
        """Returns the controls with which a batch stands before all others."""
        books, line = self._ledger.books, self._ledger.line
        with self._ledger.state:
            others = [*line.first_beside(batch), *books.paused.values()]
        first = min(others, key=_rank, default=batch)
        if batch.rank <= first.rank:
            return batch.controls
        highest = first.controls
        return batch.controls._replace(priority=highest.priority, front=highest.front + 1)

    def _change(
        self,
        batch_id: str,
        change: Callable[[Batch], Controls],
        event: Callable[[Controls], PendingEvent],
    ) -> tuple[Controls, Controls]:
        """Changes the controls of a batch, in one commit with their event; returns what they
        were, and are.
        """
        ledger = self._ledger
        changed: list[tuple[Batch, Controls, Controls]] = []

        def prepare(commit: Commit) -> None:
            batch = self.live(batch_id)
            before, after = batch.controls, change(batch)
            changed.append((batch, before, after))
            if after != before:
                commit.change.controls = StoredControls(batch.number, encode_controls(after))
                commit.log([event(after)])

        def done() -> None:
            batch, before, after = changed[0]
            if after != before:
                ledger.books.steer(batch, after)
                ledger.schedule.hold(ledger.paused, [batch])

        ledger.commit(prepare, done)
        _, before, after = changed[0]
        if after != before and not after.paused:
            call_all(ledger.on_runnable)
        return before, after

    def live(self, batch_id: str) -> Batch:
        """Returns a batch that has something left. Call it with `writing` held."""
        ledger = self._ledger
        with ledger.state:
            batch = ledger.books.live.get(batch_id)
        if batch is not None:
            return batch
        if ledger.store.batch(batch_id) is None:
            raise not_found(batch_id)
        raise ReplaydError(
            Reason.BATCH_ENDED,
            f"batch {batch_id!r} has ended; there is nothing to steer",
            batch_id=batch_id,
        )


def _rank(batch: Batch) -> int:
    return batch.rank
