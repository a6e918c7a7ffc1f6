"""WebSocket messages in a HAR."""

from typing import Any

import pytest

from replayd.formats.har.websocket import said
from replayd.model.flow import WebSocket, WebSocketMessage, WebSocketMessageKind

TEXT, BINARY = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY


def read(listed: Any) -> tuple[WebSocket | None, list[str]]:
    notes: list[str] = []
    return said({"_webSocketMessages": listed}, notes.append), notes


def message(**changes: Any) -> dict[str, Any]:
    return {"type": "send", "time": 1700000000.25, "opcode": 1, "data": "grüße", **changes}


def test_messages_of_both_sides_in_their_order() -> None:
    listed = [message(), message(type="receive", opcode=2, data="AP8=", time=1700000001)]
    assert read(listed) == (
        WebSocket(
            (
                WebSocketMessage(TEXT, True, "grüße".encode(), 1700000000.25),
                WebSocketMessage(BINARY, False, b"\0\xff", 1700000001.0),
            )
        ),
        [],
    )


def test_none_and_nothing_said_are_two_things() -> None:
    assert read(None) == (None, [])
    assert said({}, lambda _: None) is None
    assert read([]) == (WebSocket(), [])


def test_bytes_that_are_no_text_are_kept() -> None:
    # As mitmproxy and we write them.
    found, _ = read([message(data="a\udcff")])
    assert found is not None
    assert found.messages[0].content == b"a\xff"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (1700000000.5, 1700000000.5),
        # Milliseconds, as Playwright writes them.
        (1700000000500.0, 1700000000.5),
        (0, 0.0),
        (-1, None),
        (10**400, None),
        (float("nan"), None),
        (True, None),
        ("1", None),
        (None, None),
    ],
)
def test_times(time: Any, seconds: float | None) -> None:
    found, notes = read([message(time=time)])
    assert found is not None
    assert found.messages[0].time == seconds
    assert notes == []


def test_what_is_no_message_is_noted_by_kind() -> None:
    listed = [
        message(opcode=9),
        message(opcode=9, type="receive"),
        message(opcode=8),
        message(type="error", opcode=-1),
        message(data=None),
    ]
    found, notes = read(listed)
    assert found is not None
    assert [each.content for each in found.messages] == [b""]
    assert notes == [
        "_webSocketMessages: a frame of opcode 9 was left out, 2 times",
        "_webSocketMessages: a frame of opcode 8 was left out",
        "_webSocketMessages: an error was left out",
    ]


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ({}, "it must be a list"),
        ([message(), 1], "message 1 is no object"),
        ([message(type="out")], "message 0 has the type 'out', not send or receive"),
        ([message(type=[])], "message 0 has the type [], not send"),
        ([message(opcode=2, data="=")], "message 0 is no base64"),
        ([message(opcode=2, data="é")], "message 0 is no base64"),
        ([message(data="\ud800")], "message 0 holds half a character"),
        ([message(data={})], "'data' must be text"),
    ],
)
def test_a_conversation_is_read_whole_or_not_at_all(listed: Any, why: str) -> None:
    found, [note] = read(listed)
    assert found is None
    assert note.startswith("_webSocketMessages can't be read: ")
    assert why in note
