"""Outcomes out of the events that ended replays: the way back of `event.outcome_event`."""

from flowreplay.v1 import event_pb2
from google.protobuf.duration_pb2 import Duration

from replayd.codec.fields import headers_from
from replayd.codec.websocket import websocket_message_from
from replayd.codec.withheld import put_back
from replayd.model.outcome import (
    ConnectionInfo,
    LiveValue,
    Outcome,
    ResponseHead,
    Timings,
    WebSocketResult,
)
from replayd.model.replay import ReplayState
from replayd.reasons import Reason


def decode_outcome(encoded: bytes, withheld: bytes = b"") -> Outcome:
    """Decodes a `response` or `error` event, with what was withheld from it; raises ValueError
    for any other.
    """
    event = event_pb2.Event.FromString(encoded)
    put_back(event, withheld)
    kind = event.WhichOneof("payload")
    recorded = event.record_time.ToNanoseconds()
    if kind == "response":
        outcome = _outcome(event.response, ReplayState.SUCCEEDED, recorded)
        outcome.trailers = headers_from(event.response.trailers)
        outcome.early = event.response.early
        outcome.lenient = event.response.lenient
        outcome.live_values = tuple(map(_live_value, event.response.live_values))
        return outcome
    if kind == "error":
        outcome = _outcome(event.error, ReplayState(event.error.state), recorded)
        outcome.reason = Reason(event.error.reason)
        outcome.message = event.error.message
        return outcome
    raise ValueError(f"an event of kind {kind} ends no replay")


def _outcome(
    message: event_pb2.ResponseEvent | event_pb2.ErrorEvent, state: ReplayState, recorded: int
) -> Outcome:
    return Outcome(
        state,
        _timings(message.timings, recorded),
        head=_head(message.head) if message.HasField("head") else None,
        content_prefix=message.content,
        content_size=message.content_size_bytes,
        connection=_connection(message.connection) if message.HasField("connection") else None,
        websocket=_websocket(message.websocket) if message.HasField("websocket") else None,
    )


def _head(message: event_pb2.ResponseHead) -> ResponseHead:
    return ResponseHead(
        http_version=message.http_version,
        status_code=message.status_code,
        reason_phrase=message.reason_phrase,
        headers=headers_from(message.headers),
        interim_status_codes=tuple(message.interim_status_codes),
    )


def _connection(message: event_pb2.Connection) -> ConnectionInfo:
    return ConnectionInfo(
        address=message.address,
        local_address=message.local_address,
        reused=message.reused,
        proxied=message.proxied,
        tls_version=message.tls_version,
        tls_cipher=message.tls_cipher,
        server_name=message.server_name,
        alpn=message.alpn,
    )


def _live_value(message: event_pb2.LiveValue) -> LiveValue:
    return LiveValue(message.source, message.recorded_value, message.value)


def _websocket(message: event_pb2.WebSocketResult) -> WebSocketResult:
    return WebSocketResult(
        sent_count=message.sent_count,
        received_count=message.received_count,
        messages=tuple(map(websocket_message_from, message.messages)),
        messages_truncated=message.messages_truncated,
        client_closed=message.client_closed,
        close_code=message.close_code,
        close_reason=message.close_reason,
        recorded_received_count=(
            message.recorded_received_count if message.HasField("recorded_received_count") else None
        ),
    )


def _timings(message: event_pb2.Timings, recorded: int) -> Timings:
    def phase(name: str) -> int | None:
        if not message.HasField(name):  # type: ignore[arg-type]
            return None
        duration: Duration = getattr(message, name)
        return duration.ToNanoseconds()

    return Timings(
        # The times of a replay that a death of the daemon ended died with it.
        start=message.start_time.ToNanoseconds() or recorded,
        connected=phase("connected_duration"),
        tls=phase("tls_duration"),
        sent=phase("sent_duration"),
        first_byte=phase("first_byte_duration"),
        total=phase("total_duration"),
    )
