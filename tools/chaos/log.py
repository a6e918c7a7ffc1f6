"""The third book: what the event log says, event by event, of every replay.

Pure: events go in, findings come out. What is finished and was compared is forgotten, so
that a long run needs no more memory than a short one; that it was there is remembered.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zlib import crc32

from flowreplay.v1 import event_pb2, reason_pb2

from replayd.model.replay import MAX_INTERRUPTED_ATTEMPTS, ReplayKey
from tools.chaos.copies import Copies
from tools.chaos.findings import Findings
from tools.chaos.flows import method_of, read_path, sent_again
from tools.chaos.hooked import Hooked
from tools.chaos.replays import OUTCOMES, STATES, Batch, Replay

Vector = tuple[int, int, int, int, int, int]
"""How many replays were accepted, succeeded, failed, were killed, cleared, interrupted."""

STEERS = (
    event_pb2.UPDATE_KIND_PAUSED,
    event_pb2.UPDATE_KIND_RESUMED,
    event_pb2.UPDATE_KIND_MOVED,
)
"""Kinds of updates that steer a batch, where they name one."""

_CUT = (reason_pb2.REASON_INTERRUPTED, reason_pb2.REASON_POISON)


@dataclass
class Log:
    """The whole of it, as far as it was read."""

    findings: Findings
    batches: dict[str, Batch] = field(default_factory=dict)
    families: dict[str, list[Batch]] = field(default_factory=dict)
    """By label: the batch of a call, then those that send of it again."""
    vector: Vector = (0, 0, 0, 0, 0, 0)
    until: dict[Vector, int] = field(default_factory=dict)
    """The last sequence at which each former vector still held."""
    changes: list[bool] = field(default_factory=list)
    """Pauses (True) and resumptions, in their order."""
    steers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each batch was paused, resumed and moved."""
    crashes: list[int] = field(default_factory=list)
    """How many replays each crash had queued again."""
    copies: int = 0
    """Replays that send others again."""
    runs: int = 0
    """Replays of runs after the first."""
    checksums: "array[int]" = field(default_factory=lambda: array("I"))
    kinds: "array[int]" = field(default_factory=lambda: array("B"))
    _requeued_at: int = -1

    def __post_init__(self) -> None:
        self._sends_again = Copies(self.findings)
        self.hooked = Hooked(self.findings)

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

    def settle(self) -> None:
        """Compares what only shows at the end, once all of the log was read."""
        self._sends_again.settle()

    def forget(self) -> None:
        """Forgets the families of batches of which every replay has its outcome."""
        for batches in self.families.values():
            live = [batch for batch in batches if not batch.over]
            if all(replay.outcome for batch in live for replay in batch.replays.values()):
                for batch in live:
                    batch.forget()
        self.until.clear()

    def replays(self) -> Iterator[Replay]:
        """Yields every replay that is not forgotten."""
        for batch in self.batches.values():
            if not batch.over:
                yield from batch.replays.values()

    def named(self, replay_id: str) -> Replay | None:
        """Returns a replay by its id, if it is not forgotten."""
        key = ReplayKey.parse(replay_id)
        batch = self.batches.get(key.batch_id)
        return batch.replays.get(key.slot) if batch else None

    def of_flow(self, label: str, flow_index: int) -> list[Replay]:
        """Returns all replays of a flow that are not forgotten."""
        batches = (batch for batch in self.families.get(label, ()) if not batch.over)
        return [replay for batch in batches for replay in batch.of_flow(flow_index)]

    def _response(self, event: event_pb2.Event) -> None:
        response = event.response
        replay = self._of(event, response)
        if replay is not None:
            messages = [each.content for each in response.websocket.messages[:1]]
            content = messages[0] if messages else response.content
            replay.answer = (response.head.status_code, content)
            self.hooked.answered(replay, event)
            self._ended(replay, "succeeded", event.attempt)

    def _error(self, event: event_pb2.Event) -> None:
        error = event.error
        replay = self._of(event, error)
        if error.reason == reason_pb2.REASON_INTERNAL:
            self.findings.add("daemon", f"{event.replay_id} FAILED: {error.message}")
        if replay is not None:
            replay.cut = error.reason in _CUT
            self.hooked.failed(replay, event)
            self._ended(replay, OUTCOMES[error.state], event.attempt)

    def _note(self, event: event_pb2.Event) -> None:
        replay = self.named(event.replay_id) if event.replay_id else None
        if replay is not None:
            replay.retried += event.log.reason == reason_pb2.REASON_RETRIED
            self.hooked.note(replay, event.log.reason)
        elif event.log.level == event_pb2.LOG_LEVEL_ERROR:
            self.findings.add("daemon", f"event {event.sequence}: {event.log.message[-300:]}")

    def _update(self, event: event_pb2.Event) -> None:
        update = event.update
        kind = update.kind
        if kind in STEERS and event.batch_id:
            self._steered(event)
        elif kind in (event_pb2.UPDATE_KIND_PAUSED, event_pb2.UPDATE_KIND_RESUMED):
            self.changes.append(kind == event_pb2.UPDATE_KIND_PAUSED)
        elif kind == event_pb2.UPDATE_KIND_QUEUED:
            self._queued(event)
        elif kind == event_pb2.UPDATE_KIND_CLEARED:
            found = [each for each in self._ranges(update) if not each.outcome]
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
        update = event.update
        batch_id, label, resends = event.batch_id, update.label, update.resends_batch_id
        batch = self.batches.get(batch_id)
        if batch is None:
            batch = Batch(batch_id, label, event.sequence, resends)
            if label in self.families and not resends:
                self.findings.add("requests", f"{label} was queued twice, as {batch_id} too")
            self.batches[batch_id] = batch
            self.families.setdefault(label, []).append(batch)
        before = batch.count
        if resends:
            self._sends_again.fill(batch, self.batches.get(resends), update)
        else:
            for each in update.ranges:
                for index in range(each.first_index, each.last_index + 1):
                    batch.add(ReplayKey(batch_id, each.repeat, index))
        if batch.count - before != update.replay_count or batch.over:
            self.findings.add("outcomes", f"event {event.sequence} queues some replays again")
        self.copies += update.replay_count if resends else 0
        runs = (each for each in update.ranges if each.repeat and not resends)
        self.runs += sum(each.last_index - each.first_index + 1 for each in runs)
        self._count("accepted", update.replay_count)

    def _steered(self, event: event_pb2.Event) -> None:
        kind = event.update.kind
        self.steers[event.batch_id, kind] += 1
        batch = self.batches.get(event.batch_id)
        if batch is None:
            return
        batch.steered = True
        if kind == event_pb2.UPDATE_KIND_MOVED:
            batch.priority = event.update.priority
        else:
            batch.paused = kind == event_pb2.UPDATE_KIND_PAUSED

    def _requeued(self, event: event_pb2.Event) -> None:
        found = list(self._ranges(event.update))
        if self._requeued_at != event.sequence - 1:
            self.crashes.append(0)
        self._requeued_at = event.sequence
        self.crashes[-1] += len(found)
        for replay in found:
            replay.requeued += 1
            if replay.outcome:
                self.findings.add("outcomes", f"{replay} was queued again by {event.sequence}")

    def _resolved(self, event: event_pb2.Event) -> None:
        resent_as = event.update.resent_batch_id
        for replay in self._ranges(event.update):
            if replay.outcome != "interrupted" or replay.resolved:
                self.findings.add("outcomes", f"{replay} is resolved by event {event.sequence}")
            replay.resolved = True
            if resent_as:
                self._sends_again.resolved(replay, resent_as)

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

    def _of(
        self, event: event_pb2.Event, told: event_pb2.ResponseEvent | event_pb2.ErrorEvent
    ) -> Replay | None:
        """Finds the replay that an event ends, and compares what it says of it."""
        replay = self.named(event.replay_id)
        if replay is None:
            self.findings.add("outcomes", f"event {event.sequence} ends {event.replay_id}, unknown")
            return None
        asked = read_path(urlsplit(told.url.decode()).path)
        if (asked.tag, asked.flow_index, told.flow_index, event.batch_id) != (
            replay.batch.label,
            replay.key.flow_index,
            replay.key.flow_index,
            replay.key.batch_id,
        ):
            self.findings.add("answers", f"{replay} is told to be of {told.url!r}")
        replay.method = method_of(asked, told.method)
        resends = replay.batch.resends
        original = replay.key._replace(batch_id=resends).replay_id if resends else ""
        if told.resends_replay_id != original:
            said = f"{replay} says that it sends {told.resends_replay_id!r} again, not {original!r}"
            self.findings.add("copies", said)
        return replay

    def _ranges(self, update: event_pb2.UpdateEvent) -> Iterator[Replay]:
        for each in update.ranges:
            batch = self.batches.get(each.batch_id)
            if batch is not None:
                yield from batch.between(each)

    def _count(self, state: str, count: int) -> None:
        self.until[self.vector] = self.latest - 1
        counts = list(self.vector)
        counts[STATES.index(state)] += count
        self.vector = (counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])
