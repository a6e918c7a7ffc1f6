"""The schedule of one batch that has a pace. Plain data: no lock, no store, no clock.

Each replay has a position: nanoseconds of recorded time, or its number where the pace is even.
The schedule's start says when which position is due; everything else is counted from there, so
that nothing drifts. Times are nanoseconds of a clock that never goes back.
"""

from replayd.model.pace import Pace

_SECOND = 1_000_000_000

NEVER = 1 << 63
"""Later than any time of the clock."""

AHEAD = 16_384
"""How many replays of a batch are read ahead, at most, while others may run; so far back in the
capture a flow is found that began before others."""

_GAPS = 64
"""How many gaps that were cut short are remembered, for flows that stand behind them in the
capture and began before."""

BEHIND = _SECOND
"""The lag of which a `log` event tells first; then that of twice as much, and so on."""


def pacing_for(pace: Pace, *, resumed: bool = False) -> "Pacing | None":
    """Returns the schedule of a pace; None: it has none."""
    return Pacing(pace, resumed=resumed) if pace.speed or pace.rate else None


class Pacing:
    """When the replays of a batch are due."""

    def __init__(self, pace: Pace, *, resumed: bool = False) -> None:
        """`resumed`: some of it ran before: it goes on from the last flow that did."""
        self.pace = pace
        self.later: list[tuple[int, int, tuple[int, str]]] = []
        """A heap for `Schedule`: of each session whose next replay waits for its time that
        one's position and place, and the session's key."""
        self.wants_last = resumed
        """The flow that ran last has to be told first."""
        self.started = False
        self.last: tuple[int, int] | None = None
        """The position of what was taken last, and when that was."""
        self.taken = self.total_lag = self.greatest_lag = 0
        """How many were taken, and their lag: how long after they were due."""
        self._told = BEHIND
        self._lowest: int | None = None
        self._passed: int | None = None
        self._origin = self._anchor = 0
        self._held_at: int | None = None
        """Since when its time stands still; None: it does not."""
        self._next = 0
        """The position of the flow that began last, of those read; where the pace is even, that
        of the next one."""
        self._latest: int | None = None
        """When that was captured."""
        self._earliest: int | None = None
        self._repeat = 0
        self._gaps: list[tuple[int, int, int]] = []
        """Of each gap that was cut short: when it began and ended, and where it ends."""
        if pace.speed:
            up, down = pace.speed.as_integer_ratio()
        else:
            up, down = pace.rate.as_integer_ratio()
            down *= _SECOND
        self._ratio = down, up

    # Reading ahead

    def read(self, captured: int | None, repeat: int = 0, *, ended: bool) -> int:
        """Returns the position of the next flow, in the order of the capture and its repeats;
        `ended`: it has run.
        """
        position = self._position(captured, repeat)
        if ended:
            self._passed = position if self._passed is None else max(position, self._passed)
        else:
            self._lowest = position if self._lowest is None else min(position, self._lowest)
        return position

    def _position(self, captured: int | None, repeat: int) -> int:
        if not self.pace.speed:
            self._next += 1
            return self._next - 1
        if repeat != self._repeat:
            # It begins when the last flow of the one before is due.
            self._repeat, self._latest = repeat, self._earliest
            self._gaps.clear()
        if captured is None:
            return self._next
        if self._latest is None or self._earliest is None:
            self._latest = self._earliest = captured
        self._earliest = min(captured, self._earliest)
        if captured < self._latest:
            return self._before(captured, self._latest)
        gap, limit = captured - self._latest, self.pace.max_gap
        if limit is not None and gap > limit:
            self._gaps = [*self._gaps[1 - _GAPS :], (self._latest, captured, self._next + limit)]
            gap = limit
        self._latest, self._next = captured, self._next + gap
        return self._next

    def _before(self, captured: int, latest: int) -> int:
        """Returns the position of a flow that began before another that was read already."""
        position, limit = self._next, self.pace.max_gap or 0
        for begin, end, at in reversed(self._gaps):
            if captured >= end:
                break
            position, latest = at, end
            if captured > begin:
                return at - limit + min(captured - begin, limit)
            position, latest = at - limit, begin
        return position - (latest - captured)

    # Taking

    def start(self, now: int) -> None:
        """Begins the schedule: what waits first is due now; of a batch that goes on, what ran
        last.
        """
        self.started = True
        self._anchor = now
        self._origin = (self._lowest or 0) if self._passed is None else self._passed

    def due(self, position: int) -> int:
        """Returns when a position is due, once the schedule has started; never rounded down."""
        if self._held_at is not None:
            return NEVER
        down, up = self._ratio
        return self._anchor - (self._origin - position) * down // up

    def take(self, position: int, now: int) -> int:
        """Notes that a replay is taken; returns its lag."""
        lag = now - self.due(position)
        self.last = position, now
        self.taken += 1
        self.total_lag += lag
        self.greatest_lag = max(self.greatest_lag, lag)
        return lag

    def put_back(self, lag: int) -> None:
        """Undoes a `take`; what the greatest lag was is not forgotten."""
        self.taken -= 1
        self.total_lag -= lag

    def falls_behind(self, lag: int) -> bool:
        """Whether a lag is worth telling: the first of a second, of two, of four, and so on."""
        if lag < self._told:
            return False
        while lag >= self._told:
            self._told *= 2
        return True

    # Control

    def hold(self, on: bool, now: int) -> None:
        """Stops the schedule's time, or lets it go on. Idempotent."""
        if on and self._held_at is None:
            self._held_at = now
        elif not on and self._held_at is not None:
            self._anchor += now - self._held_at
            self._held_at = None

    @property
    def origin(self) -> int:
        """The position of what was due when the schedule started."""
        return self._origin

    def follows(self, before: "Pacing") -> bool:
        """Whether positions are the same by another pace."""
        kept = self.pace.max_gap == before.pace.max_gap
        return bool(self.pace.speed) == bool(before.pace.speed) and kept

    def follow(self, before: "Pacing") -> None:
        """Takes over from the pacing of the same replays by the same kind of pace, whose
        positions are the same: the next replay is due as long after the last one as this pace
        says.
        """
        self.__dict__.update(before.__dict__ | {"pace": self.pace, "_ratio": self._ratio})
        if before.last is not None:
            self._origin, self._anchor = before.last
