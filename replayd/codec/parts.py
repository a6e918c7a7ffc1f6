"""Parts of outcomes as messages: what events have, and what is withheld from them. Pure."""

from flowreplay.v1 import event_pb2

from replayd.codec.fields import add_headers
from replayd.codec.websocket import websocket_message
from replayd.model.outcome import LiveValue, ResponseHead, WebSocketResult


def fill_head(message: event_pb2.ResponseHead, head: ResponseHead) -> None:
    """Sets a message to a response's head."""
    message.http_version = head.http_version
    message.status_code = head.status_code
    message.reason_phrase = head.reason_phrase
    add_headers(message.headers, head.headers)
    if head.interim_status_codes:
        message.interim_status_codes.extend(head.interim_status_codes)


def live_value(value: LiveValue) -> event_pb2.LiveValue:
    """Converts a value that an answer gave."""
    return event_pb2.LiveValue(
        source=value.source, recorded_value=value.recorded, value=value.value
    )


def websocket_result(result: WebSocketResult) -> event_pb2.WebSocketResult:
    """Converts what was said on a WebSocket."""
    return event_pb2.WebSocketResult(
        sent_count=result.sent_count,
        received_count=result.received_count,
        messages=map(websocket_message, result.messages),
        messages_truncated=result.messages_truncated,
        client_closed=result.client_closed,
        close_code=result.close_code,
        close_reason=result.close_reason,
        recorded_received_count=result.recorded_received_count,
    )
