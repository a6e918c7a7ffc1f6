import pytest

from replayd.codec.websocket import (
    decode_conversation,
    encode_conversation,
    encode_large,
    websocket_message,
    websocket_message_from,
)
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind

TEXT, BINARY = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY
SAID = (
    WebSocketMessage(TEXT, True, "grüße".encode(), time=1.5),
    WebSocketMessage(BINARY, False, bytes(range(256)) * 3, time=2.25, injected=True),
    WebSocketMessage(TEXT, True, b"", dropped=True),
)


def test_a_message_comes_back_whole() -> None:
    for message in SAID:
        assert websocket_message_from(websocket_message(message)) == message


def test_a_kind_that_is_not_known_is_binary() -> None:
    message = websocket_message(SAID[0])
    message.kind = 9  # type: ignore[assignment]
    assert websocket_message_from(message).kind is BINARY


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_conversation_is_read_in_any_pieces(size: int) -> None:
    encoded = encode_conversation(SAID)
    pieces = (encoded[at : at + size] for at in range(0, len(encoded), size))
    assert tuple(decode_conversation(pieces)) == SAID


def test_conversations_join() -> None:
    joined = encode_conversation(SAID[:1]) + encode_conversation(SAID[1:])
    assert tuple(decode_conversation([joined])) == SAID


@pytest.mark.parametrize(
    "broken",
    [encode_conversation(SAID)[:-1], b"\x80", b"\xff\xff\xff\xff\xff\x01", b"\x02\x08\x80"],
    ids=["cut", "length cut", "length too long", "not a message"],
)
def test_what_is_no_conversation_is_told(broken: bytes) -> None:
    with pytest.raises(ValueError, match="conversation"):
        list(decode_conversation([broken]))


@pytest.mark.parametrize("message", SAID)
def test_a_large_message_is_encoded_in_pieces(message: WebSocketMessage) -> None:
    pieces = list(encode_large(message, 100))
    assert max(map(len, pieces)) <= 100
    assert len(pieces) == 1 + -(-len(message.content) // 100)
    assert list(decode_conversation(pieces)) == [message]
