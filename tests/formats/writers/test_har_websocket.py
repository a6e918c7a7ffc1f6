"""WebSocket messages in a HAR: as Chrome has them, and read back as what they were."""

import io
import json
from typing import Any

from replayd.formats.writers.har import HEAD, TAIL, write
from replayd.model.flow import FlowKind, WebSocketMessage, WebSocketMessageKind
from replayd.model.replayed import Replayed
from tests.support.captures import flows_of
from tests.support.har_schema import check_har
from tests.support.replayed import HEAD as RESPONSE_HEAD
from tests.support.replayed import SAID_AGAIN, START, conversed, succeeded


def capture(replayed: Replayed) -> bytes:
    return HEAD + b"".join(write(replayed)) + TAIL


def entry(replayed: Replayed) -> dict[str, Any]:
    har = json.loads(capture(replayed))
    check_har(har)
    (found,) = har["log"]["entries"]
    assert isinstance(found, dict)
    return found


def said(replayed: Replayed) -> list[dict[str, Any]]:
    messages = entry(replayed)["_webSocketMessages"]
    assert isinstance(messages, list)
    return messages


def test_messages_are_as_chrome_has_them() -> None:
    assert said(conversed()) == [
        {"type": "send", "time": 1_700_000_000.25, "opcode": 1, "data": "grüße"},
        {"type": "receive", "time": 1_700_000_000.5, "opcode": 1, "data": "\x00 new"},
        {"type": "receive", "time": 1_700_000_000.75, "opcode": 2, "data": "/w=="},
    ]


def test_the_response_has_no_content() -> None:
    found = entry(conversed())
    assert found["_resourceType"] == "websocket"
    assert found["response"]["status"] == 101
    assert (found["response"]["bodySize"], found["response"]["content"]["size"]) == (0, 0)


def test_they_are_read_back() -> None:
    (flow,) = flows_of(io.BytesIO(capture(conversed())))
    assert flow.kind is FlowKind.WEBSOCKET
    assert flow.websocket is not None
    assert flow.websocket.messages == SAID_AGAIN


def test_text_that_is_none_and_unknown_times_survive() -> None:
    odd = WebSocketMessage(WebSocketMessageKind.TEXT, True, b"a\xff")
    assert said(conversed((odd,)))[0]["time"] == START / 1e9
    (flow,) = flows_of(io.BytesIO(capture(conversed((odd,)))))
    assert flow.websocket is not None
    assert flow.websocket.messages[0].content == b"a\xff"


def test_one_that_was_not_accepted_is_a_websocket_still() -> None:
    refused = conversed((), head=RESPONSE_HEAD, websocket=None)
    assert said(refused) == []
    (flow,) = flows_of(io.BytesIO(capture(refused)))
    assert flow.kind is FlowKind.WEBSOCKET


def test_plain_http_says_nothing_of_it() -> None:
    assert not {"_webSocketMessages", "_resourceType"} & entry(succeeded()).keys()
