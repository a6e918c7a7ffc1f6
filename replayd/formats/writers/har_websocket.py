"""What was said on a WebSocket, as browsers' developer tools show it in a HAR.

`_webSocketMessages` is of Chrome's making and not in HAR 1.2: text as it is, binary messages
as base64, times in seconds since the epoch. Who closed has no place in it.
"""

from replayd.formats.writers.har_message import Object
from replayd.formats.writers.json_pieces import Base64, LongList, LongText, Value
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.replayed import Replayed


def websocket_members(replayed: Replayed) -> Object:
    """Returns an entry's members about a WebSocket; none when the flow is no WebSocket.

    Of one whose handshake was not accepted they say that nothing was said, so that the
    entry is still told from plain HTTP.
    """
    if replayed.flow.websocket is None:
        return {}
    said = [_message(message, replayed.start_time) for message in replayed.messages]
    return {"_resourceType": "websocket", "_webSocketMessages": LongList(said)}


def _message(message: WebSocketMessage, default_time: float) -> Object:
    return {
        "type": "send" if message.from_client else "receive",
        "time": default_time if message.time is None else message.time,
        "opcode": int(message.kind),
        "data": _data(message),
    }


def _data(message: WebSocketMessage) -> Value:
    if message.kind is WebSocketMessageKind.BINARY:
        return Base64(message.content)
    try:
        message.content.decode()
    except UnicodeDecodeError:
        # No text of RFC 6455, but it may have come.
        return message.content.decode("utf-8", "surrogateescape")
    return LongText(message.content)
