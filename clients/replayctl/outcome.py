"""What became of a batch: counted from its events and the daemon's count. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from flowreplay.v1.event_pb2 import UPDATE_KIND_CLEARED, Event
from flowreplay.v1.replay_pb2 import CountResponse

from replayctl.events import reason_name
from replayctl.printable import printable

FAIL_ON = ("error", "status")
"""What `--fail-on` may name: replays without a response; that, and statuses from 400 on."""

_SHOWN_REASONS = 5
"""Reasons of which the first failure is shown."""

_STATES = ("succeeded", "failed", "killed", "cleared", "interrupted")


class Outcome:
    """What became of the replays of one batch, while its events come in and at the end."""

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.first_errors: dict[str, Event] = {}
        """The first event of each reason."""
        self.states: dict[str, int] = {}
        """How many ended in which state; filled by `close`."""

    def add(self, event: Event) -> int:
        """Takes note of an event; returns how many replays it ended."""
        kind = event.WhichOneof("payload")
        if kind == "response":
            self.statuses[event.response.head.status_code] += 1
            return 1
        if kind == "error":
            reason = reason_name(event.error.reason)
            self.reasons[reason] += 1
            self.first_errors.setdefault(reason, event)
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
        # No response is no good status either, so "error" is part of "status".
        if any(count for state, count in self.states.items() if state != "succeeded"):
            return True
        return "status" in fail_on and any(status >= 400 for status in self.statuses)

    def values(self) -> dict[str, object]:
        """Returns the summary for programs."""
        return {
            "batchId": self.batch_id,
            "stateCounts": self.states,
            "statusCounts": {str(code): count for code, count in sorted(self.statuses.items())},
            "reasonCounts": dict(sorted(self.reasons.items())),
            "firstErrors": {
                reason: {"replayId": event.replay_id, "message": event.error.message}
                for reason, event in sorted(self.first_errors.items())
            },
        }

    def lines(self) -> Iterator[str]:
        """Yields the summary for people."""
        states = [f"{count} {state}" for state, count in self.states.items() if count]
        yield f"batch {printable(self.batch_id)}: {', '.join(states) or 'nothing to replay'}"
        if self.statuses:
            yield f"  statuses: {_counts(self.statuses)}"
        if self.reasons:
            yield f"  errors: {_counts(self.reasons)}"
            yield from self._error_lines()

    def _error_lines(self) -> Iterator[str]:
        for reason, event in sorted(self.first_errors.items())[:_SHOWN_REASONS]:
            yield f"    {reason}: {printable(event.replay_id)}: {printable(event.error.message)}"
        batch = printable(self.batch_id)
        yield f"  see `replayctl watch --batch {batch} --from start --kind error --until-idle`"


def _counts(counter: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{key} x{counter[key]}" for key in sorted(counter))  # type: ignore[index]
