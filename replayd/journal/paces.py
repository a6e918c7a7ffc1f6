"""The pace of a batch, while it waits or runs. See `Journal`."""

from collections import deque

from replayd.codec.controls import encode_controls
from replayd.codec.event import log_event
from replayd.journal.batch import Batch
from replayd.journal.interface import Paced
from replayd.journal.ledger import Commit, Ledger, call_all
from replayd.journal.steering import Steering
from replayd.journal.store import StoredControls, split_place
from replayd.model.batch import Controls
from replayd.model.event import LogLevel
from replayd.model.pace import Pace, describe

_ROWS = 256
"""How many rows are read in one turn at the store."""

Times = dict[int, int | None]
"""When flows were captured, by their slot."""


class Paces:
    """Tells and changes the paces of batches."""

    def __init__(self, ledger: Ledger, steering: Steering) -> None:
        self._ledger = ledger
        self._steering = steering

    def pace(self, batch_id: str) -> Paced:
        """Tells the pace of a batch, and how well it is kept."""
        ledger = self._ledger
        with ledger.state:
            batch = ledger.books.live.get(batch_id)
            if batch is not None:
                kept = batch.pacing
                if kept is None:
                    return Paced(batch.pace)
                return Paced(batch.pace, kept.taken, kept.total_lag, kept.greatest_lag)
        with ledger.writing:
            ledger.check_open()
            stored = ledger.batch(batch_id)
        return Paced(Batch(stored).pace)

    def set_pace(self, batch_id: str, pace: Pace, now: int) -> bool:
        """Gives a batch another pace."""
        ledger = self._ledger
        times: Times = {}
        changed: list[tuple[Batch, Controls]] = []
        with ledger.writing:
            batch = self._steering.live(batch_id)
        while pace.speed and (lacking := self._lacking(batch, times)):
            while lacking:
                # In turns with the replay thread, but for the few that come meanwhile.
                with ledger.writing:
                    ledger.check()
                    self._read(batch, lacking, times)

        def prepare(commit: Commit) -> None:
            batch = self._steering.live(batch_id)
            if batch.pace == pace:
                return
            lacking = self._lacking(batch, times) if pace.speed else ()
            while lacking:
                self._read(batch, lacking, times)
            controls = batch.controls._replace(pace=pace)
            changed.append((batch, controls))
            commit.change.controls = StoredControls(batch.number, encode_controls(controls))
            message = f"the pace is {describe(pace)} from now on"
            commit.log([log_event(LogLevel.INFO, message, now, batch_id=batch_id)])

        def done() -> None:
            for batch, controls in changed:
                ledger.books.steer(batch, controls)
                ledger.schedule.repace(batch, pace, times)
                ledger.schedule.hold(ledger.paused, [batch])

        ledger.commit(prepare, done)
        if changed:
            call_all(ledger.on_runnable)
        return bool(changed)

    def _lacking(self, batch: Batch, times: Times) -> deque[int]:
        """Returns the slots of what waits of a batch of which nobody knows when it was captured,
        in order.
        """
        number = batch.number
        with self._ledger.state:
            # A copy alone: the replay thread waits for it.
            places = list(self._ledger.schedule.entries)
        waiting = map(split_place, places)
        return deque(sorted(slot for of, slot in waiting if of == number and slot not in times))

    def _read(self, batch: Batch, lacking: deque[int], times: Times) -> None:
        """Reads when some of those flows were captured, the first of them at least, and takes
        those away. Call it with `writing` held.
        """
        rows = self._ledger.store.read_ahead(
            batch.number, lacking[0], lacking[-1], _ROWS, timed=True
        )
        times.update((row.flow_index, row.captured) for row in rows)
        # Of a row that is lost, which sending it finds out.
        times.setdefault(lacking[0], None)
        while lacking and lacking[0] in times:
            lacking.popleft()
