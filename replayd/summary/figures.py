"""The figures of a batch, gathered from the events that ended its replays."""

from collections import Counter

from flowreplay.v1.comparison_pb2 import ComparisonResult
from flowreplay.v1.event_pb2 import Event, ReplayState, Timings
from flowreplay.v1.reason_pb2 import Reason
from google.protobuf.duration_pb2 import Duration

from replayd.model.replay import Counts
from replayd.summary.histogram import Histogram

_NANOSECONDS = 10**9


class Figures:
    """What became of the replays of one batch."""

    def __init__(self, counts: Counts) -> None:
        """`counts`: the journal's, which knows those without an event of their own, too."""
        self.counts = counts
        self.seen = 0
        """Events that were there to be looked at."""
        self.statuses: Counter[int] = Counter()
        self.first_of_status: dict[int, str] = {}
        """The first replay, by its id, that a status came for."""
        self.changed = 0
        """Responses with another status than the recorded one."""
        self.recorded = 0
        """Responses beside which one was recorded."""
        self.first_changed = ""
        self.results: Counter[ComparisonResult.ValueType] = Counter()
        """What comparisons with recorded responses came to."""
        self.first_different = ""
        self.first_undecided = ""
        self.reasons: Counter[Reason.ValueType] = Counter()
        self.first_of_reason: dict[Reason.ValueType, Event] = {}
        self.first_error = ""
        self.latency = Histogram()
        """From the taking off the queue to the end of the response."""
        self.first_byte = Histogram()
        """To its first byte."""
        self.lag = Histogram()
        """How long after they were due replays were taken; of those that had a time."""
        self.hooked = 0
        """Responses that a hook gave in the server's place."""
        self.content_bytes = 0
        """Of responses, without framing."""
        self.dialled = 0
        """Replays whose connection was a new one."""
        self.reused = 0
        self.start = 0
        """The first one's, in nanoseconds since the epoch; 0: there is none."""
        self.end = 0

    def add(self, event: Event) -> None:
        """Takes note of a `response` or `error` event."""
        self.seen += 1
        end = event.error if event.HasField("error") else event.response
        self._note_times(end.timings)
        if end.timings.HasField("lag_duration"):
            self.lag.add(_microseconds(end.timings.lag_duration))
        if end.connection.address:
            self.reused += end.connection.reused
            self.dialled += not end.connection.reused
        self.content_bytes += end.content_size_bytes
        if event.HasField("error"):
            self.reasons[event.error.reason] += 1
            self.first_of_reason.setdefault(event.error.reason, event)
            self.first_error = self.first_error or event.replay_id
            return
        status = event.response.head.status_code
        self.statuses[status] += 1
        self.hooked += bool(event.response.answering_hook)
        self.first_of_status.setdefault(status, event.replay_id)
        self.recorded += bool(event.response.recorded_status_code)
        if event.response.recorded_status_code not in (0, status):
            self.changed += 1
            self.first_changed = self.first_changed or event.replay_id
        if event.response.HasField("comparison"):
            self._note_comparison(event)
        self.latency.add(_microseconds(end.timings.total_duration))
        if end.timings.HasField("first_byte_duration"):
            self.first_byte.add(_microseconds(end.timings.first_byte_duration))

    def _note_comparison(self, event: Event) -> None:
        result = event.response.comparison.result
        self.results[result] += 1
        if result == ComparisonResult.COMPARISON_RESULT_DIFFERENT:
            self.first_different = self.first_different or event.replay_id
        elif result == ComparisonResult.COMPARISON_RESULT_UNDECIDED:
            self.first_undecided = self.first_undecided or event.replay_id

    @property
    def different(self) -> int:
        """Responses that differ from the recorded one."""
        return self.results[ComparisonResult.COMPARISON_RESULT_DIFFERENT]

    @property
    def undecided(self) -> int:
        """Responses whose comparison with the recorded one could not be made."""
        return self.results[ComparisonResult.COMPARISON_RESULT_UNDECIDED]

    @property
    def compared(self) -> int:
        """Responses that are equal to the recorded one, or differ from it."""
        return self.results.total() - self.undecided

    def _note_times(self, timings: Timings) -> None:
        start = timings.start_time.ToNanoseconds()
        end = start + timings.total_duration.ToNanoseconds()
        self.start = min(self.start or start, start)
        self.end = max(self.end, end)

    @property
    def ended(self) -> int:
        """How many replays have an outcome."""
        return self.counts.succeeded + self.failed

    @property
    def failed(self) -> int:
        """How many ended in another way than with a response."""
        counts = self.counts
        return counts.failed + counts.killed + counts.cleared + counts.interrupted

    @property
    def missing(self) -> int:
        """How many ended whose event is gone: compacted. Those cleared have none of their own."""
        return max(self.ended - self.counts.cleared - self.seen, 0)

    @property
    def seconds(self) -> float:
        """From the first one's start to the last one's end."""
        return (self.end - self.start) / _NANOSECONDS

    @property
    def rate(self) -> float:
        """How many ended a second."""
        return self.seen / self.seconds if self.end > self.start else 0.0

    @property
    def states(self) -> dict[ReplayState.ValueType, int]:
        """How many are in each state."""
        counts = self.counts
        return {
            ReplayState.REPLAY_STATE_QUEUED: counts.queued,
            ReplayState.REPLAY_STATE_RUNNING: counts.running,
            ReplayState.REPLAY_STATE_SUCCEEDED: counts.succeeded,
            ReplayState.REPLAY_STATE_FAILED: counts.failed,
            ReplayState.REPLAY_STATE_KILLED: counts.killed,
            ReplayState.REPLAY_STATE_CLEARED: counts.cleared,
            ReplayState.REPLAY_STATE_INTERRUPTED: counts.interrupted,
        }


def _microseconds(duration: Duration) -> int:
    return duration.ToMicroseconds()
