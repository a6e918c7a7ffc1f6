"""WebSocket messages: model <-> `flowreplay.v1.WebSocketMessage`, and conversations.

A conversation is the messages of both sides in their order, each as a varint length and
the encoded message. It is what a journal keeps in place of a content: as captured for a
request, as replayed for a response. It grows message by message and is read the same way.
"""

from collections.abc import Iterable, Iterator

from flowreplay.v1 import flow_pb2
from google.protobuf.message import DecodeError

from replayd.codec.fields import set_time, time_of
from replayd.codec.wire_format import varint
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind

_CONTENT_TAG = varint(flow_pb2.WebSocketMessage.CONTENT_FIELD_NUMBER << 3 | 2)

_MAX_VARINT = 5
"""Bytes of a length: no message is larger than 2 GiB."""


def websocket_message(message: WebSocketMessage) -> flow_pb2.WebSocketMessage:
    """Converts one message."""
    converted = flow_pb2.WebSocketMessage(
        kind=flow_pb2.WebSocketMessageKind.ValueType(message.kind.value),
        from_client=message.from_client,
        content=message.content,
        dropped=message.dropped,
        injected=message.injected,
    )
    set_time(converted.message_time, message.time)
    return converted


def websocket_message_from(message: flow_pb2.WebSocketMessage) -> WebSocketMessage:
    """Converts one message back; a kind that is not known is binary."""
    text = message.kind == flow_pb2.WEB_SOCKET_MESSAGE_KIND_TEXT
    return WebSocketMessage(
        kind=WebSocketMessageKind.TEXT if text else WebSocketMessageKind.BINARY,
        from_client=message.from_client,
        content=message.content,
        time=time_of(message, "message_time"),
        dropped=message.dropped,
        injected=message.injected,
    )


def encode_conversation(messages: Iterable[WebSocketMessage]) -> bytes:
    """Encodes messages; the encodings of two parts, one after the other, are that of both."""
    encoded = [websocket_message(message).SerializeToString() for message in messages]
    return b"".join([varint(len(each)) + each for each in encoded])


def encode_large(message: WebSocketMessage, size: int) -> Iterator[bytes]:
    """Yields what `encode_conversation` makes of a message in pieces of `size` bytes and less,
    without a copy of it as a whole.
    """
    content = message.content
    beginning = websocket_message(message._replace(content=b"")).SerializeToString()
    beginning += _CONTENT_TAG + varint(len(content))
    yield varint(len(beginning) + len(content)) + beginning
    for start in range(0, len(content), size):
        yield content[start : start + size]


def decode_conversation(pieces: Iterable[bytes]) -> Iterator[WebSocketMessage]:
    """Decodes a conversation that comes in any pieces, a message at a time.

    Raises ValueError when it is cut or was not made by `encode_conversation`.
    """
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while (end := _message_end(buffer)) is not None:
            start, stop = end
            if stop > len(buffer):
                break
            yield _message(bytes(buffer[start:stop]))
            del buffer[:stop]
    if buffer:
        raise ValueError(f"a conversation is cut: {len(buffer)} bytes are left over")


def _message_end(buffer: bytearray) -> tuple[int, int] | None:
    """Where the first message begins and ends; None: its length is not there yet."""
    size = 0
    for position, octet in enumerate(buffer[:_MAX_VARINT]):
        size |= (octet & 0x7F) << (7 * position)
        if octet < 0x80:
            return position + 1, position + 1 + size
    if len(buffer) >= _MAX_VARINT:
        raise ValueError("a conversation has a length of more than five bytes")
    return None


def _message(data: bytes) -> WebSocketMessage:
    try:
        return websocket_message_from(flow_pb2.WebSocketMessage.FromString(data))
    except DecodeError as error:
        raise ValueError("a conversation holds what is no message") from error
