"""Steps: replays that somebody wants taken although the queue, or their batch, is paused. See
`Journal`.

They are kept in memory only: what is taken by one has its intent as any other, and who asked
for more asks again after a restart.
"""

from collections.abc import Callable, Sequence

from replayd.errors import ReplaydError
from replayd.journal.batch import Batch
from replayd.journal.ledger import Ledger, call_all
from replayd.journal.line import Room
from replayd.journal.schedule import Entry
from replayd.journal.steering import Steering
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason

Told = Callable[[Sequence[ReplayKey]], object]


class _Step:
    """What one call wants."""

    def __init__(self, batch: Batch | None, count: int, told: Told) -> None:
        self.batch = batch
        """None: of the queue."""
        self.left = count
        self.told = told
        self.taken: list[ReplayKey] = []


class Steps:
    """The steps that are not done. Guarded by the ledger's `state`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._steps: list[_Step] = []
        self._popped: list[tuple[_Step, Entry]] = []

    def add(self, batch_id: str, count: int, told: Told) -> Callable[[], None]:
        """Has some replays taken; returns what takes back those that were not."""
        ledger = self._ledger
        batch = None
        if batch_id:
            with ledger.writing:
                ledger.check()
                batch = Steering(ledger).live(batch_id)
        step = _Step(batch, count, told)
        with ledger.state:
            if not self._is_paused(step):
                what = f"batch {batch_id!r} is" if batch_id else "the queue is"
                raise ReplaydError(
                    Reason.NOT_PAUSED, f"{what} not paused; pause it to step", batch_id=batch_id
                )
            self._steps.append(step)
            ledger.steps = self
            over = self._over()
        _tell(over)
        call_all(ledger.on_runnable)
        return lambda: self._withdraw(step)

    def _withdraw(self, step: _Step) -> None:
        with self._ledger.state:
            if step in self._steps:
                self._remove([step])

    # Reading and taking: `Runs`, with `state` held

    def to_read(self, limit: int, room: Room) -> Batch | None:
        """Returns the batch to read on for a step; None: none has to be."""
        for step in self._steps:
            batch = step.batch
            if batch is None:
                batch = self._ledger.line.to_read(min(limit, step.left), room)
            elif batch.read_so_far or batch.ahead >= min(limit, step.left):
                batch = None
            if batch is not None and room(batch, limit) > 0:
                return batch
        return None

    def pop(self, limit: int) -> list[Entry]:
        """Takes what the steps want; `settle` follows."""
        self._popped = []
        for step in self._steps:
            for _ in range(min(step.left, limit - len(self._popped))):
                if not self._is_paused(step):
                    break
                entry = self._ledger.schedule.step(step.batch)
                if entry is None:
                    break
                self._popped.append((step, entry))
        return [entry for _, entry in self._popped]

    def forget(self) -> None:
        """What was popped was put back."""
        self._popped = []

    def settle(self) -> Callable[[], None]:
        """Notes what was taken; returns what tells those who are done, to be called with no lock
        held.
        """
        for step, entry in self._popped:
            step.taken.append(entry.key)
            step.left -= 1
        self._popped = []
        over = self._over()
        return lambda: _tell(over)

    def _over(self) -> list[_Step]:
        """Removes and returns the steps of which nothing more will be taken."""
        over = [
            step
            for step in self._steps
            if not (step.left and self._is_paused(step) and self._has_queued(step))
        ]
        self._remove(over)
        return over

    def _remove(self, steps: Sequence[_Step]) -> None:
        self._steps = [step for step in self._steps if step not in steps]
        if not self._steps:
            self._ledger.steps = None

    def _is_paused(self, step: _Step) -> bool:
        return self._ledger.paused or (step.batch is not None and step.batch.paused)

    def _has_queued(self, step: _Step) -> bool:
        """Whether anything waits that it may take."""
        books = self._ledger.books
        if step.batch is not None:
            return step.batch.tally.queued > 0
        held = sum(batch.tally.queued for batch in books.paused.values())
        return books.total.queued > held


def _tell(steps: Sequence[_Step]) -> None:
    for step in steps:
        step.told(step.taken)
