"""The third book: what the event log says, event by event, of every replay.

Pure: events go in, findings come out. What is finished and was compared is forgotten, so
that a long run needs no more memory than a short one; that it was there is remembered.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zlib import crc32

from flowreplay.v1 import event_pb2, reason_pb2

from replayd.model.replay import MAX_INTERRUPTED_ATTEMPTS
from tools.chaos.findings import Findings
from tools.chaos.flows import read_path, sent_again

Vector = tuple[int, int, int, int, int, int]
"""How many replays were accepted, succeeded, failed, were killed, cleared, interrupted."""

STATES = ("accepted", "succeeded", "failed", "killed", "cleared", "interrupted")

_ERRORS = {
    event_pb2.REPLAY_STATE_FAILED: "failed",
    event_pb2.REPLAY_STATE_KILLED: "killed",
    event_pb2.REPLAY_STATE_INTERRUPTED: "interrupted",
}

_CUT = (reason_pb2.REASON_INTERRUPTED, reason_pb2.REASON_POISON)


class Replay:
    """What the log says of one replay, and where the target saw it."""

    __slots__ = (
        "answer",
        "arrivals",
        "batch",
        "cut",
        "index",
        "method",
        "outcome",
        "requeued",
        "resolved",
        "retried",
    )

    def __init__(self, batch: "Batch", index: int) -> None:
        self.batch = batch
        self.index = index
        self.outcome = ""
        self.cut = False
        """Whether it ended because its last attempt was interrupted."""
        self.method = b""
        self.requeued = 0
        self.resolved = False
        self.retried = 0
        self.answer = (0, b"")
        """Status and content of the response."""
        self.arrivals: list[int] = []
        """Lines of the target's book."""

    def __str__(self) -> str:
        return f"{self.batch.batch_id}.{self.index} ({self.batch.label}, {self.outcome or 'open'})"


class Batch:
    """A batch of the log."""

    __slots__ = ("batch_id", "label", "position", "replays")

    def __init__(self, batch_id: str, label: str, position: int) -> None:
        self.batch_id = batch_id
        self.label = label
        self.position = position
        self.replays: dict[int, Replay] = {}


@dataclass
class Log:
    """The whole of it, as far as it was read."""

    findings: Findings
    batches: dict[str, Batch] = field(default_factory=dict)
    labels: dict[str, Batch] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    """Ids and labels of batches that were finished and compared."""
    vector: Vector = (0, 0, 0, 0, 0, 0)
    until: dict[Vector, int] = field(default_factory=dict)
    """The last sequence at which each former vector still held."""
    changes: list[bool] = field(default_factory=list)
    """Pauses (True) and resumptions, in their order."""
    crashes: list[int] = field(default_factory=list)
    """How many replays each crash had queued again."""
    interrupted: int = 0
    checksums: "array[int]" = field(default_factory=lambda: array("I"))
    kinds: "array[int]" = field(default_factory=lambda: array("B"))
    _requeued_at: int = -1

    @property
    def latest(self) -> int:
        """The last sequence that was read."""
        return len(self.checksums)

    @property
    def paused(self) -> bool:
        """Whether the queue is paused."""
        return bool(self.changes) and self.changes[-1]

    def read(self, event: event_pb2.Event) -> None:
        """Takes the next event."""
        if event.sequence != self.latest + 1:
            self.findings.add("gaps", f"event {event.sequence} follows event {self.latest}")
            return
        payload = event.WhichOneof("payload") or ""
        self.checksums.append(crc32(event.SerializeToString()))
        self.kinds.append(event_pb2.EventKind.Value(f"EVENT_KIND_{payload.upper()}"))
        if payload == "response":
            self._response(event)
        elif payload == "error":
            self._error(event)
        elif payload == "update":
            self._update(event)
        elif payload == "log":
            self._note(event)

    def again(self, event: event_pb2.Event) -> None:
        """Compares an event with what was read of it before."""
        if not 0 < event.sequence <= self.latest:
            self.findings.add("gaps", f"event {event.sequence} is not among {self.latest}")
        elif self.checksums[event.sequence - 1] != crc32(event.SerializeToString()):
            self.findings.add("rewritten", f"event {event.sequence} is another one now")

    def forget(self) -> None:
        """Forgets the batches of which every replay has its outcome."""
        for batch in list(self.batches.values()):
            if all(replay.outcome for replay in batch.replays.values()):
                del self.batches[batch.batch_id]
                self.labels.pop(batch.label, None)
                self.forgotten |= {batch.batch_id, batch.label}
        self.until.clear()

    def replays(self) -> Iterator[Replay]:
        """Yields every replay that is not forgotten."""
        for batch in self.batches.values():
            yield from batch.replays.values()

    def _response(self, event: event_pb2.Event) -> None:
        response = event.response
        replay = self._of(event, response.flow_index, response.url)
        if replay is not None:
            replay.method = response.method
            replay.answer = (response.head.status_code, response.content)
            self._ended(replay, "succeeded", event.attempt)

    def _error(self, event: event_pb2.Event) -> None:
        error = event.error
        replay = self._of(event, error.flow_index, error.url)
        if error.reason == reason_pb2.REASON_INTERNAL:
            self.findings.add("daemon", f"{event.replay_id} FAILED: {error.message}")
        if replay is not None:
            replay.method = error.method
            replay.cut = error.reason in _CUT
            self._ended(replay, _ERRORS[error.state], event.attempt)

    def _note(self, event: event_pb2.Event) -> None:
        if event.log.reason == reason_pb2.REASON_RETRIED:
            replay = self._named(event.batch_id, event.log.flow_index)
            if replay is not None:
                replay.retried += 1
        elif event.log.level == event_pb2.LOG_LEVEL_ERROR:
            self.findings.add("daemon", f"event {event.sequence}: {event.log.message[-300:]}")

    def _update(self, event: event_pb2.Event) -> None:
        update = event.update
        kind = update.kind
        if kind in (event_pb2.UPDATE_KIND_PAUSED, event_pb2.UPDATE_KIND_RESUMED):
            self.changes.append(kind == event_pb2.UPDATE_KIND_PAUSED)
        elif kind == event_pb2.UPDATE_KIND_QUEUED:
            self._queued(event)
        elif kind == event_pb2.UPDATE_KIND_CLEARED:
            found = [each for each in self._ranges(update) if each and not each.outcome]
            for replay in found:
                replay.outcome = "cleared"
            self._count("cleared", len(found))
            if len(found) != update.replay_count:
                said = f"event {event.sequence} clears {update.replay_count}, not {len(found)}"
                self.findings.add("outcomes", said)
        elif kind == event_pb2.UPDATE_KIND_REQUEUED:
            self._requeued(event)
        elif kind == event_pb2.UPDATE_KIND_RESOLVED:
            self._resolved(event)

    def _queued(self, event: event_pb2.Event) -> None:
        (each,) = event.update.ranges
        label = event.update.label
        batch = self.batches.get(each.batch_id)
        if batch is None:
            batch = Batch(each.batch_id, label, event.sequence)
            if {label, each.batch_id} & (self.labels.keys() | self.forgotten):
                self.findings.add("requests", f"{label} was queued twice, as {each.batch_id} too")
            self.batches[each.batch_id] = self.labels[label] = batch
        before = len(batch.replays)
        for index in range(each.first_index, each.last_index + 1):
            batch.replays.setdefault(index, Replay(batch, index))
        if len(batch.replays) - before != event.update.replay_count:
            self.findings.add("outcomes", f"event {event.sequence} queues some replays again")
        self._count("accepted", event.update.replay_count)

    def _requeued(self, event: event_pb2.Event) -> None:
        found = [each for each in self._ranges(event.update) if each]
        if self._requeued_at != event.sequence - 1:
            self.crashes.append(0)
        self._requeued_at = event.sequence
        self.crashes[-1] += len(found)
        for replay in found:
            replay.requeued += 1
            if replay.outcome:
                self.findings.add("outcomes", f"{replay} was queued again by {event.sequence}")

    def _resolved(self, event: event_pb2.Event) -> None:
        for replay in self._ranges(event.update):
            if replay is None:
                continue
            if replay.outcome != "interrupted" or replay.resolved:
                self.findings.add("outcomes", f"{replay} is resolved by event {event.sequence}")
            replay.resolved = True

    def _ended(self, replay: Replay, outcome: str, attempt: int) -> None:
        if replay.outcome:
            self.findings.add("outcomes", f"{replay} has a second outcome: {outcome}")
            return
        replay.outcome = outcome
        self._count(outcome, 1)
        said = f"{replay}, a {replay.method!r}, ended with attempt {attempt}, "
        said += f"queued again {replay.requeued} times"
        if attempt != replay.requeued + 1:
            self.findings.add("attempts", said)
        elif sent_again(replay.batch.label, replay.method):
            if outcome == "interrupted" and attempt < MAX_INTERRUPTED_ATTEMPTS:
                self.findings.add("attempts", said)
        elif replay.requeued:
            self.findings.add("attempts", said)

    def _of(self, event: event_pb2.Event, index: int, url: bytes) -> Replay | None:
        """Finds the replay that an event ends, and compares names and URL."""
        replay = self._named(event.batch_id, index)
        if replay is None:
            self.findings.add("outcomes", f"event {event.sequence} ends {event.replay_id}, unknown")
            return None
        asked = read_path(urlsplit(url.decode()).path)
        if (asked.tag, asked.flow_index, event.replay_id) != (
            replay.batch.label,
            index,
            f"{event.batch_id}.{index}",
        ):
            self.findings.add("answers", f"{replay} is told to be of {url!r}")
        return replay

    def _named(self, batch_id: str, index: int) -> Replay | None:
        batch = self.batches.get(batch_id)
        return batch.replays.get(index) if batch else None

    def _ranges(self, update: event_pb2.UpdateEvent) -> Iterator[Replay | None]:
        for each in update.ranges:
            for index in range(each.first_index, each.last_index + 1):
                yield self._named(each.batch_id, index)

    def _count(self, state: str, count: int) -> None:
        self.until[self.vector] = self.latest - 1
        counts = list(self.vector)
        counts[STATES.index(state)] += count
        self.vector = (counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])
