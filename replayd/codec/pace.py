"""Paces: model <-> `flowreplay.v1.Pace`, and when a flow was captured."""

from flowreplay.v1 import flow_pb2, replay_pb2
from google.protobuf.message import DecodeError

from replayd.model.pace import AS_SOON_AS_POSSIBLE, Pace

_SECOND = 1_000_000_000


def pace_from(message: replay_pb2.Pace) -> Pace:
    """Converts a message that was checked."""
    gap = None
    if message.HasField("max_gap_duration"):
        gap = message.max_gap_duration.seconds * _SECOND + message.max_gap_duration.nanos
    return Pace(message.recorded_speed, message.rate, gap)


def pace_message(pace: Pace) -> replay_pb2.Pace:
    """Converts a pace."""
    message = replay_pb2.Pace()
    if pace.speed:
        message.recorded_speed = pace.speed
    if pace.rate:
        message.rate = pace.rate
    if pace.max_gap is not None:
        message.max_gap_duration.FromNanoseconds(pace.max_gap)
    return message


def pace_of(options: bytes) -> Pace:
    """Returns the pace that a batch's options (`Terms`) ask for."""
    if not options:
        return AS_SOON_AS_POSSIBLE
    return pace_from(replay_pb2.EnqueueOptions.FromString(options).pace)


def repeats_of(options: bytes) -> int:
    """Returns how often a batch with these options (`Terms`) runs."""
    if not options:
        return 1
    return replay_pb2.EnqueueOptions.FromString(options).repeat_count or 1


def without_repeats(options: bytes) -> bytes:
    """Returns options of a batch (`Terms`) that runs once."""
    if repeats_of(options) == 1:
        return options
    kept = replay_pb2.EnqueueOptions.FromString(options)
    kept.ClearField("repeat_count")
    return kept.SerializeToString()


def captured_at(flow: bytes) -> int | None:
    """Returns when the request of an encoded flow began, in nanoseconds since the epoch; None:
    the capture does not tell, or the flow is damaged.
    """
    try:
        request = flow_pb2.Flow.FromString(flow).request
    except DecodeError:
        return None
    if not request.HasField("start_time"):
        return None
    return request.start_time.seconds * _SECOND + request.start_time.nanos
