"""How much of a conversation an event tells."""

from collections.abc import Sequence

import pytest

from replayd.model.conversation import MESSAGE_LIMIT, Beginning
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind


@pytest.mark.parametrize(
    ("contents", "told", "truncated"),
    [
        ([], [], False),
        ([b"12345"], [b"12345"], False),
        ([b"123456"], [b"12345"], True),
        ([b"123", b"45"], [b"123", b"45"], False),
        ([b"123", b"456", b"7"], [b"123", b"45"], True),
        ([b"", b"12345", b""], [b"", b"12345"], True),
    ],
)
def test_the_first_messages_up_to_the_limit(
    contents: Sequence[bytes], told: Sequence[bytes], truncated: bool
) -> None:
    beginning = Beginning(5)
    for content in contents:
        beginning.add(WebSocketMessage(WebSocketMessageKind.BINARY, True, content, 1.5))
    assert [message.content for message in beginning.messages] == told
    assert beginning.truncated is truncated
    assert all(message.time == 1.5 for message in beginning.messages)


def test_nothing_where_nothing_is_asked_for() -> None:
    beginning = Beginning(0)
    beginning.add(WebSocketMessage(WebSocketMessageKind.TEXT, True, b""))
    assert (beginning.messages, beginning.truncated) == ([], True)


def test_empty_messages_are_counted() -> None:
    beginning = Beginning(5)
    for _ in range(MESSAGE_LIMIT):
        beginning.add(WebSocketMessage(WebSocketMessageKind.TEXT, True, b""))
    assert not beginning.truncated
    beginning.add(WebSocketMessage(WebSocketMessageKind.TEXT, True, b""))
    assert (len(beginning.messages), beginning.truncated) == (MESSAGE_LIMIT, True)
