"""Replays and batches, as the log tells of them."""

from collections.abc import Iterator

from flowreplay.v1 import event_pb2

from replayd.model.replay import ReplayKey

STATES = ("accepted", "succeeded", "failed", "killed", "cleared", "interrupted")
"""What is counted; all but the first are outcomes."""

OUTCOMES = {
    event_pb2.REPLAY_STATE_SUCCEEDED: "succeeded",
    event_pb2.REPLAY_STATE_FAILED: "failed",
    event_pb2.REPLAY_STATE_KILLED: "killed",
    event_pb2.REPLAY_STATE_CLEARED: "cleared",
    event_pb2.REPLAY_STATE_INTERRUPTED: "interrupted",
}

_TO_SEND_AGAIN = ("failed", "interrupted")
"""Outcomes that somebody may come back to, long after their batch has ended."""


class Replay:
    """What the log says of one replay."""

    __slots__ = (
        "answer",
        "batch",
        "cut",
        "key",
        "method",
        "outcome",
        "requeued",
        "resolved",
        "retried",
        "unsent",
    )

    def __init__(self, batch: "Batch", key: ReplayKey) -> None:
        self.batch = batch
        self.key = key
        self.outcome = ""
        self.cut = False
        """Whether it ended because its last attempt was interrupted."""
        self.method = b""
        self.requeued = 0
        self.resolved = False
        self.retried = 0
        self.unsent = False
        """Whether a hook ended it before its last attempt was sent."""
        self.answer = (0, b"")
        """Status and content of the response."""

    @property
    def answered_as(self) -> int:
        """The line of the target's book that its answer names; -1: none."""
        content = self.answer[1]
        return int(content) if content.isdigit() else -1

    def __str__(self) -> str:
        return f"{self.key.replay_id} ({self.batch.label}, {self.outcome or 'open'})"


class Batch:
    """A batch of the log."""

    __slots__ = (
        "batch_id",
        "count",
        "label",
        "over",
        "paused",
        "position",
        "priority",
        "replays",
        "resends",
        "runs",
        "steered",
    )

    def __init__(self, batch_id: str, label: str, position: int, resends: str = "") -> None:
        self.batch_id = batch_id
        self.label = label
        """The call that brought its flows."""
        self.position = position
        """The event that queued it first."""
        self.resends = resends
        """The batch whose replays it sends again; empty: none's."""
        self.count = 0
        """How many replays it has; of one that is over not all are kept."""
        self.runs = 1
        self.paused = False
        self.priority = 0
        self.steered = False
        """Whether it may overtake others, or be overtaken: it was paused, or moved."""
        self.over = False
        """Whether each has its outcome, and all books were compared."""
        self.replays: dict[int, Replay] = {}
        """By slot."""

    def add(self, key: ReplayKey) -> None:
        """Adds a replay, unless it is there."""
        if key.slot not in self.replays:
            self.replays[key.slot] = Replay(self, key)
            self.count += 1
            self.runs = max(self.runs, key.repeat + 1)

    def of_flow(self, flow_index: int) -> Iterator[Replay]:
        """Yields the replays of a flow, one a run."""
        for repeat in range(self.runs):
            replay = self.replays.get(ReplayKey(self.batch_id, repeat, flow_index).slot)
            if replay is not None:
                yield replay

    def between(self, each: event_pb2.ReplayRange) -> Iterator[Replay]:
        """Yields its replays in a range. There may be far fewer than it has indices."""
        first, last = (
            ReplayKey(self.batch_id, each.repeat, index).slot
            for index in (each.first_index, each.last_index)
        )
        if last - first < len(self.replays):
            yield from filter(None, map(self.replays.get, range(first, last + 1)))
        else:
            yield from (
                self.replays[slot] for slot in sorted(self.replays) if first <= slot <= last
            )

    def forget(self) -> None:
        """Forgets what nobody will come back to."""
        self.over = True
        self.replays = {
            slot: replay
            for slot, replay in self.replays.items()
            if replay.outcome in _TO_SEND_AGAIN
        }
