from flowreplay.v1 import event_pb2

from replayd.codec.parts import encode_connection, encode_head, websocket_result
from replayd.model.outcome import ConnectionInfo, ResponseHead, WebSocketResult


def test_a_head_is_told_as_it_is() -> None:
    head = ResponseHead(b"HTTP/1.0", 404, b"No", ((b"a", b"b"),), (100,))
    message = event_pb2.ResponseHead.FromString(encode_head(head))
    assert (message.http_version, message.status_code, message.reason_phrase) == (
        b"HTTP/1.0",
        404,
        b"No",
    )
    assert [(each.name, each.value) for each in message.headers] == [(b"a", b"b")]
    assert list(message.interim_status_codes) == [100]


def test_a_connection_is_told_as_it_is() -> None:
    values = ("[::1]:443", "[::1]:9", True, False, "TLSv1.3", "AES", "localhost", "h2")
    encoded = encode_connection(ConnectionInfo(*values))
    assert encoded[0] == len(encoded) - 1
    message = event_pb2.Connection.FromString(encoded[1:])
    assert tuple(getattr(message, name) for name in ConnectionInfo._fields) == values


def test_what_was_said_is_counted() -> None:
    result = websocket_result(WebSocketResult(1, 2, recorded_received_count=3))
    assert (result.sent_count, result.received_count, result.recorded_received_count) == (1, 2, 3)
