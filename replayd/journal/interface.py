"""The journal's interface: the promises that every implementation keeps.

Synchronous and safe from any thread. A change of a replay and its event commit together;
what a method calls durable survives `kill -9` and, for SQLite, a power cut. `begin`,
`finish` and `emit` are handed over and committed in groups: whoever commits takes along
what else waits, as far as the disk has its large contents. A call that raises JournalError
has changed nothing, and what was handed over waits for the next commit. Times are
nanoseconds since the epoch, given by the caller.

`count`, `running`, `paused`, `is_paused`, `paused_batches`, `latest`, `options`, `holds_up`,
`finish`, `emit`, and `read` of recent events never wait for a disk; `finish` of a content above
256 KiB only for one that is far behind.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from replayd.model.batch import DEFAULT_TERMS, Controls, Terms
from replayd.model.event import EventKind, PendingEvent
from replayd.model.outcome import Outcome
from replayd.model.pace import Pace
from replayd.model.replay import (
    Counts,
    Replay,
    ReplayKey,
    ReplayRange,
    ReplayState,
    Resolution,
    Row,
)

ROW_CONTENT_LIMIT = 256 * 1024
"""Content up to this size travels with its row and its Replay; larger is read in pieces."""


class Part(StrEnum):
    """Which content of a replay."""

    REQUEST = "request"
    RECORDED = "recorded"
    RESPONSE = "response"


class Info(NamedTuple):
    """What an open journal is."""

    kind: str
    """`memory` or `sqlite`."""
    store_id: str
    """Random, made with the store; a cursor of another store is foreign."""
    epoch: int
    """Grows when a store was rolled back; part of every cursor."""
    copied: bool = False
    """It was made of a copy of another one, at this opening: what waits may have been sent
    since, and the queue is paused for that."""
    redaction_key: bytes = b""
    """Random, made with the store: keys the digests in the place of secrets. Told to nobody."""
    redacted_after: int = 0
    """Events up to this one were written before secrets were kept out of them."""


class Receipt(NamedTuple):
    """What an accepted Enqueue is answered with."""

    answer: bytes
    """What `accept` was given: an encoded `flowreplay.v1.EnqueueResponse` without cursor."""
    sequence: int
    """The place in the log just before the batch's first event."""
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What an Enqueue that broke off has queued, and leaves there."""

    count: int
    last_index: int
    """The flow index of the last one."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a clear took off the queue; there may be very many ranges."""

    count: int
    ranges: tuple[ReplayRange, ...]


class ListedBatch(NamedTuple):
    """A batch, as a list tells of it."""

    batch_id: str
    label: str
    accepted: int
    counts: Counts
    controls: Controls


class BatchPage(NamedTuple):
    """Some batches of a list."""

    batches: Sequence[ListedBatch]
    position: int
    """From which place in the order of acceptance the list goes on."""
    more: bool
    """Whether it does."""


class Placed(NamedTuple):
    """Where a batch stands."""

    changed: bool
    priority: int


class Cancelled(NamedTuple):
    """What a cancel found and did."""

    states: tuple[ReplayState, ...]
    """What each was, in the order in which they were named; what was QUEUED is CLEARED now."""
    sequence: int
    """The place in the log just before the first event of it."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a resolve did."""

    count: int
    ranges: tuple[ReplayRange, ...]
    """They hold no replay that was not resolved."""
    resent_as: str
    """The batch of those that send them again; empty: they were dropped."""
    sequence: int
    """The place in the log just before the first event of it."""


class Page(NamedTuple):
    """Events read from the log."""

    events: Sequence[bytes]
    """Encoded `flowreplay.v1.Event`s with their sequence, in order."""
    last: int
    """How far the log was looked through: the next page is after this sequence."""
    oldest: int
    """The oldest sequence that is kept; 0: the log is empty."""
    latest: int
    """The latest sequence; 0: nothing was ever logged."""


class Limits(NamedTuple):
    """What retention keeps the journal to."""

    age: int = 0
    """Nanoseconds that an event is kept; 0: for ever."""
    size: int = 0
    """Bytes that the journal may hold; 0: any number."""


class Removed(NamedTuple):
    """What retention removed in one slice."""

    events: int = 0
    batches: int = 0
    parked: int = 0
    """Replays of those batches that were parked."""


class Size(NamedTuple):
    """How large a journal is, in bytes."""

    used: int
    """By what it holds."""
    free: int
    """What its file has besides, and uses first when it grows."""


class Running(NamedTuple):
    """A replay in the replay thread's hands."""

    key: ReplayKey
    attempt: int
    start: int
    """When it was taken, nanoseconds since the epoch."""


class Past(NamedTuple):
    """A replay of a batch with all that is kept of it. A content is None when it is larger
    than ROW_CONTENT_LIMIT: read it with `content`.
    """

    key: ReplayKey
    state: ReplayState
    attempt: int
    """The last one that began; 0: none has."""
    plan: bytes
    """An encoded `flowreplay.v1.Plan`."""
    flow: bytes
    """An encoded `flowreplay.v1.Flow` without contents."""
    request_content: bytes | None
    recorded_content: bytes | None
    response_content: bytes | None
    event: bytes
    """The encoded `response` or `error` event that ended it; empty where there is none: it
    has no outcome, was cleared, or its event was trimmed."""
    resolution: Resolution | None = None
    """What was done with it, when it was parked."""
    resent_as: str = ""
    """The batch whose replay with the same flow index sends it again; empty: none does."""
    withheld: bytes = b""
    """What that event does not show (`PendingEvent`)."""
    awaited: ReplayKey | None = None
    """The parked replay, or the one that sends it again, that its strict session waits for."""

    @property
    def parked(self) -> bool:
        """Whether it was interrupted, and nobody resolved it."""
        return self.state is ReplayState.INTERRUPTED and self.resolution is None


class Ends(NamedTuple):
    """One step through the events that ended the replays of a batch."""

    events: Sequence[bytes]
    """Encoded `flowreplay.v1.Event`s, in the order of the batch."""
    after: int
    """Where the next step begins."""
    more: bool
    """Whether there is anything to look through after that."""


class Paced(NamedTuple):
    """The pace of a batch, and how well it is kept: since it was set, or the journal opened."""

    pace: Pace
    taken: int = 0
    """How many replays were taken by it."""
    total_lag: int = 0
    """How long after they were due that was, of all together, in nanoseconds."""
    greatest_lag: int = 0


class Withheld(NamedTuple):
    """A replay whose event does not show all of how it ended."""

    key: ReplayKey
    session: str
    plan: bytes
    """An encoded `flowreplay.v1.Plan`."""
    event: bytes
    """The encoded event that ended it."""
    withheld: bytes
    """What that does not show (`PendingEvent`)."""


class Place(NamedTuple):
    """Where a listing stands in the order of the queue: after this replay."""

    position: int = 0
    """Of its batch in the order of acceptance."""
    flow_index: int = -1
    """-1: before the first one."""


class Wanted(NamedTuple):
    """Which replays to list."""

    batch_id: str = ""
    """Empty: of all batches."""
    states: frozenset[ReplayState] = frozenset()
    """Empty: in any state."""
    parked: bool = False
    """Only those that were interrupted and not resolved."""


class Listed(NamedTuple):
    """One step of a listing."""

    replays: Sequence[Past]
    place: Place
    """How far was looked."""
    more: bool
    """Whether there is anything to look through after that."""


class Body(Protocol):
    """Collects the content of one response: memory first, then a file of the store."""

    size: int

    @property
    def held(self) -> int:
        """How many of its bytes are in memory."""

    def write(self, data: bytes) -> None:
        """Adds bytes. Raises JournalError when the store can't take them: discard it."""

    def spill(self) -> None:
        """Moves what is in memory to the store's file, if it has files. Raises JournalError."""

    def prefix(self, limit: int) -> bytes:
        """Returns the first bytes, at most `limit` (no more than 64 KiB are promised)."""

    def pieces(self) -> Iterator[bytes]:
        """Yields what was written, once all of it was. From any thread; raises JournalError
        when it can't be read, also because it was discarded meanwhile.
        """

    def discard(self) -> None:
        """Forgets everything; for a body that is not handed to `finish`. Idempotent."""


class Journal(Protocol):
    """The durable queue and event log."""

    info: Info

    # Enqueue

    def reserve(self, request_id: str, content_hash: bytes | None) -> Receipt | None:
        """Claims a request_id for an Enqueue under way, or returns what it was answered.

        First called with no hash, before the content is read: returns None and claims the
        id where it is new. Where it is remembered, returns its receipt (duplicate): the
        caller reads the content and calls again with its hash to have it compared.

        Raises ReplaydError: REQUEST_IN_PROGRESS; REQUEST_ID_REUSED when the hash is another
        one; REQUEST_INCOMPLETE when an Enqueue of this id broke off after it had queued
        some.
        """

    def release(self, request_id: str) -> None:
        """Gives up a claim; nothing happens where there is none."""

    def stage(self, batch_id: str, rows: Sequence[Row]) -> None:
        """Stores rows of a batch that is not accepted yet. The batch begins with its first
        call, also with no rows. Indices grow; refused flows leave gaps.

        Raises ReplaydError (JournalError) when the store can't take them.
        """

    def extend(
        self,
        batch_id: str,
        rows: Sequence[Row],
        *,
        now: int,
        terms: Terms = DEFAULT_TERMS,
        request_id: str = "",
    ) -> None:
        """Queues rows of a batch that is still being read, each call in one commit with an
        `update` event QUEUED (more when they are many or large). Durable when it returns.

        The batch has its place in the queue from its first row on and is open until
        `accept`, `discard`, a clear of it, or the journal's end; in strict order what is
        accepted after it waits for that. A claimed request_id is remembered as that of an
        Enqueue that was not answered.

        Raises ReplaydError: BATCH_CLEARED; or (JournalError) when the store can't take them.
        """

    def accept(
        self,
        batch_id: str,
        *,
        now: int,
        answer: bytes,
        notes: Sequence[PendingEvent] = (),
        terms: Terms = DEFAULT_TERMS,
        request_id: str = "",
        content_hash: bytes = b"",
    ) -> Receipt:
        """Queues a staged batch in one commit with its events: the notes, then the `update`
        event QUEUED (none for a batch without rows). Durable when it returns; a claimed
        request_id is remembered for 24 hours. An open batch is queued already: it is closed.

        Raises ReplaydError: BATCH_NOT_FOUND, BATCH_CLEARED (of an open batch).
        """

    def discard(self, batch_id: str, notes: Sequence[PendingEvent] = ()) -> Kept | None:
        """Gives a batch up. Nothing of what was staged is queued; `retain` deletes it. An open
        batch is closed with what was queued, which it returns, and with the notes as its
        last events but for its outcomes. Idempotent.
        """

    def options(self, batch_id: str) -> bytes:
        """Returns the options of a batch, as its `Terms` have them. Of one that has replays to
        run it never waits for a disk.

        Raises ReplaydError: BATCH_NOT_FOUND.
        """

    def holds_up(self, batch_id: str) -> bool:
        """Tells whether others wait for nothing but the end of an open batch: order is
        strict, and all that it has has run.
        """

    # The queue

    def take(self, limit: int, now: int) -> list[Replay]:
        """Takes up to `limit` eligible replays: they are RUNNING, in memory only. Those of the
        first batch come first: of a higher priority, and of equal ones the one that was
        accepted first. A session has at most one running replay; a paused batch gives none, nor
        does a paused queue. When it had to read over too much to find enough, `on_runnable`
        says that there is more. None comes before it is due by
        its batch's pace.

        A replay whose row is damaged ends FAILED, with its event, and is not returned.
        """

    @property
    def next_due(self) -> int | None:
        """When the next replay is due that waits for its time, in nanoseconds of the monotonic
        clock, as of the last `take`; None: none does.
        """

    def pace(self, batch_id: str) -> Paced:
        """Tells the pace of a batch. Raises ReplaydError: BATCH_NOT_FOUND."""

    def set_pace(self, batch_id: str, pace: Pace, now: int) -> bool:
        """Gives a batch another pace, durably, with a `log` event; False: it had it already. By a
        pace of the same kind the next replay is due as long after the last one as it says; by
        one of another kind the schedule begins anew.

        Raises ReplaydError: BATCH_NOT_FOUND, BATCH_ENDED.
        """

    def begin(self, replays: Iterable[Replay]) -> bool:
        """Makes the intents of taken replays durable ('attempt n begins') before it
        returns. Those that a crash has sent again (by their batch's `on_interrupt`; of AUTO
        the idempotent ones) are claimed some ahead, so that most calls need no commit;
        True: this one did, and took along what was handed over.
        """

    def finish(
        self,
        key: ReplayKey,
        outcome: Outcome,
        events: Sequence[PendingEvent],
        body: Body | bytes | None = None,
    ) -> bool:
        """Hands over the outcome of a running replay, its events (terminal one last) and
        its response's content: as bytes, at most 256 KiB of them, where it came at once. Its
        session may be taken from again at once; it counts as running until its outcome is
        durable. True: more of its session has been read ahead.

        Raises ReplaydError (JournalError) when a content above 128 KiB can't be written; the
        replay still runs then, and may be finished without it.
        """

    def defer(self, keys: Iterable[ReplayKey], *, held: bool) -> Sequence[tuple[int, str]]:
        """Undoes the taking of replays that have not begun: they are QUEUED again, at their
        place. `held`: nothing of their sessions is taken until these, which it returns, are
        given to `let_go`, also when what waits of them was cleared.
        """

    def let_go(self, sessions: Iterable[tuple[int, str]]) -> None:
        """Lets sessions that `defer` held be taken from again."""

    def new_body(self) -> Body:
        """Makes an empty body for a response's content."""

    def emit(self, events: Sequence[PendingEvent]) -> None:
        """Hands over events that change nothing."""

    def commit(self, *, wait: bool = True) -> None:
        """Makes everything handed over durable, and shows it to readers.

        Without `wait`, only what comes before the first content that is still on its way to
        the disk; `on_runnable` tells when there is more to commit.
        """

    @property
    def left(self) -> int:
        """How often something was handed over that was not committed yet."""

    @property
    def settling(self) -> bool:
        """Whether a commit that does not wait would leave all that was handed over."""

    def clear(self, batch_id: str, now: int) -> Cleared:
        """Takes all that is QUEUED (of one batch; empty: all) off the queue, in one commit
        with one `update` event (more when it has over 1,000 ranges). Durable when it
        returns. A range holds no replay that runs or has another outcome; it may span the
        indices of refused flows. An open batch takes nothing more.

        Raises ReplaydError: BATCH_NOT_FOUND.
        """

    def cancel(self, keys: Sequence[ReplayKey], now: int) -> Cancelled:
        """Takes these replays off the queue, in one commit with an `update` event CLEARED for
        each batch; what runs or has ended is left alone. Durable when it returns.

        Raises ReplaydError, and has changed nothing then: REPLAY_NOT_FOUND.
        """

    def resolve(
        self,
        batch_id: str,
        flow_indices: Sequence[int] | None,
        resolution: Resolution,
        *,
        resent_as: str,
        now: int,
    ) -> Resolved:
        """Resolves parked replays of a batch, in one commit with an `update` event RESOLVED
        (more when it has over 1,000 ranges): these, each once, or (None) all. RESEND queues
        copies of them as the batch `resent_as`, with their flow indices, label and
        `on_interrupt`, and its event QUEUED. Durable when it returns.

        Raises ReplaydError, and has changed nothing then: BATCH_NOT_FOUND, REPLAY_NOT_FOUND,
        NOT_PARKED, ALREADY_RESOLVED (of all: every one that ever was).
        """

    def ended(
        self, batch_id: str, flow_indices: Sequence[int] | None, states: Collection[ReplayState]
    ) -> list[int]:
        """Returns the flow indices of replays of a batch that may be sent once more, in order:
        these, or (None) all with one of these outcomes, of INTERRUPTED those that are parked.

        Raises ReplaydError: BATCH_NOT_FOUND; of these REPLAY_NOT_FOUND, NOT_ENDED,
        ALREADY_RESOLVED.
        """

    def retry(
        self,
        batch_id: str,
        flow_indices: Sequence[int],
        *,
        retried_as: str,
        now: int,
        answer: bytes = b"",
        request_id: str = "",
        content_hash: bytes = b"",
    ) -> Receipt:
        """Sends replays that have `ended` once more: queues copies of them as the batch
        `retried_as`, with their flow indices and under their batch's terms, in one commit with
        its event QUEUED. Those that are parked are resolved by it (RESEND). Durable when it
        returns; a claimed request_id is remembered for 24 hours.

        Raises ReplaydError, and has queued nothing then: BATCH_NOT_FOUND, ALREADY_RESOLVED.
        """

    @property
    def held_sessions(self) -> int:
        """How many strict sessions wait for a parked replay, or for the one that sends it
        again. Whoever resolves it, drops it or has it cleared lets them go on.
        """

    def count(self, batch_id: str) -> Counts:
        """Counts replays by state (of one batch; empty: all), in one snapshot of what is
        durable: when nothing waits or runs, every event of it can be read.

        Raises ReplaydError: BATCH_NOT_FOUND.
        """

    def running(self) -> list[Running]:
        """Lists what is RUNNING, oldest first."""

    @property
    def paused(self) -> bool:
        """Whether the queue is paused."""

    def is_paused(self, batch_id: str) -> bool:
        """Whether the queue is paused, or this batch (empty: none) of which something is left."""

    def paused_batches(self) -> Sequence[str]:
        """Lists the paused batches of which something is left."""

    def pause(self, on: bool, now: int, batch_id: str = "") -> bool:
        """Pauses or resumes the queue, or one batch, durably, with its event; False: it was so
        already.

        Raises ReplaydError: BATCH_NOT_FOUND, BATCH_ENDED.
        """

    def set_priority(self, batch_id: str, priority: int | None, now: int) -> Placed:
        """Gives a batch a priority, or (None) the highest of any batch that has something left,
        and the first place of those, durably, with its `update` event MOVED. What is taken next
        is of the first batch that has something ready.

        Raises ReplaydError: BATCH_NOT_FOUND, BATCH_ENDED.
        """

    def step(
        self, batch_id: str, count: int, told: Callable[[Sequence[ReplayKey]], object]
    ) -> Callable[[], None]:
        """Has `count` replays taken although the queue is paused, those that come next; or of
        one batch, whether it or the queue is. `told` is called once, quickly, from any thread:
        with what was taken, when that is all, or no more can be. Calling what it returns takes
        back what was not taken; then `told` is not called any more.

        Raises ReplaydError: BATCH_NOT_FOUND, BATCH_ENDED, NOT_PAUSED.
        """

    # The log

    @property
    def latest(self) -> int:
        """The sequence of the latest durable event; 0: nothing was ever logged."""

    def read(
        self,
        after: int,
        *,
        limit: int,
        max_bytes: int,
        kinds: frozenset[EventKind] = frozenset(),
        batch_id: str = "",
    ) -> Page:
        """Reads durable events after a sequence: at most `limit`, at most `max_bytes`
        (but always one); of these kinds (none: all) and this batch (and of no batch).

        Raises ReplaydError: SEQUENCE_COMPACTED.
        """

    def is_recent(self, after: int) -> bool:
        """Whether reading after this sequence needs no disk, and so no thread."""

    def content(self, key: ReplayKey, part: Part) -> Iterator[bytes]:
        """Yields a content in pieces of at most 256 KiB; nothing when there is none. A
        response's is there once its outcome was committed.

        Raises ReplaydError: BATCH_NOT_FOUND, also when it is removed meanwhile, or
        (JournalError) when a piece is damaged.
        """

    def history(self, batch_id: str, after_index: int, limit: int) -> Sequence[Past]:
        """Reads the replays of a batch with a flow index above `after_index` (-1: all), in
        order of the capture: at most `limit`, fewer when they are large, none at the end.

        Raises ReplaydError: BATCH_NOT_FOUND, or (JournalError) when one is damaged.
        """

    def ends(self, batch_id: str, after: int = -1) -> Ends:
        """Reads some more of the events that ended the replays of a batch, a step of about a
        millisecond, which may find none. Left out are replays that have not ended, were
        cleared, or whose event was trimmed.

        Raises ReplaydError: BATCH_NOT_FOUND, or (JournalError) when one is damaged.
        """

    def withheld(self, batch_id: str, after_index: int, limit: int) -> Sequence[Withheld]:
        """Reads those replays of a batch with a flow index above `after_index` of whose end
        something was withheld, in order of the capture: at most `limit`, fewer when they are
        large, none at the end.

        Raises ReplaydError: BATCH_NOT_FOUND, or (JournalError) when one is damaged.
        """

    def replays(self, place: Place, wanted: Wanted, limit: int) -> Listed:
        """Looks through some more replays after a place, in the order of the queue: a step of
        a listing, of a few milliseconds. It may find none, or less than there are.

        Raises ReplaydError: BATCH_NOT_FOUND (of a named one), or (JournalError) when one that
        is wanted is damaged.
        """

    def batches(self, position: int, limit: int, *, unfinished: bool) -> BatchPage:
        """Lists batches in the order of acceptance, from a place in it on (0: all); `unfinished`:
        those that have something left.
        """

    # Retention

    def retain(self, limits: Limits, now: int) -> Iterator[Removed]:
        """Deletes what was given up, and what is over the limits, the oldest first: each step
        of the iterator is a slice of about a millisecond, in which nobody else gets to the
        store.

        Events go one after the other; reading there is then refused with
        SEQUENCE_COMPACTED. Sequences go on, even when no event is left. A batch of which
        every replay has an outcome goes as a whole with its last event: it is
        BATCH_NOT_FOUND then, while the counts of all go on counting it. What is queued or
        running stays, with all that was logged since the oldest such batch began to run;
        and so does, whatever the size, the batch that ended last. A crash on the way
        leaves nothing that is served; the next call goes on.
        """

    def size(self) -> Size:
        """Returns how large the journal is."""

    @property
    def full(self) -> bool:
        """Whether the disk is so full that nothing is taken; `stage` and `extend` are refused
        with DISK_FULL, and what runs ends with the last room there is.
        """

    def regain_room(self) -> bool:
        """Looks whether a full disk has room again; True: it has, and things go on."""

    def back_up(self, new_dir: Path, progress: Callable[[int, int], None]) -> int:
        """Copies the journal, as it is at a moment before the end, into a folder that is not
        there yet or empty, while it is used; returns the copy's bytes. `progress` hears now
        and then how many bytes were copied, and about how many there are; what it raises
        ends the copy. Whatever ends it leaves nothing of it.

        Raises ReplaydError: INVALID_OPTIONS (not there, or not this journal),
        REQUEST_IN_PROGRESS, DAEMON_STOPPING; or (JournalError) when there is no room, or
        something is damaged.
        """

    # Wake-ups and end

    def on_append(self, callback: Callable[[], None]) -> None:
        """Calls back, quickly and from any thread, after each commit that logged events."""

    def on_runnable(self, callback: Callable[[], None]) -> None:
        """Calls back, quickly and from any thread, when there may be something to take,
        or to commit.
        """

    @property
    def failure(self) -> str:
        """Why nothing can be stored any more (an fsync failed, the file is corrupt), for
        people; empty: it can. The daemon has to stop, and to open the journal anew.
        """

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Calls back, once, quickly and from any thread, when there is a `failure`."""

    def close(self) -> None:
        """Commits what was handed over and closes. Idempotent."""
