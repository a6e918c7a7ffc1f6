"""The one place that commits: it numbers events, groups what was handed over, and keeps
what is in memory in step with the store.

Two locks, so that nobody who only looks waits for a disk:

`writing` guards the store and the order of commits. It is held through reads, writes and
        fsyncs of the store, by worker threads and the replay thread only.
`state` guards everything in memory: the books, the schedule, what was handed over, the
        recent events. It is held for microseconds, never through I/O, so that the event
        loop may take it. Who needs both takes `writing` first. What only a commit or the
        reading ahead changes (outcomes, batches, `latest`) changes with both held, and may
        be read with either.

What is in memory changes only after the commit: until then an outcome that was handed
over counts as running. So a count never shows what a crash could take back, and when it
shows that nothing waits or runs, every event is in the log.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from replayd.codec.event import with_sequence
from replayd.errors import DiskError, JournalError, ReplaydError
from replayd.journal.batch import Batch
from replayd.journal.body import Content, SpoolFile
from replayd.journal.books import Books
from replayd.journal.interface import Running
from replayd.journal.line import Line
from replayd.journal.recent import Recent
from replayd.journal.schedule import Entry, Schedule
from replayd.journal.store import (
    LAST_INDEX,
    Change,
    Opened,
    Store,
    StoredBatch,
    StoredEvent,
    StoredReplay,
)
from replayd.model.event import PendingEvent
from replayd.model.replay import ReplayKey, ReplayState

if TYPE_CHECKING:
    from replayd.journal.holding import Holding
    from replayd.journal.stepping import Steps
from replayd.reasons import Reason


class Taken:
    """A replay in the replay thread's hands, or whose outcome is not durable yet."""

    __slots__ = ("batch", "content", "entry", "start", "state", "withheld")

    def __init__(self, batch: Batch, entry: Entry, start: int) -> None:
        self.batch = batch
        self.entry = entry
        self.start = start
        self.state = ReplayState.RUNNING
        """An outcome once it was handed over."""
        self.content: Content = b""
        self.withheld = b""

    def running(self) -> Running:
        """Describes it for the status."""
        return Running(self.entry.key, self.entry.attempt, self.start)


_HandedOver = tuple[Sequence[PendingEvent], Taken | None]
"""What was handed over at once: events, and the replay that they end."""


class Commit:
    """A commit in the making: the change, and what it does to the counts."""

    def __init__(self, latest: int) -> None:
        self.change = Change()
        self.finished: dict[Batch, list[Taken]] = {}
        """The running replays that it ends."""
        self.ended: dict[Batch, dict[ReplayState, int]] = {}
        """How many outcomes it brings, of running replays and of others."""
        self._latest = latest

    @property
    def latest(self) -> int:
        """The sequence of the last event so far."""
        return self._latest + len(self.change.events)

    def log(self, events: Iterable[PendingEvent]) -> int:
        """Gives events their sequence; returns the last one."""
        logged = self.change.events
        sequence = self._latest + len(logged)
        for kind, batch_id, body, _ in events:
            sequence += 1
            encoded = with_sequence(sequence, body)
            logged.append(StoredEvent(sequence, kind, batch_id, encoded))
        return sequence

    def end(self, taken: Taken, sequence: int) -> None:
        """Ends a running replay, with the event of this sequence (0: with none)."""
        entry = taken.entry
        self.change.replays.append(
            StoredReplay(
                entry.place, taken.state, entry.attempt, taken.content, sequence, taken.withheld
            )
        )
        finished = self.finished.get(taken.batch)
        if finished is None:
            finished = self.finished[taken.batch] = []
        finished.append(taken)

    def count(self, batch: Batch, state: ReplayState, count: int = 1) -> None:
        """Counts outcomes."""
        ended = self.ended.get(batch)
        if ended is None:
            ended = self.ended[batch] = {}
        ended[state] = ended.get(state, 0) + count


class Ledger:
    """The store and what is known of it in memory."""

    def __init__(
        self,
        store: Store,
        opened: Opened,
        *,
        strict_order: bool = True,
        fair: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`fair`: batches of several clients take turns. `clock`: nanoseconds that never go
        back, for what has its time.
        """
        self.store = store
        self.writing = threading.Lock()
        self.state = threading.Lock()
        self.line = _line(strict_order=strict_order, fair=fair)
        self.books = Books(opened, self.line)
        self.schedule = Schedule(self.line, strict_order=strict_order, clock=clock)
        self.taken: dict[ReplayKey, Taken] = {}
        """In the order in which they were taken."""
        self.recent = Recent()
        self.latest = opened.latest
        self.trimmed = opened.trimmed
        self.paused = opened.paused
        self.steps: Steps | None = None
        """What is to be taken although it is paused; None: nothing is."""
        self.closed = False
        self.holding: Holding | None = None
        """Which sessions wait for parked replays; None: none did at the opening."""
        self.copying = False
        """Whether a copy is being made, for which all batches have to stay; changes with
        `writing` held."""
        self.on_append: list[Callable[[], None]] = []
        self.on_runnable: list[Callable[[], None]] = []
        self._handed_over: list[_HandedOver] = []
        self._spooled = False
        """Whether any content among it may be in a file, and so on its way to the disk."""

    def hand_over(self, events: Sequence[PendingEvent], finished: Taken | None = None) -> None:
        """Takes what the next commit makes durable; of the events of a replay that ended the
        terminal one is the last. Call it with `state` held.
        """
        self._handed_over.append((events, finished))
        if finished is not None and isinstance(finished.content, SpoolFile):
            self._spooled = True

    @property
    def left(self) -> int:
        """How much that was handed over was not committed yet."""
        return len(self._handed_over)

    @property
    def settling(self) -> bool:
        """Whether the disk has to answer before anything that was handed over can be
        committed without waiting.
        """
        handed_over = self._handed_over
        return self._spooled and bool(handed_over) and not _settled(handed_over[0])

    def commit(
        self,
        prepare: Callable[[Commit], object] | None = None,
        done: Callable[[], None] | None = None,
        *,
        wait: bool = False,
    ) -> None:
        """Makes durable what was handed over and what `prepare` adds, all or nothing: without
        `wait`, what was handed over before the first content that is on its way to the disk.

        `prepare` runs before the store commits, with `writing` held; `done` after it, with
        both locks held, to change what is in memory. When it raises, nothing has changed,
        and what was handed over waits for the next commit.
        """
        with self.writing:
            self.check()
            with self.state:
                handed_over = self._take(wait=wait)
            try:
                logged = self._write(handed_over, prepare, done)
            except BaseException:
                with self.state:
                    self._handed_over[:0] = handed_over
                    self._spooled = True
                raise
        if logged:
            call_all(self.on_append)
        if self.holding is not None and self.holding.freed:
            self.holding.freed = False
            call_all(self.on_runnable)

    def _take(self, *, wait: bool) -> list[_HandedOver]:
        taken = self._handed_over
        if self._spooled and not wait:
            taken = list(takewhile(_settled, taken))
        self._handed_over = self._handed_over[len(taken) :]
        self._spooled = self._spooled and bool(self._handed_over)
        return taken

    def check(self) -> None:
        """Raises JournalError when the journal can't commit any more."""
        self.check_open()
        if self.store.failure:
            raise DiskError(self.store.failure)

    def batch(self, batch_id: str) -> StoredBatch:
        """Returns an accepted batch; call it with `writing` held. Raises BATCH_NOT_FOUND."""
        stored = self.store.batch(batch_id)
        if stored is None:
            raise not_found(batch_id)
        return stored

    def check_open(self) -> None:
        """Raises JournalError when the journal is closed."""
        if self.closed:
            raise JournalError("the journal is closed; the daemon is stopping")

    def _write(
        self,
        handed_over: list[_HandedOver],
        prepare: Callable[[Commit], object] | None,
        done: Callable[[], None] | None,
    ) -> bool:
        commit = Commit(self.latest)
        for events, taken in handed_over:
            last = commit.log(events)
            if taken is not None:
                commit.end(taken, last if events else 0)
        for batch, finished in commit.finished.items():
            commit.ended[batch] = Counter([taken.state for taken in finished])
        if prepare is not None:
            prepare(commit)
        commit.change.figures = [batch.figures(ended) for batch, ended in commit.ended.items()]
        if not commit.change.empty:
            self.store.commit(commit.change)
        with self.state:
            self._settle(commit)
            if done is not None:
                done()
            if self.books.ending:
                self.books.date_ended(self.latest)
        return bool(commit.change.events)

    def _settle(self, commit: Commit) -> None:
        self.latest = commit.latest
        self.recent.append(commit.change.events)
        for batch, finished in commit.finished.items():
            for taken in finished:
                del self.taken[taken.entry.key]
            slots = [taken.entry.place & LAST_INDEX for taken in finished]
            self.books.end(batch, slots, Counter([taken.state for taken in finished]))
            if self.holding is not None:
                self.holding.ended(finished)


def _settled(handed_over: _HandedOver) -> bool:
    """Whether no content of it is on its way to the disk."""
    _, taken = handed_over
    return taken is None or not isinstance(taken.content, SpoolFile) or taken.content.settled


def _line(*, strict_order: bool, fair: bool) -> Line:
    if not fair:
        return Line(strict_order=strict_order)
    # Imported here: most daemons have no turns.
    from replayd.journal.turns import FairLine  # noqa: PLC0415

    return FairLine(strict_order=strict_order)


def not_found(batch_id: str) -> ReplaydError:
    """Says that there is no such batch."""
    return ReplaydError(
        Reason.BATCH_NOT_FOUND,
        f"no batch {batch_id!r}; Enqueue's answer has the id",
        batch_id=batch_id,
    )


def call_all(callbacks: Iterable[Callable[[], None]]) -> None:
    """Calls back, with no lock held."""
    for callback in callbacks:
        callback()
