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


class ReplayKey(NamedTuple):
    """Which replay: the queue's order within a batch is (repeat, flow index)."""

    batch_id: str
    repeat: int
    flow_index: int

    @property
    def replay_id(self) -> str:
        """The replay's public id, such as `k7m2q9xd.12` or, repeated, `k7m2q9xd.12.1`."""
        suffix = f".{self.repeat}" if self.repeat else ""
        return f"{self.batch_id}.{self.flow_index}{suffix}"

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


def ranges_of(batch_id: str, flow_indices: Iterable[int]) -> list[ReplayRange]:
    """Returns ranges of replays of a batch, given by their flow indices in order: those next to
    each other are joined.
    """
    ranges: list[ReplayRange] = []
    for index in flow_indices:
        if ranges and ranges[-1].last == index - 1:
            ranges[-1] = ranges[-1]._replace(last=index)
        else:
            ranges.append(ReplayRange(batch_id, 0, index, index))
    return ranges


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
