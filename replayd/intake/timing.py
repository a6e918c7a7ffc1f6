"""The options about time, checked: when replays are due, and which part of a capture is taken."""

import math

from flowreplay.v1 import replay_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from replayd.errors import FieldError
from replayd.model.flow import Flow

MAX_SPEED = 1_000_000
"""Times as fast as recorded, or replays a second."""

_SECOND = 1_000_000_000
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, as a Timestamp may say."""
_MOST_SECONDS = 315_576_000_000
"""As a Duration may say."""


def check_pace(pace: replay_pb2.Pace, field: str) -> None:
    """Raises ReplaydError INVALID_OPTIONS when no schedule can be made of it."""
    for name in ("recorded_speed", "rate"):
        value = getattr(pace, name)
        wanted = pace.WhichOneof("schedule") == name
        if wanted and not (math.isfinite(value) and 1 / MAX_SPEED <= value <= MAX_SPEED):
            raise FieldError(f"{field}.{name}", f"has to be from {1 / MAX_SPEED:f} to {MAX_SPEED}")
    if pace.HasField("max_gap_duration"):
        if not pace.recorded_speed:
            raise FieldError(f"{field}.max_gap_duration", "has a meaning only with recorded_speed")
        _nanoseconds(pace.max_gap_duration, f"{field}.max_gap_duration")


class Window:
    """Which flows of a capture are taken, by when their requests began."""

    def __init__(self, options: replay_pb2.EnqueueOptions) -> None:
        """Raises ReplaydError INVALID_OPTIONS."""
        self._start, self._start_offset = _bound(options, "start")
        self._end, self._end_offset = _bound(options, "end")
        _check_order(self._start, self._end, "time")
        _check_order(self._start_offset, self._end_offset, "duration")
        self._before = self._start is None and not self._start_offset
        """Whether the last flow was taken; those before the first one that has a time are
        where nothing is left out at the start."""

    @property
    def open(self) -> bool:
        """Whether all flows are taken."""
        bounds = (self._start, self._start_offset, self._end, self._end_offset)
        return all(bound is None for bound in bounds)

    def takes(self, flow: Flow) -> bool:
        """Whether a flow is taken, in the order of the capture."""
        moment = flow.request.start_time if flow.request else None
        if moment is None:
            return self._before
        captured = round(moment * 1_000_000) * 1000
        if self._start_offset is not None:
            self._start, self._start_offset = captured + self._start_offset, None
        if self._end_offset is not None:
            self._end, self._end_offset = captured + self._end_offset, None
        late = self._start is None or captured >= self._start
        self._before = late and (self._end is None or captured < self._end)
        return self._before


def _bound(options: replay_pb2.EnqueueOptions, which: str) -> tuple[int | None, int | None]:
    """Returns a time, or one that is counted from the first flow."""
    time, offset = f"window_{which}_time", f"window_{which}_duration"
    has_time, has_offset = options.HasField(time), options.HasField(offset)  # type: ignore[arg-type]
    if has_time and has_offset:
        raise FieldError(f"options.{offset}", f"contradicts {time}: give one of them")
    return (
        _nanoseconds(getattr(options, time), f"options.{time}") if has_time else None,
        _nanoseconds(getattr(options, offset), f"options.{offset}") if has_offset else None,
    )


def _check_order(start: int | None, end: int | None, kind: str) -> None:
    if start is not None and end is not None and start >= end:
        raise FieldError(
            f"options.window_end_{kind}", f"is not after window_start_{kind}: no flow is between"
        )


def _nanoseconds(value: Timestamp | Duration, field: str) -> int:
    first, last = (
        (_FIRST_SECOND, _LAST_SECOND) if isinstance(value, Timestamp) else (0, _MOST_SECONDS)
    )
    if not (first <= value.seconds <= last and 0 <= value.nanos < _SECOND):
        raise FieldError(field, f"is no {value.DESCRIPTOR.name} that has a meaning here")
    return value.seconds * _SECOND + value.nanos
