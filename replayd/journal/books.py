"""The batches that are not finished, and the counts. Plain data: no lock, no store.

The books always balance: accepted = queued + running + the outcomes. What is queued is
never counted, it is what remains.
"""

from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping, Sequence

from replayd.journal.batch import Batch, Tally
from replayd.journal.line import Line
from replayd.journal.store import ClearedRange, Opened, StoredBatch
from replayd.model.batch import Controls
from replayd.model.replay import Counts, ReplayState

REMEMBERED_BATCHES = 1024
"""Finished batches whose counts stay in memory; others are read from the store."""


class Books:
    """All batches with something left to do, and some that are finished."""

    def __init__(self, opened: Opened, line: Line) -> None:
        """`line`: where those stand of which something waits."""
        self._line = line
        self.total = Tally(opened.accepted, opened.ended)
        self.live: dict[str, Batch] = {}
        """By batch id, in order of acceptance."""
        self.paused: dict[str, Batch] = {}
        """Those of them that are paused, by batch id."""
        self.begun: dict[Batch, None] = {}
        """Those of them that may have events beside that of their acceptance, by `Batch.begin`."""
        self._finished: OrderedDict[str, Counts] = OrderedDict()
        self.ending: list[int] = []
        """Numbers of the batches that this commit ended."""
        self.ended: list[tuple[int, int]] = []
        """Those that ended since the store was last told, and their last events."""
        self.ended_last = opened.ended_last
        """Where the events of the batch that ended last begin; 0: there is none."""
        self.parked = dict(opened.parked)
        """How many parked replays a batch has, by its id; none without any."""
        self.next_number = opened.next_number
        self.next_position = opened.next_position
        for stored in opened.live:
            self._add(Batch(stored))

    def accept(self, stored: StoredBatch) -> None:
        """Adds a batch."""
        self.next_position = stored.position + 1
        self.total.accepted += stored.accepted
        batch = Batch(stored)
        if batch.finished:
            self.ending.append(batch.number)
            self._remember(batch)
        else:
            self._add(batch)

    def open(self, stored: StoredBatch) -> Batch:
        """Adds a batch that is open: more replays of it may come."""
        self.next_position = stored.position + 1
        batch = Batch(stored)
        self.total.accepted += stored.accepted
        self.total.open_batches += 1
        batch.tally.open_batches = 1
        self._add(batch)
        return batch

    def extend(self, batch: Batch, stored: StoredBatch) -> None:
        """Adds replays to an open batch."""
        more = stored.accepted - batch.tally.accepted
        self.total.accepted += more
        batch.unread += more
        batch.tally.accepted = stored.accepted
        batch.last = stored.last
        self._line.enter_unread(batch)

    def close(self, batch: Batch) -> None:
        """Lets no more replays come of a batch. Idempotent."""
        if not batch.open_ended:
            return
        self.total.open_batches -= 1
        batch.tally.open_batches = 0
        self._line.close(batch)
        self.retire(batch)

    def holds_up(self, batch_id: str) -> bool:
        """Whether an open batch has nothing to run, and those behind it wait for its end."""
        batch = self.live.get(batch_id)
        return (
            batch is not None
            and batch.tally.outcomes == batch.tally.accepted
            and self._line.holds_up(batch)
        )

    def begin(self, batch: Batch, latest: int) -> None:
        """Notes that replays of a batch may have events after this one."""
        if not batch.begin:
            batch.begin = latest + 1
            self.begun[batch] = None

    def counts(self, batch_id: str) -> Counts | None:
        """Counts a batch; None: it is not in memory."""
        batch = self.live.get(batch_id)
        return batch.tally.counts() if batch else self._finished.get(batch_id)

    def end(
        self, batch: Batch, flow_indices: Iterable[int], states: Mapping[ReplayState, int]
    ) -> None:
        """Counts the outcomes of running replays; `states`: how many have each."""
        self.total.end_running(states)
        batch.end(flow_indices, states)
        self.retire(batch)

    def interrupt(self, batch: Batch, state: ReplayState) -> None:
        """Counts the outcome of a replay that a death of the daemon ended."""
        self.total.end(state)
        batch.unread -= 1
        batch.tally.end(state)
        if state is ReplayState.INTERRUPTED:
            self.parked[batch.batch_id] = self.parked.get(batch.batch_id, 0) + 1
        self.retire(batch)

    def resolve(self, batch_id: str, count: int) -> None:
        """Counts parked replays of a batch as resolved."""
        left = self.parked.get(batch_id, 0) - count
        if left > 0:
            self.parked[batch_id] = left
        else:
            self.parked.pop(batch_id, None)

    def parked_of(self, batch_id: str) -> int:
        """Counts the parked replays of a batch, or (empty) of all."""
        return self.parked.get(batch_id, 0) if batch_id else sum(self.parked.values())

    def clear(self, batch: Batch, waiting: Container[int], ranges: Iterable[ClearedRange]) -> None:
        """Counts what is queued of a batch, these ranges, as cleared."""
        self.total.end(ReplayState.CLEARED, batch.tally.queued)
        batch.clear(waiting, ranges)
        self.retire(batch)

    def cancel(self, batch: Batch, indices: Sequence[int]) -> None:
        """Counts replays that are queued as cleared."""
        self.total.end(ReplayState.CLEARED, len(indices))
        batch.cancel(indices)
        self.retire(batch)

    def steer(self, batch: Batch, controls: Controls) -> None:
        """Gives a batch other controls."""
        batch.steer(controls)
        self.paused.pop(batch.batch_id, None)
        if batch.paused:
            self.paused[batch.batch_id] = batch
        self._line.move(batch)

    def start(self, batch: Batch) -> None:
        """Counts a replay as running."""
        self.total.running += 1
        batch.tally.running += 1

    def stop(self, batch: Batch) -> None:
        """Counts a running replay as queued again."""
        self.total.running -= 1
        batch.tally.running -= 1

    def retire(self, batch: Batch) -> None:
        """Forgets a batch that has nothing left to do, but for its counts."""
        if batch.finished:
            self.live.pop(batch.batch_id)
            self.begun.pop(batch, None)
            self.paused.pop(batch.batch_id, None)
            self.ending.append(batch.number)
            self.ended_last = batch.begin or self.ended_last
            self._remember(batch)

    def date_ended(self, latest: int) -> None:
        """Notes that the batches that just ended have no event after the latest."""
        self.ended += [(number, latest) for number in self.ending]
        self.ending.clear()

    def forget(self, batch_ids: Iterable[str]) -> int:
        """Forgets batches that were removed; the total goes on counting them. Returns how many
        parked replays they had.
        """
        parked = 0
        for batch_id in batch_ids:
            self._finished.pop(batch_id, None)
            parked += self.parked.pop(batch_id, 0)
        return parked

    def _add(self, batch: Batch) -> None:
        self.live[batch.batch_id] = batch
        if batch.begin:
            self.begun[batch] = None
        if batch.paused:
            self.paused[batch.batch_id] = batch
        self._line.enter_unread(batch)

    def _remember(self, batch: Batch) -> None:
        self._finished[batch.batch_id] = batch.tally.counts()
        if len(self._finished) > REMEMBERED_BATCHES:
            self._finished.popitem(last=False)
