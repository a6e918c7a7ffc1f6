"""What a watcher that sees every event makes of them: the log's own books. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from flowreplay.v1 import event_pb2

_KEPT_BATCHES = 1000
"""Batches whose endings are known one by one; older ones are counted only."""


@dataclass(slots=True)
class _Batch:
    """How the replays of one batch ended."""

    ended: set[str] = field(default_factory=set)
    cleared: list[tuple[int, int]] = field(default_factory=list)

    def has(self, index: str) -> bool:
        """Tells whether a replay ended already."""
        return index in self.ended or any(low <= int(index) <= high for low, high in self.cleared)


@dataclass(slots=True)
class Books:
    """Follows events; `findings` is what may not be."""

    latest: int = 0
    """The last sequence that was seen."""
    queued: int = 0
    responses: int = 0
    errors: int = 0
    cleared: int = 0
    findings: list[str] = field(default_factory=list)
    _batches: "OrderedDict[str, _Batch]" = field(default_factory=OrderedDict)

    @property
    def ended(self) -> int:
        """How many replays ended, in any way."""
        return self.responses + self.errors + self.cleared

    def follow(self, events: Iterable[event_pb2.Event]) -> None:
        """Takes the next events of the log."""
        for event in events:
            if event.sequence != self.latest + 1:
                self.findings.append(f"event {event.sequence} came after {self.latest}")
            self.latest = event.sequence
            self._enter(event)

    def _enter(self, event: event_pb2.Event) -> None:
        kind = event.WhichOneof("payload")
        if kind == "response":
            self.responses += 1
            self._end(event)
        elif kind == "error":
            self.errors += 1
            self._end(event)
        elif event.update.kind == event_pb2.UPDATE_KIND_QUEUED:
            self.queued += event.update.replay_count
        elif event.update.kind == event_pb2.UPDATE_KIND_CLEARED:
            self.cleared += event.update.replay_count
            for each in event.update.ranges:
                self._batch(each.batch_id).cleared.append((each.first_index, each.last_index))

    def _end(self, event: event_pb2.Event) -> None:
        batch, index = self._batch(event.batch_id), event.replay_id.split(".")[1]
        if batch.has(index):
            self.findings.append(f"replay {event.replay_id} ended again with {event.sequence}")
        batch.ended.add(index)

    def _batch(self, batch_id: str) -> _Batch:
        batch = self._batches.setdefault(batch_id, _Batch())
        if len(self._batches) > _KEPT_BATCHES:
            self._batches.popitem(last=False)
        return batch
