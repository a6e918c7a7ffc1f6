"""A batch in memory: its counts, and how far it was read ahead and has ended. Plain data: no
lock, no store.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence

from replayd.codec.controls import decode_controls
from replayd.codec.pace import pace_of
from replayd.journal.pacing import pacing_for
from replayd.journal.store import ClearedRange, Figures, StoredBatch, place_of
from replayd.model.batch import DEFAULT_CONTROLS, Controls
from replayd.model.pace import Pace
from replayd.model.replay import OUTCOMES, Counts, ReplayKey, ReplayState, joined

SessionKey = tuple[int, str]
"""A session is scoped to its batch: the batch's number, the session's name."""

_RANK_BITS = 32
"""Of a rank for what was put to the front, above the position; the priority is above that."""


class Tally:
    """Counts of replays."""

    __slots__ = ("accepted", "ended", "open_batches", "outcomes", "running")

    def __init__(self, accepted: int = 0, ended: dict[ReplayState, int] | None = None) -> None:
        self.accepted = accepted
        self.running = 0
        self.open_batches = 0
        """Those that are still being read; of one batch 1 or 0."""
        self.ended = dict.fromkeys(OUTCOMES, 0) | (ended or {})
        self.outcomes = sum(self.ended.values())
        """How many have one."""

    @property
    def queued(self) -> int:
        """What was accepted, does not run and has no outcome."""
        return self.accepted - self.running - self.outcomes

    def end(self, state: ReplayState, count: int = 1) -> None:
        """Counts outcomes."""
        self.ended[state] += count
        self.outcomes += count

    def end_running(self, states: Mapping[ReplayState, int]) -> None:
        """Counts outcomes of running replays: how many have each."""
        for state, count in states.items():
            self.running -= count
            self.end(state, count)

    def counts(self) -> Counts:
        """Returns a snapshot."""
        ended = self.ended
        return Counts(
            queued=self.queued,
            running=self.running,
            succeeded=ended[ReplayState.SUCCEEDED],
            failed=ended[ReplayState.FAILED],
            killed=ended[ReplayState.KILLED],
            cleared=ended[ReplayState.CLEARED],
            interrupted=ended[ReplayState.INTERRUPTED],
            open_batches=self.open_batches,
        )


class Batch:
    """An accepted batch: its counts, and how far it was read ahead and has ended."""

    __slots__ = (
        "_ended",
        "_open",
        "ahead",
        "batch_id",
        "begin",
        "cleared",
        "controls",
        "first",
        "label",
        "last",
        "next_index",
        "number",
        "on_interrupt",
        "options",
        "pacing",
        "paused",
        "position",
        "rank",
        "ready",
        "sends_again",
        "stands_at",
        "tally",
        "unread",
        "unread_at",
    )

    def __init__(self, stored: StoredBatch) -> None:
        figures = stored.figures
        self.number = stored.number
        self.batch_id = stored.batch_id
        self.position = stored.position
        self.label = stored.label
        self.options = stored.options
        self.on_interrupt = policy = stored.on_interrupt
        self.sends_again = (
            policy.sends_again(idempotent=False),
            policy.sends_again(idempotent=True),
        )
        """Whether a crash has its replays sent again; the second of those that are idempotent."""
        self.first = stored.first
        self.last = stored.last
        self.tally = Tally(stored.accepted, ended_of(figures))
        self.next_index = figures.cursor
        """Replays from this flow index on were not read ahead yet."""
        self.unread = self.tally.queued
        """How many of those have no outcome."""
        self.cleared = sorted(stored.cleared)
        self._open: deque[int] = deque()
        """Flow indices read ahead, in order; the first one has no outcome."""
        self._ended: set[int] = set()
        """Those of them that have an outcome."""
        self.begin = 1 if any(figures[2:]) else 0
        """No event of its replays comes before this sequence; 0: none has been read."""
        self.steer(decode_controls(stored.controls) if stored.controls else DEFAULT_CONTROLS)
        self.pacing = pacing_for(self.pace, resumed=any(figures[2:]))
        """When its replays are due; None: as soon as possible."""
        self.ready: list[tuple[int, SessionKey]] = []
        """A heap: each of its sessions whose next replay may be taken, by that one's place."""
        self.ahead = 0
        """How many of its replays were read ahead and wait."""
        self.stands_at: int | None = None
        self.unread_at: int | None = None
        """The ranks under which it stands in the `Line`; None: it does not."""

    def steer(self, controls: Controls) -> None:
        """Takes on other controls."""
        self.controls = controls
        self.paused = controls.paused
        """None of its replays is taken."""
        before = (controls.priority << _RANK_BITS) + controls.front
        self.rank = self.position - (before << _RANK_BITS)
        """Where it stands among the batches: the lowest is first."""

    @property
    def pace(self) -> Pace:
        """When its replays are due, as its owner wants it."""
        if self.controls.pace is not None:
            return self.controls.pace
        return pace_of(self.options)

    @property
    def open_ended(self) -> bool:
        """Whether more replays may be added to it."""
        return self.tally.open_batches > 0

    @property
    def read_so_far(self) -> bool:
        """Whether all that there is of it was read ahead."""
        return self.next_index > self.last

    @property
    def cursor(self) -> int:
        """Every replay below this flow index has an outcome."""
        return self._open[0] if self._open else self.next_index

    def key(self, slot: int) -> ReplayKey:
        """Names a replay."""
        return ReplayKey.at(self.batch_id, slot)

    def opened(self, flow_index: int, *, ended: bool = False) -> None:
        """Notes that a replay was read ahead, or passed over because it has an outcome."""
        self.next_index = flow_index + 1
        self._open.append(flow_index)
        if ended:
            self._settle(flow_index)

    def end(self, flow_indices: Iterable[int], states: Mapping[ReplayState, int]) -> None:
        """Counts the outcomes of running replays; `states`: how many have each."""
        self.tally.end_running(states)
        self._settle(*flow_indices)

    def _settle(self, *flow_indices: int) -> None:
        open_, ended = self._open, self._ended
        ended.update(flow_indices)
        while open_ and open_[0] in ended:
            ended.remove(open_.popleft())

    def skip_cleared(self) -> None:
        """Passes over what was cleared, where the next index lies in it: of one clear after
        the other, ranges may lie side by side.
        """
        at = max(bisect_right(self.cleared, (self.next_index, self.last)) - 1, 0)
        while at < len(self.cleared) and self.cleared[at][0] <= self.next_index:
            if self.cleared[at][1] >= self.next_index:
                self.opened(self.cleared[at][1], ended=True)
            at += 1

    @property
    def next_cleared(self) -> int:
        """The last flow index before the next range that was cleared."""
        at = bisect_right(self.cleared, (self.next_index, self.last))
        return self.cleared[at][0] - 1 if at < len(self.cleared) else self.last

    def queued_ranges(self, waiting: Container[int], ended: Iterable[int]) -> list[ClearedRange]:
        """Returns ranges that hold all that is queued and nothing that runs or has ended.

        `waiting` holds the places that wait of those read ahead; `ended` are the indices
        that have an outcome of those not read ahead.
        """
        bars = [(i, i) for i in self._open if place_of(self.number, i) not in waiting]
        bars += [(i, i) for i in ended]
        bars += [each for each in self.cleared if each[1] >= self.cursor]
        ranges = []
        start = self.cursor
        for first, last in sorted(bars):
            ranges.append((start, first - 1))
            start = last + 1
        ranges.append((start, self.last))
        return [ClearedRange(self.number, a, b) for a, b in ranges if a <= b]

    def clear(self, waiting: Container[int], ranges: Iterable[ClearedRange]) -> None:
        """Counts all that is queued, these ranges, as cleared; only what runs is left open."""
        self.cleared = sorted([*self.cleared, *((each.first, each.last) for each in ranges)])
        self.tally.end(ReplayState.CLEARED, self.tally.queued)
        self.unread = 0
        self.next_index = self.last + 1
        self._open = deque(
            index
            for index in self._open
            if index not in self._ended and place_of(self.number, index) not in waiting
        )
        self._ended.clear()

    def cancel(self, indices: Sequence[int]) -> None:
        """Counts some of what is queued as cleared."""
        self.cleared = sorted([*self.cleared, *joined(indices)])
        self.tally.end(ReplayState.CLEARED, len(indices))
        for index in indices:
            if index < self.next_index:
                self._settle(index)
            else:
                self.unread -= 1
        if self.finished:
            # Of refused flows, between those that were cleared, nothing is to be read.
            self.next_index = self.last + 1

    def figures(self, ended: dict[ReplayState, int]) -> Figures:
        """Returns what a commit writes: the counts, with more outcomes.

        The cursor is the one before this commit: it only has to be low enough.
        """
        total = {state: self.tally.ended[state] + ended.get(state, 0) for state in OUTCOMES}
        return Figures(
            self.number,
            self.cursor,
            total[ReplayState.SUCCEEDED],
            total[ReplayState.FAILED],
            total[ReplayState.KILLED],
            total[ReplayState.CLEARED],
            total[ReplayState.INTERRUPTED],
        )

    @property
    def finished(self) -> bool:
        """Whether every replay has an outcome, and no more can come."""
        return self.tally.outcomes == self.tally.accepted and not self.open_ended


def ended_of(figures: Figures) -> dict[ReplayState, int]:
    """Returns the outcomes of a batch by state."""
    return {
        ReplayState.SUCCEEDED: figures.succeeded,
        ReplayState.FAILED: figures.failed,
        ReplayState.KILLED: figures.killed,
        ReplayState.CLEARED: figures.cleared,
        ReplayState.INTERRUPTED: figures.interrupted,
    }
