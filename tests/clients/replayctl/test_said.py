"""WebSocket conversations in text."""

import pytest
from flowreplay.v1 import event_pb2, flow_pb2, plan_pb2
from replayctl.said import message_lines, plan_line, result_line

TEXT = flow_pb2.WEB_SOCKET_MESSAGE_KIND_TEXT
RECORDED = plan_pb2.WEB_SOCKET_PACE_RECORDED


def lines(*messages: flow_pb2.WebSocketMessage, truncated: bool = False) -> list[str]:
    return list(message_lines(messages, truncated=truncated))


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        ({}, "0 WebSocket messages, 0 awaited, then the server closes"),
        (
            {"client_message_count": 1, "server_message_count": 2, "client_closed": True},
            "1 WebSocket message, 2 awaited, then we close",
        ),
        (
            {"pace": RECORDED, "client_closed": True, "close_code": 1001, "close_reason": "\n"},
            r'0 WebSocket messages, at the recorded pace, 0 awaited, then we close with 1001 "\n"',
        ),
    ],
)
def test_a_plan(plan: dict[str, object], line: str) -> None:
    assert plan_line(plan_pb2.WebSocketPlan(**plan)) == line  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({}, "0 WebSocket messages sent, 0 received, the server closed"),
        (
            {"sent_count": 1, "close_code": 4000, "close_reason": "no"},
            '1 WebSocket message sent, 0 received, the server closed with 4000 "no"',
        ),
        (
            {"received_count": 3, "client_closed": True, "close_code": 1000},
            "0 WebSocket messages sent, 3 received, we closed, answered with 1000",
        ),
        ({"client_closed": True}, "0 WebSocket messages sent, 0 received, we closed"),
        (
            {"received_count": 2, "recorded_received_count": 0},
            "0 WebSocket messages sent, 2 received (recorded 0), the server closed",
        ),
        (
            {"received_count": 2, "recorded_received_count": 2},
            "0 WebSocket messages sent, 2 received, the server closed",
        ),
    ],
)
def test_a_result(result: dict[str, object], line: str) -> None:
    assert result_line(event_pb2.WebSocketResult(**result)) == line  # type: ignore[arg-type]


def test_messages_are_made_readable() -> None:
    message = flow_pb2.WebSocketMessage
    assert lines(
        message(kind=TEXT, from_client=True, content="grüße\x1b[31m\n".encode()),
        message(kind=TEXT, content=b"\xff", dropped=True),
        message(content=b"\x00\xff", from_client=True, dropped=True, injected=True),
        message(content=b"tab\t"),
        message(content=b""),
        truncated=True,
    ) == [
        r"-> text 13 B  grüße\x1b[31m\n",
        r"<- text 1 B (dropped)  \xff",
        "-> binary 2 B (dropped) (injected)  00 ff",
        r"<- binary 4 B  tab\t",
        "<- binary 0 B",
        "...",
    ]


def test_long_messages_are_cut() -> None:
    [line] = lines(flow_pb2.WebSocketMessage(kind=TEXT, content=b"x" * 2000))
    assert line == "<- text 2.0 KiB  " + "x" * 120 + "..."
    [line] = lines(flow_pb2.WebSocketMessage(content=b"\0" * 2000))
    assert line == "<- binary 2.0 KiB  " + "00 " * 39 + "00..."
