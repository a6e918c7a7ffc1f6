"""Events that end replays, for tests."""

from flowreplay.v1 import event_pb2
from flowreplay.v1.reason_pb2 import REASON_CONNECT_FAILED, Reason

START = 1_700_000_000 * 10**9


def response(
    index: int,
    status: int = 200,
    *,
    milliseconds: int = 10,
    recorded: int = 0,
    reused: bool = False,
    lag: int | None = None,
) -> event_pb2.Event:
    """A response that took some milliseconds, each replay begun one after the other."""
    event = event_pb2.Event(sequence=index + 1, replay_id=f"b.{index}")
    told = event.response
    told.head.status_code = status
    told.recorded_status_code = recorded
    told.content_size_bytes = 100
    told.connection.address = "127.0.0.1:80"
    told.connection.reused = reused
    _fill(told.timings, index, milliseconds)
    if lag is not None:
        told.timings.lag_duration.FromMilliseconds(lag)
    told.timings.first_byte_duration.FromMilliseconds(milliseconds // 2)
    return event


def failure(
    index: int, reason: Reason.ValueType = REASON_CONNECT_FAILED, *, milliseconds: int = 10
) -> event_pb2.Event:
    """A replay that got no response."""
    event = event_pb2.Event(sequence=index + 1, replay_id=f"b.{index}")
    event.error.reason = reason
    event.error.message = f"no {index}"
    _fill(event.error.timings, index, milliseconds)
    return event


def _fill(timings: event_pb2.Timings, index: int, milliseconds: int) -> None:
    timings.start_time.FromNanoseconds(START + index * 10**9)
    timings.total_duration.FromMilliseconds(milliseconds)
