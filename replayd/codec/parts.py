"""Parts of outcomes as messages: what events have, and what is withheld from them. Pure."""

from functools import lru_cache

from flowreplay.v1 import event_pb2

from replayd.codec.fields import encode_headers
from replayd.codec.websocket import websocket_message
from replayd.codec.wire_format import bytes_tag, varint
from replayd.model.outcome import ConnectionInfo, LiveValue, ResponseHead, WebSocketResult

_HEADERS = bytes_tag(event_pb2.ResponseHead.HEADERS_FIELD_NUMBER)


def encode_head(head: ResponseHead) -> bytes:
    """Encodes a response's head, as a message without its length."""
    version, status_code, reason_phrase, headers, interim = head
    encoded = _status(version, status_code, reason_phrase) + encode_headers(_HEADERS, headers)
    if interim:
        encoded += event_pb2.ResponseHead(interim_status_codes=interim).SerializeToString()
    return encoded


@lru_cache(maxsize=256)
def _status(http_version: bytes, status_code: int, reason_phrase: bytes) -> bytes:
    return event_pb2.ResponseHead(
        http_version=http_version, status_code=status_code, reason_phrase=reason_phrase
    ).SerializeToString()


@lru_cache(maxsize=1024)
def encode_connection(connection: ConnectionInfo) -> bytes:
    """Encodes a connection, as a message with its length: many replays may share one."""
    message = event_pb2.Connection(**connection._asdict()).SerializeToString()
    return varint(len(message)) + message


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
