"""What became of a batch: counted from its events and the daemon's count. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from flowreplay.v1.event_pb2 import UPDATE_KIND_CLEARED, Event
from flowreplay.v1.replay_pb2 import CountResponse

from replayctl.events import reason_name
from replayctl.printable import printable

FAIL_ON = ("error", "status")
"""What `--fail-on` may name: replays without a response, response statuses from 400 on."""

_STATES = ("succeeded", "failed", "killed", "cleared", "interrupted")


class Outcome:
    """What became of the replays of one batch, while its events come in and at the end."""

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.states: dict[str, int] = {}
        """How many ended in which state; filled by `close`."""

    def add(self, event: Event) -> int:
        """Takes note of an event; returns how many replays it ended."""
        kind = event.WhichOneof("payload")
        if kind == "response":
            self.statuses[event.response.head.status_code] += 1
            return 1
        if kind == "error":
            self.reasons[reason_name(event.error.reason)] += 1
            return 1
        if kind == "update" and event.update.kind == UPDATE_KIND_CLEARED:
            own = [part for part in event.update.ranges if part.batch_id == self.batch_id]
            return sum(part.last_index - part.first_index + 1 for part in own)
        return 0

    def close(self, counts: CountResponse) -> None:
        """Takes the daemon's last count, which knows more than a cut list of ranges."""
        self.states = {state: getattr(counts, f"{state}_count") for state in _STATES}

    def failed(self, fail_on: Iterable[str]) -> bool:
        """Tells whether replays failed by what `fail_on` names."""
        failures = {
            "error": any(count for state, count in self.states.items() if state != "succeeded"),
            "status": any(status >= 400 for status in self.statuses),
        }
        return any(failures[name] for name in fail_on)

    def values(self) -> dict[str, object]:
        """Returns the summary for programs."""
        return {
            "batchId": self.batch_id,
            "stateCounts": self.states,
            "statusCounts": {str(code): count for code, count in sorted(self.statuses.items())},
            "reasonCounts": dict(sorted(self.reasons.items())),
        }

    def lines(self) -> Iterator[str]:
        """Yields the summary for people."""
        states = [f"{count} {state}" for state, count in self.states.items() if count]
        yield f"batch {printable(self.batch_id)}: {', '.join(states) or 'nothing to replay'}"
        if self.statuses:
            yield f"  statuses: {_counts(self.statuses)}"
        if self.reasons:
            yield f"  errors: {_counts(self.reasons)}"


def _counts(counter: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{key} x{counter[key]}" for key in sorted(counter))  # type: ignore[index]
