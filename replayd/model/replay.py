"""A replay: one run of one flow, the unit in the queue, with its states as a table."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple


class ReplayState(IntEnum):
    """States of a replay, numbered as `flowreplay.v1.ReplayState`."""

    QUEUED = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    KILLED = 5
    CLEARED = 6
    INTERRUPTED = 7


S = ReplayState

TRANSITIONS: dict[ReplayState, frozenset[ReplayState]] = {
    # Taken by the replay thread; cleared or cancelled off the queue.
    S.QUEUED: frozenset({S.RUNNING, S.CLEARED}),
    # An outcome; or, when the daemon died and it is safe to repeat, queued again.
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.KILLED, S.INTERRUPTED, S.QUEUED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.KILLED: frozenset(),
    S.CLEARED: frozenset(),
    S.INTERRUPTED: frozenset(),
}
"""Which state may follow which. A state that nothing follows is an outcome."""

OUTCOMES = frozenset(state for state, after in TRANSITIONS.items() if not after)

MAX_INTERRUPTED_ATTEMPTS = 3
"""A replay of which so many attempts were interrupted may be what ends the daemon."""


class OnInterrupt(IntEnum):
    """What becomes of a replay that may have been sent when the daemon died, numbered as
    `flowreplay.v1.OnInterrupt`.
    """

    AUTO = 1
    """An idempotent one is sent again, another one ends INTERRUPTED."""
    RESEND = 2
    PARK = 3
    """It ends INTERRUPTED."""
    FAIL = 4
    """It ends FAILED."""

    def sends_again(self, *, idempotent: bool) -> bool:
        """Whether it is queued again, as its next attempt."""
        return self is OnInterrupt.RESEND or (self is OnInterrupt.AUTO and idempotent)


class Resolution(IntEnum):
    """What is done with a parked replay, numbered as `flowreplay.v1.Resolution`."""

    RESEND = 1
    """It is sent again, as a new replay of another batch."""
    DROP = 2


MAX_REPEATS = 2048
"""How often a batch may run."""

REPEATED_FLOWS = 1 << 20
"""How many flows a batch may have that runs more than once."""

_REPEATED = MAX_REPEATS * REPEATED_FLOWS


class ReplayKey(NamedTuple):
    """Which replay: the queue's order within a batch is (repeat, flow index), and so is that of
    their slots, which say both in one number: of the first run the flow index.
    """

    batch_id: str
    repeat: int
    flow_index: int

    @property
    def replay_id(self) -> str:
        """The replay's public id, such as `k7m2q9xd.12` or, repeated, `k7m2q9xd.12.1`."""
        suffix = f".{self.repeat}" if self.repeat else ""
        return f"{self.batch_id}.{self.flow_index}{suffix}"

    @property
    def slot(self) -> int:
        """Where it stands in its batch; -1: there can be no such replay."""
        if not self.repeat and 0 <= self.flow_index < _REPEATED:
            return self.flow_index
        if 0 < self.repeat < MAX_REPEATS and 0 <= self.flow_index < REPEATED_FLOWS:
            return _REPEATED + self.repeat * REPEATED_FLOWS + self.flow_index
        return -1

    @classmethod
    def at(cls, batch_id: str, slot: int) -> "ReplayKey":
        """Names the replay in a slot of a batch."""
        if slot < _REPEATED:
            return cls(batch_id, 0, slot)
        return cls(batch_id, *divmod(slot - _REPEATED, REPEATED_FLOWS))

    @classmethod
    def parse(cls, replay_id: str) -> "ReplayKey":
        """Reads a public id; raises ValueError for any other text."""
        batch_id, flow_index, *repeat = replay_id.split(".")
        if len(repeat) > 1:
            raise ValueError(f"{replay_id!r} is not a replay id")
        return cls(batch_id, int(repeat[0]) if repeat else 0, int(flow_index))


class ReplayRange(NamedTuple):
    """Replays of one batch and repeat from `first` to `last`, both included."""

    batch_id: str
    repeat: int
    first: int
    last: int


def joined(slots: Iterable[int]) -> list[tuple[int, int]]:
    """Returns slots in order as ranges: those next to each other are joined."""
    ranges: list[tuple[int, int]] = []
    for slot in slots:
        if ranges and ranges[-1][1] == slot - 1:
            ranges[-1] = (ranges[-1][0], slot)
        else:
            ranges.append((slot, slot))
    return ranges


def ranges_of(batch_id: str, slots: Iterable[int]) -> list[ReplayRange]:
    """Returns ranges of exactly the replays of a batch in these slots, which are in order."""
    return [
        each
        for first, last in joined(slots)
        for each in ranges_between(batch_id, first, last, 0, REPEATED_FLOWS - 1)
    ]


def ranges_between(
    batch_id: str, first: int, last: int, lowest: int, highest: int
) -> list[ReplayRange]:
    """Returns ranges of all replays of a batch from one slot to another; `lowest` and `highest`
    are the flow indices that there are in each run but those where it begins and ends.
    """
    begin, end = ReplayKey.at(batch_id, first), ReplayKey.at(batch_id, last)
    if begin.repeat == end.repeat:
        return [ReplayRange(batch_id, begin.repeat, begin.flow_index, end.flow_index)]
    ranges = [
        ReplayRange(batch_id, begin.repeat, begin.flow_index, highest),
        *(
            ReplayRange(batch_id, repeat, lowest, highest)
            for repeat in range(begin.repeat + 1, end.repeat)
        ),
        ReplayRange(batch_id, end.repeat, lowest, end.flow_index),
    ]
    return [each for each in ranges if each.first <= each.last]


class Row(NamedTuple):
    """A prepared flow as the decoder hands it over and the journal stores it."""

    flow_index: int
    session: str
    """Never empty: a flow without a session has one of its own."""
    idempotent: bool
    plan: bytes
    """An encoded `flowreplay.v1.Plan`."""
    flow: bytes
    """An encoded `flowreplay.v1.Flow` without contents."""
    request_content: bytes = b""
    recorded_content: bytes = b""
    shown_plan: bytes | None = b""
    """The plan as everybody may see it; empty: it holds no secret; None: that is not known."""
    shown_content: bytes | None = None
    """The first bytes of the request's content, at most `event.PREVIEW_LIMIT`, as everybody
    may see them; None: they hold no secret."""


class Replay(NamedTuple):
    """A replay as the replay thread gets it."""

    key: ReplayKey
    session: str
    idempotent: bool
    attempt: int
    """From 1; above 1 when earlier attempts were interrupted."""
    plan: bytes
    """An encoded `flowreplay.v1.Plan`."""
    request_content: bytes | None
    """None: larger than what travels along; read it with `Journal.content`."""
    shown_plan: bytes | None = b""
    """As in `Row`."""
    shown_content: bytes | None = None
    """As in `Row`."""
    lag: int | None = None
    """How long after it was due by its batch's pace it was taken, in nanoseconds; None: it was
    due as soon as possible."""


class Counts(NamedTuple):
    """How many replays are in each state, in one snapshot."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    killed: int = 0
    cleared: int = 0
    interrupted: int = 0
    open_batches: int = 0
    """Batches that are still being read: more replays may come."""
    parked: int = 0
    """Of the interrupted ones, those that were not resolved."""

    @property
    def idle(self) -> bool:
        """Whether nothing waits, runs, or is still to come of what is being read."""
        return self.queued == 0 and self.running == 0 and self.open_batches == 0
