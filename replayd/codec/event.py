"""Events: encoded once, when they happen, as `flowreplay.v1.Event`.

The journal knows an event's sequence only when it commits; it puts the field in front of
the encoded rest with `with_sequence`. Times are nanoseconds since the epoch.

What they hold of requests and answers is redacted here, or was before: nothing of the log
shows a secret. What an outcome's event does not show goes beside it (`withheld`).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from flowreplay.v1 import event_pb2, plan_pb2, reason_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from replayd.codec.fields import add_headers
from replayd.codec.parts import encode_connection, encode_head, live_value, websocket_result
from replayd.codec.wire_format import bytes_tag, int_tag, varint, varint_at
from replayd.codec.withheld import hides_of_comparison, withheld_of
from replayd.model.event import PREVIEW_LIMIT, EventKind, LogLevel, PendingEvent, UpdateKind
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayKey, ReplayRange, ReplayState, Resolution
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED, Redactor

_SEQUENCE = int_tag(event_pb2.Event.SEQUENCE_FIELD_NUMBER)
_REQUEST = event_pb2.RequestEvent
_REQUEST_TAG = bytes_tag(event_pb2.Event.REQUEST_FIELD_NUMBER)
_PLAN = bytes_tag(_REQUEST.PLAN_FIELD_NUMBER)
_SECOND = 1_000_000_000


class _Tags(NamedTuple):
    """Of the event that ends a replay."""

    payload: bytes
    head: bytes
    connection: bytes


_RESPONSE_TAGS = _Tags(
    bytes_tag(event_pb2.Event.RESPONSE_FIELD_NUMBER),
    bytes_tag(event_pb2.ResponseEvent.HEAD_FIELD_NUMBER),
    bytes_tag(event_pb2.ResponseEvent.CONNECTION_FIELD_NUMBER),
)
_ERROR_TAGS = _Tags(
    bytes_tag(event_pb2.Event.ERROR_FIELD_NUMBER),
    bytes_tag(event_pb2.ErrorEvent.HEAD_FIELD_NUMBER),
    bytes_tag(event_pb2.ErrorEvent.CONNECTION_FIELD_NUMBER),
)


def with_sequence(sequence: int, body: bytes) -> bytes:
    """Gives an encoded event its place in the log."""
    if sequence <= 0x7F:
        return _SEQUENCE + varint(sequence) + body
    return _BEGINNINGS[sequence & 0x7F] + _rest(sequence >> 7) + body


_BEGINNINGS = tuple(_SEQUENCE + bytes((low | 0x80,)) for low in range(0x80))
"""Of encoded events with sequences above 127, by their lowest seven bits."""
_rest = lru_cache(maxsize=64)(varint)
"""The bits above, which 128 events in a row share."""
_length = lru_cache(maxsize=1024)(varint)
"""Of what stands in an event: flows of one capture have much alike."""


def sequence_of(event: bytes) -> int:
    """Reads the sequence of an event that `with_sequence` made."""
    return varint_at(event, 1)


def time_of(event: bytes) -> int:
    """Reads when an encoded event happened."""
    time = event_pb2.Event.FromString(event).record_time
    return time.seconds * _SECOND + time.nanos


def request_event(replay: Replay, plan: Plan, content: bytes, now: int) -> PendingEvent:
    """Encodes 'this is about to be sent'; `content` may be cut at PREVIEW_LIMIT. What may be
    shown of both was found out when the flow was taken in.

    What a WebSocket flow has in place of it is none, and not shown.
    """
    event = _replay_event(replay.key, replay.attempt, now)
    # The plan is encoded already; this way it is not decoded for it.
    planned = replay.shown_plan or replay.plan
    request = _PLAN + _length(len(planned)) + planned
    if plan.content_size:
        shown = replay.shown_content
        request += _REQUEST(
            content=content[:PREVIEW_LIMIT] if shown is None else shown,
            content_size_bytes=plan.content_size,
            content_truncated=plan.content_size > PREVIEW_LIMIT or shown == b"",
            content_redacted=shown is not None,
        ).SerializeToString()
    body = event.SerializeToString() + _REQUEST_TAG + _length(len(request)) + request
    return PendingEvent(EventKind.REQUEST, replay.key.batch_id, body)


def outcome_event(
    replay: Replay, plan: Plan, outcome: Outcome, now: int, redactor: Redactor = UNKEYED
) -> PendingEvent:
    """Encodes the terminal event of a replay: `response` when SUCCEEDED, else `error`."""
    shown = redactor.outcome(outcome)
    payload: event_pb2.ResponseEvent | event_pb2.ErrorEvent
    if outcome.state is ReplayState.SUCCEEDED:
        kind, tags, payload = EventKind.RESPONSE, _RESPONSE_TAGS, _response(plan, shown)
    else:
        kind, tags, payload = EventKind.ERROR, _ERROR_TAGS, _error(plan, shown)
    if shown.content_prefix is not outcome.content_prefix:
        payload.content_redacted = True
        payload.content_truncated = not shown.content_prefix or (
            len(outcome.content_prefix) < outcome.content_size
        )
    pieces = [payload.SerializeToString()]
    # Of these many replays have the same ones, or nearly: each is encoded once.
    if shown.head is not None:
        head = encode_head(shown.head)
        pieces += (tags.head, _length(len(head)), head)
    if shown.connection is not None:
        pieces += (tags.connection, encode_connection(shown.connection))
    event = _replay_event(replay.key, replay.attempt, now).SerializeToString()
    size = sum(map(len, pieces))
    body = b"".join((event, tags.payload, _length(size), *pieces))
    pending = PendingEvent(kind, replay.key.batch_id, body)
    if shown is outcome and not hides_of_comparison(outcome):
        return pending
    return pending._replace(withheld=withheld_of(outcome, shown))


def _response(plan: Plan, outcome: Outcome) -> event_pb2.ResponseEvent:
    response = event_pb2.ResponseEvent(
        flow_index=plan.flow_index,
        flow_id=plan.flow_id,
        url=plan.url,
        method=plan.method,
        recorded_status_code=plan.recorded_status_code,
    )
    _fill(response, plan, outcome)
    if outcome.early:
        response.early = True
    if outcome.lenient:
        response.lenient = True
    if outcome.trailers:
        add_headers(response.trailers, outcome.trailers)
    if outcome.live_values:
        response.live_values.extend(map(live_value, outcome.live_values))
    if outcome.hooked is not None:
        response.answering_hook = outcome.hooked.answering
        response.changing_hooks.extend(outcome.hooked.changing)
    if outcome.comparison is not None:
        response.comparison.ParseFromString(outcome.comparison.shown)
    return response


def _error(plan: Plan, outcome: Outcome) -> event_pb2.ErrorEvent:
    error = event_pb2.ErrorEvent(
        flow_index=plan.flow_index,
        flow_id=plan.flow_id,
        url=plan.url,
        method=plan.method,
        recorded_status_code=plan.recorded_status_code,
        state=event_pb2.ReplayState.ValueType(outcome.state.value),
        reason=reason_pb2.Reason.ValueType(outcome.reason.value),
        message=outcome.message,
    )
    _fill(error, plan, outcome)
    return error


def interrupted_event(
    key: ReplayKey, attempt: int, plan: bytes, state: ReplayState, now: int, *, poison: bool
) -> PendingEvent:
    """Encodes the `error` event of a replay that a death of the daemon ended. The plan is
    empty when the journal could not read it.
    """
    reason = Reason.POISON if poison else Reason.INTERRUPTED
    planned = plan_pb2.Plan.FromString(plan)
    event = _replay_event(key, attempt, now)
    event.error.flow_index = key.flow_index
    event.error.state = event_pb2.ReplayState.ValueType(state.value)
    event.error.reason = reason_pb2.Reason.ValueType(reason.value)
    event.error.message = (
        f"the daemon ended during {attempt} attempts of this replay, which may be why it ended"
        if poison
        else "the daemon ended while this replay was running; it may have been sent, and is not "
        "sent again by itself"
    )
    event.error.recorded_status_code = planned.recorded_status_code
    # One of before there was redaction has all of it.
    event.error.url = UNKEYED.url(planned.url)
    event.error.method = planned.method
    event.error.flow_id = planned.flow_id
    event.error.resends_replay_id = planned.resends_replay_id
    return _pending(EventKind.ERROR, event)


def log_event(
    level: LogLevel,
    message: str,
    now: int,
    *,
    reason: Reason = Reason.UNSPECIFIED,
    batch_id: str = "",
    key: ReplayKey | None = None,
    attempt: int = 0,
    flow_index: int | None = None,
    flow_id: str = "",
    redactor: Redactor = UNKEYED,
) -> PendingEvent:
    """Encodes a note about a replay, a batch's flow, or the daemon."""
    event = _replay_event(key, attempt, now) if key else event_pb2.Event(batch_id=batch_id)
    _set_nanoseconds(event.record_time, now)
    event.log.level = event_pb2.LogLevel.ValueType(level.value)
    event.log.message = redactor.text(message)
    event.log.reason = reason_pb2.Reason.ValueType(reason.value)
    event.log.flow_id = flow_id
    if flow_index is not None:
        event.log.flow_index = flow_index
    return _pending(EventKind.LOG, event)


def update_event(
    kind: UpdateKind,
    now: int,
    *,
    ranges: Sequence[ReplayRange] = (),
    count: int = 0,
    batch_id: str = "",
    label: str = "",
    resends: str = "",
    owner: str = "",
) -> PendingEvent:
    """Encodes a change of the queue; `resends`: the batch whose replays these send again."""
    event = event_pb2.Event(batch_id=batch_id)
    _set_nanoseconds(event.record_time, now)
    event.update.kind = event_pb2.UpdateKind.ValueType(kind.value)
    event.update.replay_count = count
    event.update.label = label
    event.update.resends_batch_id = resends
    event.update.owner = owner
    event.update.ranges.extend(range_messages(ranges))
    return _pending(EventKind.UPDATE, event)


def moved_event(batch_id: str, priority: int, now: int, *, front: bool) -> PendingEvent:
    """Encodes that a batch got another priority, or was put to the front."""
    event = event_pb2.Event(batch_id=batch_id)
    _set_nanoseconds(event.record_time, now)
    event.update.kind = event_pb2.UPDATE_KIND_MOVED
    event.update.priority = priority
    event.update.front = front
    return _pending(EventKind.UPDATE, event)


def resolved_event(
    ranges: Sequence[ReplayRange], resolution: Resolution, resent_as: str, now: int
) -> PendingEvent:
    """Encodes that parked replays, exactly these ranges of one batch, were resolved;
    `resent_as`: the batch of those that send them again.
    """
    event = event_pb2.Event(batch_id=ranges[0].batch_id)
    _set_nanoseconds(event.record_time, now)
    event.update.kind = event_pb2.UPDATE_KIND_RESOLVED
    event.update.replay_count = sum(each.last - each.first + 1 for each in ranges)
    event.update.resolution = event_pb2.Resolution.ValueType(resolution.value)
    event.update.resent_batch_id = resent_as
    event.update.ranges.extend(range_messages(ranges))
    return _pending(EventKind.UPDATE, event)


def range_messages(ranges: Sequence[ReplayRange]) -> list[event_pb2.ReplayRange]:
    """Converts ranges to messages."""
    return [
        event_pb2.ReplayRange(
            batch_id=each.batch_id,
            repeat=each.repeat,
            first_index=each.first,
            last_index=each.last,
        )
        for each in ranges
    ]


def _replay_event(key: ReplayKey, attempt: int, now: int) -> event_pb2.Event:
    event = event_pb2.Event(batch_id=key.batch_id, replay_id=key.replay_id, attempt=attempt)
    _set_nanoseconds(event.record_time, now)
    return event


def _pending(kind: EventKind, event: event_pb2.Event) -> PendingEvent:
    return PendingEvent(kind, event.batch_id, event.SerializeToString())


def _fill(
    message: event_pb2.ResponseEvent | event_pb2.ErrorEvent, plan: Plan, outcome: Outcome
) -> None:
    """Sets what `response` and `error` events share, but for plan, head and connection."""
    if outcome.content_size:
        message.content = content = outcome.content_prefix[:PREVIEW_LIMIT]
        message.content_size_bytes = outcome.content_size
        if len(content) < outcome.content_size:
            message.content_truncated = True
    if outcome.websocket is not None:
        message.websocket.CopyFrom(websocket_result(outcome.websocket))
    _fill_timings(message.timings, outcome.timings)
    if plan.resends_replay_id:
        message.resends_replay_id = plan.resends_replay_id


def _fill_timings(message: event_pb2.Timings, timings: Timings) -> None:
    _set_nanoseconds(message.start_time, timings.start)
    if timings.connected is not None:
        _set_nanoseconds(message.connected_duration, timings.connected)
    if timings.tls is not None:
        _set_nanoseconds(message.tls_duration, timings.tls)
    if timings.sent is not None:
        _set_nanoseconds(message.sent_duration, timings.sent)
    if timings.first_byte is not None:
        _set_nanoseconds(message.first_byte_duration, timings.first_byte)
    if timings.total is not None:
        _set_nanoseconds(message.total_duration, timings.total)
    if timings.lag is not None:
        message.lag_duration.FromNanoseconds(timings.lag)


def _set_nanoseconds(field: Timestamp | Duration, nanoseconds: int) -> None:
    """As `FromNanoseconds`, which takes several times as long for its checks."""
    if nanoseconds < _SECOND:
        field.nanos = nanoseconds
    else:
        field.seconds, field.nanos = divmod(nanoseconds, _SECOND)
