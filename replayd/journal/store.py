"""What the journal asks of a store: keep rows, and make one change at a time durable.

A store knows no order of the queue, no sessions and no locks; `StoredJournal` calls it
under one lock. A `Change` is everything that one commit does, as plain data: the store
makes all of it durable or nothing. `memory` and `sqlite` are the stores.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from replayd.codec.pace import repeats_of
from replayd.journal.body import Content, SpoolBody
from replayd.journal.interface import Part, Size
from replayd.model.event import EventKind
from replayd.model.replay import (
    REPEATED_FLOWS,
    OnInterrupt,
    ReplayKey,
    ReplayRange,
    ReplayState,
    Resolution,
    Row,
    ranges_between,
)

PLACE_BITS = 32

LAST_INDEX = (1 << PLACE_BITS) - 1
"""The highest slot that there may be."""


def place_of(number: int, slot: int) -> int:
    """Where a replay lies in the store: its batch's number, then its slot (`ReplayKey`), which
    of batches that run once is the flow index, and is called that.
    """
    return number << PLACE_BITS | slot


_AGAIN = b"\0"
"""What begins so is no message: no field has the number 0."""


def again(slot: int) -> bytes:
    """Returns what a row has in place of plan and flow, that repeats the row in another slot."""
    return _AGAIN + slot.to_bytes(4)


def repeated(plan: bytes) -> int | None:
    """Returns the slot of the row that a row repeats, told by its plan or its flow; None: it is
    one itself.
    """
    return int.from_bytes(plan[1:5]) if plan[:1] == _AGAIN else None


def beside(place: int, slot: int) -> int:
    """Returns the place of another replay of the batch."""
    return place >> PLACE_BITS << PLACE_BITS | slot


def split_place(place: int) -> tuple[int, int]:
    """Returns the batch's number and the slot of a place."""
    return divmod(place, 1 << PLACE_BITS)


class StoredEvent(NamedTuple):
    """An event with its place in the log."""

    sequence: int
    kind: EventKind
    batch_id: str
    body: bytes
    """An encoded `flowreplay.v1.Event` with its sequence."""


def matching(
    events: Iterable[StoredEvent], kinds: frozenset[EventKind], batch_id: str
) -> Generator[StoredEvent, None, None]:
    """Filters events: of these kinds (none: all), of this batch or none (empty: all)."""
    return (
        event
        for event in events
        if (not kinds or event.kind in kinds) and (not batch_id or event.batch_id in ("", batch_id))
    )


class StoredReplay(NamedTuple):
    """What is remembered of a replay; one that only waits is not remembered at all."""

    place: int
    state: ReplayState
    """RUNNING: it has an intent. QUEUED: it waits for another attempt. Else its outcome."""
    attempt: int
    content: Content = b""
    """Of its response."""
    sequence: int = 0
    """Of the event that ended it; 0: none did."""
    withheld: bytes = b""
    """What that event does not show (`PendingEvent`)."""


class Figures(NamedTuple):
    """How far a batch has come."""

    number: int
    cursor: int
    """Every replay with a lower flow index has an outcome."""
    succeeded: int
    failed: int
    killed: int
    cleared: int
    interrupted: int


class StoredBatch(NamedTuple):
    """An accepted batch."""

    number: int
    """Its place in the store; given when it is staged."""
    batch_id: str
    position: int
    """Its place in the queue; given when it is accepted."""
    label: str
    accepted: int
    first: int
    """The lowest flow index; 0 in a batch without rows, whose `last` is -1."""
    last: int
    figures: Figures
    cleared: tuple[tuple[int, int], ...] = ()
    """Flow indices (first, last) that were cleared, unless they have a StoredReplay."""
    on_interrupt: OnInterrupt = OnInterrupt.AUTO
    options: bytes = b""
    """As in `Terms`."""
    controls: bytes = b""
    """An encoded `flowreplay.v1.BatchControls`."""

    @property
    def is_dense(self) -> bool:
        """Whether each index from the first to the last is that of a flow: none was refused."""
        return self.accepted == self.last - self.first + 1

    def must_have(self, flow_index: int, *, ended: bool) -> bool:
        """Whether there must be a flow with an index, or (ended) an outcome of it."""
        if not self.first <= flow_index <= self.last:
            return False
        return self.has_ended(flow_index) if ended else self.is_dense

    def has_ended(self, flow_index: int) -> bool:
        """Whether a flow must have an outcome that is remembered of it."""
        ended = flow_index < self.figures.cursor or sum(self.figures[2:]) == self.accepted
        return ended and not any(first <= flow_index <= last for first, last in self.cleared)


class Named(Protocol):
    """As much of a batch as it takes to name its replays."""

    @property
    def batch_id(self) -> str:
        """Its id."""

    @property
    def options(self) -> bytes:
        """As in `Terms`."""

    @property
    def first(self) -> int:
        """Its first slot."""

    @property
    def last(self) -> int:
        """Its last slot."""


def ranges_in(batch: Named, first: int, last: int) -> list[ReplayRange]:
    """Returns ranges that hold all replays of a batch from one slot to another; indices of flows
    that it does not have may lie between.
    """
    lowest, highest = 0, REPEATED_FLOWS - 1
    if repeats_of(batch.options) > 1:
        lowest, highest = batch.first, ReplayKey.at("", batch.last).flow_index
    return ranges_between(batch.batch_id, first, last, lowest, highest)


class Remembered(NamedTuple):
    """The answer to an Enqueue with a request_id."""

    request_id: str
    content_hash: bytes
    answer: bytes
    sequence: int
    expires: int
    """Nanoseconds since the epoch."""
    unanswered: str = ""
    """The batch that its Enqueue had begun to queue before its end; empty: it was answered."""


class StoredResolution(NamedTuple):
    """What was done with a parked replay."""

    place: int
    resolution: Resolution
    resent_as: str
    """The batch whose replay with the same flow index sends it again; empty: none does."""


class StoredControls(NamedTuple):
    """What a batch's controls are from now on."""

    number: int
    controls: bytes


class ClearedRange(NamedTuple):
    """Flow indices of a batch that were taken off the queue."""

    number: int
    first: int
    last: int


@dataclass(slots=True)
class Change:
    """What one commit changes."""

    accepted: StoredBatch | None = None
    """A batch that was staged, or an open one with what it has now."""
    rows: Sequence[Row] = ()
    """Of the accepted batch: those that were not staged."""
    remembered: Remembered | None = None
    forget_before: int = 0
    """Answers that expired before this time are forgotten."""
    replays: list[StoredReplay] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)
    claims: Sequence[int] | None = None
    """Places of idempotent replays whose first attempt may begin; replaces the last."""
    cleared: list[ClearedRange] = field(default_factory=list)
    resolved: list[StoredResolution] = field(default_factory=list)
    paused: bool | None = None
    controls: StoredControls | None = None
    events: list[StoredEvent] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (
            self.events
            or self.replays
            or self.figures
            or self.cleared
            or self.resolved
            or self.accepted is not None
            or self.remembered is not None
            or self.claims is not None
            or self.paused is not None
            or self.controls is not None
        )


class Ahead(NamedTuple):
    """A replay as `read_ahead` finds it."""

    flow_index: int
    session: str
    idempotent: bool
    attempt: int
    """The next one."""
    ended: bool
    """It has an outcome."""
    captured: int | None = None
    """When its request began, in nanoseconds since the epoch; None: that was not asked for, or
    the capture does not tell."""


class Prepared(NamedTuple):
    """What sending takes."""

    place: int
    plan: bytes
    request_content: bytes | None
    """None: larger than what travels along."""
    damaged: bool = False
    """Its checksum is wrong; the other fields mean nothing."""
    shown_plan: bytes | None = b""
    """As in `Replay`."""
    shown_content: bytes | None = None


class Interrupted(NamedTuple):
    """A replay with an intent and no outcome, found at open."""

    batch_id: str
    place: int
    flow_index: int
    attempt: int
    idempotent: bool
    plan: bytes


class StoredState(NamedTuple):
    """As little as is remembered of a replay."""

    flow_index: int
    state: ReplayState | None
    """None: nothing is remembered, see `StoredReplay`."""


class StoredPast(NamedTuple):
    """A replay with all that is kept of it; contents as in `Past`."""

    place: int
    session: str
    idempotent: bool
    plan: bytes
    flow: bytes
    request_content: bytes | None
    recorded_content: bytes | None
    state: ReplayState | None
    """None: nothing is remembered, see `StoredReplay`."""
    attempt: int
    response_content: bytes | None
    event: bytes
    """That ended it; empty: none did, or it was deleted."""
    resolution: StoredResolution | None = None
    """What was done with it, when it was parked."""
    withheld: bytes = b""
    """What that event does not show."""


class StoredEnds(NamedTuple):
    """Events that ended replays."""

    events: Sequence[bytes]
    last: int
    """The place of the last one; 0: there is none."""
    more: bool
    """Whether it was looked no further than that."""


class StoredWithheld(NamedTuple):
    """A replay whose event does not show all of how it ended; see `Withheld`."""

    place: int
    session: str
    plan: bytes
    event: bytes
    withheld: bytes


class Opened(NamedTuple):
    """What a store held when it was opened."""

    store_id: str
    redaction_key: bytes
    redacted_after: int
    """Events after this one show no secrets."""
    epoch: int
    trimmed: int
    """The highest sequence that was deleted."""
    latest: int
    paused: bool
    next_number: int
    next_position: int
    accepted: int
    """How many replays were ever accepted, removed ones too."""
    ended: dict[ReplayState, int]
    """How many replays have each outcome, removed ones too."""
    ended_last: int
    """Where the events of the batch that ended last begin; 0: there is none."""
    live: Sequence[StoredBatch]
    """The batches with replays that have no outcome, in order of acceptance."""
    interrupted: Sequence[Interrupted]
    parked: Mapping[str, int]
    """How many replays are parked of each batch that has any."""
    copied: bool = False
    """It is a copy of another store, opened for the first time; paused where anything waits."""


class StoreCopy(Protocol):
    """A copy of a store in the making. Every method may raise JournalError."""

    @property
    def copied(self) -> int:
        """How many bytes were copied so far."""

    def step(self) -> bool:
        """Copies some 100 microseconds' worth, with nobody else at the store; True: it was the
        last step, and the copy is the store as it is now.
        """

    def finish(self, progress: Callable[[], None]) -> int:
        """Copies what lies beside, checks all of it, makes it durable and gives it its name;
        returns its bytes. `progress` hears of it now and then, and may raise.
        """

    def release(self) -> None:
        """Gives up a copy, with nobody else at the store. Idempotent."""

    def remove(self) -> None:
        """Removes what there is of a copy that was given up."""


class Store(Protocol):
    """Keeps rows and commits changes. Every method may raise JournalError."""

    kind: str
    failure: str
    """Why it can't be trusted any more (an fsync failed, the file is corrupt) until it was
    opened anew; empty: it can."""
    on_failure: list[Callable[[], None]]
    """Called once `failure` is set, from any thread, whatever locks it holds."""

    @property
    def full(self) -> bool:
        """Whether the disk is so full that nothing more may be sent: what is left is for what
        runs and for what frees room.
        """

    def check_room(self) -> None:
        """Raises JournalError (DISK_FULL) when there is too little room to queue more."""

    def regain_room(self) -> bool:
        """Looks whether there is room again; True: it was `full` until now."""

    def load(self) -> Opened:
        """Gives up batches that were never accepted, notes which others have ended; returns
        the rest.
        """

    def stage(self, number: int, batch_id: str, rows: Sequence[Row]) -> None:
        """Adds rows to a batch that is not accepted yet. One that has `again` in place of its
        plan and its flow is read as the row that it repeats, but for session and outcome.
        """

    def discard(self, number: int) -> None:
        """Gives up a staged batch. What it held is left to `erase`."""

    def commit(self, change: Change) -> None:
        """Makes a change durable as a whole, or raises and has changed nothing."""

    def remembered(self, request_id: str) -> Remembered | None:
        """Returns the answer that a request_id was given."""

    def batch(self, batch_id: str) -> StoredBatch | None:
        """Returns an accepted batch."""

    def batch_from(self, position: int) -> StoredBatch | None:
        """Returns the accepted batch with the lowest position that is no lower than this."""

    def states(self, number: int, first: int, last: int, limit: int) -> Sequence[StoredState]:
        """Returns what is remembered of replays from index `first` to `last`, in order."""

    def resolution(self, place: int) -> StoredResolution | None:
        """Returns what was done with a parked replay; None: nothing yet."""

    def read_ahead(
        self, number: int, first: int, last: int, limit: int, *, timed: bool = False
    ) -> Sequence[Ahead]:
        """Returns replays from index `first` to `last`, in order; `timed`: with `captured`."""

    def ended_between(self, number: int, first: int, last: int) -> Sequence[int]:
        """Returns the indices from `first` to `last` that have an outcome, in order."""

    def prepared(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[Prepared]:
        """Returns what sending takes, from one place to another, in order: at most `limit`
        and, but for the first, not more than `max_bytes`.
        """

    def past(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[StoredPast]:
        """Returns what is kept of replays, from one place to another, in order: at most
        `limit` and, but for the first, not more than `max_bytes`.
        """

    def ends(self, first: int, last: int, max_bytes: int) -> StoredEnds:
        """Returns the events that are kept of those that ended replays, from one place to
        another, in order: but for the first, not more than `max_bytes`.
        """

    def withheld(
        self, first: int, last: int, limit: int, max_bytes: int
    ) -> Sequence[StoredWithheld]:
        """Returns replays, from one place to another, of whose event something was withheld, in
        order: at most `limit` and, but for the first, not more than `max_bytes`.
        """

    def events(
        self, after: int, until: int, kinds: frozenset[EventKind], batch_id: str
    ) -> Generator[StoredEvent, None, None]:
        """Yields events after `after` up to `until`, of these kinds (none: all) and of this
        batch or no batch (empty: all). Close it before the store is used again.
        """

    def note_ended(self, ended: Sequence[tuple[int, int]]) -> None:
        """Notes which batches have ended, by number, and the last event that each may have.
        It may be forgotten: `load` notes about that of all that have ended.
        """

    def next_end(self, at_most: int) -> int:
        """Returns the highest of those last events that is not above `at_most`, else the lowest;
        0: there is none.
        """

    def trim(self, last: int) -> int:
        """Deletes the oldest events up to a sequence, as many as take about a millisecond;
        returns the last one that it deleted.
        """

    def remove_batches(self, last_event: int, limit: int) -> Sequence[str]:
        """Removes the rows of ended batches that have no event after this one, at most
        `limit`, durably; returns their ids. What they held is left to `erase`.
        """

    def erase(self) -> Sequence[Path] | None:
        """Deletes some of what removed batches held, as much as takes about a millisecond;
        returns the files to remove, or None when there was nothing left.
        """

    def size(self) -> Size:
        """Returns how large it is."""

    def shrink(self) -> bool:
        """Gives back some of what is free, as much as takes about a millisecond; False: it
        can't.
        """

    def begin_copy(self, new_dir: Path, size: int) -> StoreCopy:
        """Begins a copy of the store, of about so many bytes, in a folder that is not there yet
        or empty; others may use the store meanwhile. Raises ReplaydError (INVALID_OPTIONS)
        when there can be none.
        """

    def sync(self) -> bool:
        """Has the disk store what was deleted, so that who commits next need not wait for
        it; call it without the lock. True: there is enough of it to `settle` it.
        """

    def settle(self) -> None:
        """Brings what was deleted to its place, before it is so much that it takes long."""

    def content(self, place: int, part: Part) -> Content:
        """Returns a content; empty: there is none."""

    def new_body(self) -> SpoolBody:
        """Makes an empty body."""

    def close(self) -> None:
        """Closes. Idempotent."""
