"""What the events of outcomes do not show: kept beside the replay, put back for who may see it.

Encoded as a `flowreplay.v1.Event` with those fields alone, each of them whole. Pure.
"""

from flowreplay.v1 import event_pb2

from replayd.codec.fields import add_headers
from replayd.codec.parts import encode_head, live_value, websocket_result
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import Outcome
from replayd.model.replay import ReplayState


def withheld_of(outcome: Outcome, shown: Outcome) -> bytes:
    """Encodes what is not shown of an outcome; empty when the journal has it elsewhere."""
    event = event_pb2.Event()
    if outcome.state is ReplayState.SUCCEEDED:
        payload: event_pb2.ResponseEvent | event_pb2.ErrorEvent = event.response
        if shown.trailers != outcome.trailers:
            add_headers(event.response.trailers, outcome.trailers)
        if outcome.live_values:
            # Always: what a restart has to learn again is known by it.
            event.response.live_values.extend(map(live_value, outcome.live_values))
        if outcome.comparison is not None and hides_of_comparison(outcome):
            event.response.comparison.ParseFromString(outcome.comparison.whole)
    else:
        payload = event.error
        if shown.message != outcome.message:
            event.error.message = outcome.message
        if shown.content_prefix is not outcome.content_prefix:
            # The content of some is not kept: this is all that there is of it.
            payload.content = outcome.content_prefix[:PREVIEW_LIMIT]
    if outcome.head is not None and shown.head != outcome.head:
        payload.head.MergeFromString(encode_head(outcome.head))
    if outcome.websocket is not None and shown.websocket != outcome.websocket:
        payload.websocket.CopyFrom(websocket_result(outcome.websocket))
    return event.SerializeToString() if payload.ByteSize() else b""


def hides_of_comparison(outcome: Outcome) -> bool:
    """Tells whether a response's comparison has secrets."""
    told = outcome.comparison
    return told is not None and told.shown is not told.whole and told.shown != told.whole


def put_back(event: event_pb2.Event, withheld: bytes) -> None:
    """Gives an event what was withheld from it. What its content was redacted of the caller
    reads from the journal, unless that has come back here.
    """
    if not withheld:
        return
    kept = event_pb2.Event.FromString(withheld)
    if kept.HasField("response"):
        _put_back(event.response, kept.response)
    else:
        _put_back(event.error, kept.error)
        if kept.error.content:
            event.error.content_redacted = False
            event.error.content_truncated = len(kept.error.content) < event.error.content_size_bytes


def _put_back(
    shown: event_pb2.ResponseEvent | event_pb2.ErrorEvent,
    kept: event_pb2.ResponseEvent | event_pb2.ErrorEvent,
) -> None:
    for field, _ in kept.ListFields():
        shown.ClearField(field.name)  # type: ignore[arg-type]
    shown.MergeFrom(kept)  # type: ignore[arg-type]
