"""WebSockets in mitmproxy's dumps: of one flow, and of the two that there once were."""

import io
from typing import Any

import pytest

from replayd.errors import CaptureError
from replayd.formats.mitmproxy_websocket import MAX_HANDSHAKES, MAX_HEAD
from replayd.model.flow import Flow, FlowKind, WebSocket, WebSocketMessage, WebSocketMessageKind
from tests.support.captures import flows_of, notes_of
from tests.support.old_states import messages_of_7, of_7, switched
from tests.support.tnetstring import dumps, state

TEXT, BINARY = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY


def websocket(**changes: Any) -> dict[str, Any]:
    """What a flow of version 21 has of a WebSocket."""
    return {
        "messages": [[1, True, b"hello", 1.5, False, False], [2, False, b"\0", 2.5, True, True]],
        "closed_by_client": False,
        "close_code": 1001,
        "close_reason": "away",
        "timestamp_end": 3.5,
        **changes,
    }


def flow_with(**changes: Any) -> Flow:
    [flow] = flows_of(io.BytesIO(dumps(state(websocket=websocket(**changes)))))
    return flow


def notes_with(**changes: Any) -> list[str]:
    data = dumps(state(websocket=websocket(**changes)))
    return [note.message for note in notes_of(io.BytesIO(data))]


def test_a_conversation_is_read() -> None:
    flow = flow_with()
    assert flow.kind is FlowKind.WEBSOCKET
    assert flow.websocket == WebSocket(
        messages=(
            WebSocketMessage(TEXT, True, b"hello", 1.5),
            WebSocketMessage(BINARY, False, b"\0", 2.5, dropped=True, injected=True),
        ),
        client_closed=False,
        close_code=1001,
        close_reason="away",
        end_time=3.5,
    )


def test_one_that_has_not_ended_has_no_end() -> None:
    nothing = dict.fromkeys(("closed_by_client", "close_code", "close_reason", "timestamp_end"))
    assert flow_with(messages=[], **nothing).websocket == WebSocket()


def test_other_opcodes_are_left_out_and_noted() -> None:
    messages = [[9, True, b"ping", 1.0, False, False], [1, True, b"x", 1.0, False, False]]
    assert flow_with(messages=messages).websocket.messages == (  # type: ignore[union-attr]
        WebSocketMessage(TEXT, True, b"x", 1.0),
    )
    assert notes_with(messages=messages) == ["a WebSocket message of opcode 9 was left out"]


def test_odd_times_and_unknown_fields_are_noted() -> None:
    assert notes_with(timestamp_end=-1.0, more=1) == [
        "the WebSocket has an unknown field 'more', which was ignored",
        "'timestamp_end' is -1.0, not a time, which was ignored",
    ]
    [note] = notes_with(messages=[[1, True, b"x", float("nan"), False, False]])
    assert note == '"message\'s time" is nan, not a time, which was ignored'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"messages": {}}, "'messages' must be a list"),
        ({"messages": [[1, True, b"x", 1.0, False]]}, "must be a list of opcode, side"),
        ({"messages": ["x"]}, "a WebSocket message must be a list"),
        ({"messages": [["1", True, b"x", 1.0, False, False]]}, "message's opcode"),
        ({"messages": [[1, 1, b"x", 1.0, False, False]]}, "message's side"),
        ({"messages": [[1, True, None, 1.0, False, False]]}, "message's content"),
        ({"messages": [[1, True, b"x", 1.0, None, False]]}, "message's dropped"),
        ({"messages": [[1, True, b"x", 1.0, False, 0]]}, "message's injected"),
        ({"closed_by_client": 1}, "'closed_by_client' must be true or false"),
        ({"close_code": "1000"}, "'close_code' must be an integer"),
        ({"close_reason": 1}, "'close_reason' must be text"),
    ],
)
def test_what_is_no_conversation_damages_its_flow(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CaptureError) as caught:
        flow_with(**changes)
    assert said in caught.value.message


@pytest.mark.parametrize("name", sorted(websocket()))
def test_a_conversation_without_a_field_damages_its_flow(name: str) -> None:
    lacking = websocket()
    del lacking[name]
    with pytest.raises(CaptureError, match=name):
        flows_of(io.BytesIO(dumps(state(websocket=lacking))))


# Up to mitmproxy 6


def handshake(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A flow of a handshake, as mitmproxy 4 to 6 kept it."""
    fields = [[b"Host", b"example.test"], [b"Sec-WebSocket-Key", b"key%d" % number]]
    answer = switched([b"Upgrade", b"websocket"])
    return of_7(request={"headers": fields}, response=answer, id=f"h{number}", **changes)


def said(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A flow of messages, as mitmproxy 4 to 6 kept it."""
    return messages_of_7(client_key=f"key{number}", id=f"m{number}", **changes)


def read(*states: dict[str, Any]) -> tuple[list[Flow], list[tuple[int, str]]]:
    data = b"".join(dumps(each) for each in states)
    notes = [(note.flow_index, note.message) for note in notes_of(io.BytesIO(data))]
    return flows_of(io.BytesIO(data)), notes


def test_messages_are_joined_to_their_handshake() -> None:
    flows, notes = read(handshake(0), of_7(), handshake(1), said(1), said(0))
    assert [flow.kind for flow in flows].count(FlowKind.WEBSOCKET) == 4
    assert [flow.websocket is None for flow in flows] == [True, True, True, False, False]
    assert [flow.flow_id for flow in flows] == ["h0", "f10e", "h1", "m1", "m0"]
    assert (flows[3].request, flows[3].response) == (flows[2].request, flows[2].response)
    assert (flows[4].request, flows[4].response) == (flows[0].request, flows[0].response)
    assert flows[4].websocket == WebSocket(
        (WebSocketMessage(TEXT, True, b"hello", 1500000001.0),), True, 1000
    )
    whose = "the handshake of these WebSocket messages is flow"
    assert notes == [(3, f"{whose} 2's"), (4, f"{whose} 0's")]


def test_a_handshake_opens_one_connection() -> None:
    flows, _ = read(handshake(), said(), said())
    assert [flow.request is None for flow in flows] == [False, False, True]
    flows, _ = read(handshake(), said(), handshake(), said())
    assert [flow.request is None for flow in flows] == [False] * 4


def test_messages_of_another_connection_are_not_joined() -> None:
    elsewhere = {**said()["client_conn"], "id": "other"}
    flows, notes = read(handshake(), said(client_conn=elsewhere), said(1))
    assert [flow.request is None for flow in flows] == [False, True, True]
    assert notes == []


@pytest.mark.parametrize("half", ["request", "response"])
def test_a_handshake_with_content_or_a_long_head_is_not_kept(half: str) -> None:
    for name, value in (("content", b"x" * 100), ("http_version", b"x" * MAX_HEAD)):
        odd = handshake()
        odd[half] = {**odd[half], name: value}
        flows, _ = read(odd, said())
        assert flows[1].request is None


def test_only_so_many_handshakes_are_kept() -> None:
    many = [handshake(number) for number in range(MAX_HANDSHAKES + 1)]
    flows, _ = read(*many, said(0), said(1), said(MAX_HANDSHAKES))
    assert [flow.request is None for flow in flows[-3:]] == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "closed", "code", "reason"),
    [
        ({"close_sender": "server", "close_code": 4000, "close_reason": "no"}, False, 4000, "no"),
        ({"close_sender": b"client", "close_reason": b"bye"}, True, 1000, "bye"),
        # As the flow began: no Close frame, or none with a code, had come.
        ({"close_code": "(status code missing)", "close_reason": "unknown"}, True, 0, ""),
        ({"close_sender": None, "close_code": None, "close_reason": None}, None, 0, ""),
    ],
)
def test_the_close_of_old_flows(
    changes: dict[str, Any], closed: bool | None, code: int, reason: str
) -> None:
    [flow], _ = read(said(**changes))
    assert flow.websocket is not None
    close = flow.websocket.client_closed, flow.websocket.close_code, flow.websocket.close_reason
    assert close == (closed, code, reason)


def test_old_messages_are_bytes_or_text_and_may_have_been_dropped() -> None:
    messages = [[1, True, "grüße", 1, True], [2, False, b"\xff", 2, False]]
    [flow], _ = read(said(messages=messages))
    assert flow.websocket is not None
    assert flow.websocket.messages == (
        WebSocketMessage(TEXT, True, "grüße".encode(), 1.0, dropped=True),
        WebSocketMessage(BINARY, False, b"\xff", 2.0),
    )
