from types import SimpleNamespace
from typing import Any, cast

import pytest

from replayd.model.flow import DamagedFlow, Flow, FlowKind
from tests.support.websockets import Visit, heard, said, websocket_flow
from tools.fidelity.websocket import conversations, judge_websocket

FLOW = websocket_flow(80, said("a"), heard("b"), said(b"c"), said("d", dropped=True))


def visit(*messages: str | bytes, code: int = 1000, reason: str = "") -> Visit:
    """A connection, as the server saw it."""
    return cast(
        "Visit", SimpleNamespace(messages=list(messages), close_code=code, close_reason=reason)
    )


def test_what_arrives_as_captured_is_identical() -> None:
    assert judge_websocket(FLOW, visit("a", b"c"), "").identical


@pytest.mark.parametrize(
    ("came", "wrong"),
    [
        (visit("a"), "1 of 2 messages arrived"),
        (visit("a", b"c", "d"), "3 of 2 messages arrived"),
        (visit("a", "c"), "message 2: b'c' arrived as 'c'"),
        (visit(b"c", "a"), "message 1: 'a' arrived as b'c'"),
        (visit("a", b"c", code=1001), "closed with (1001, ''), not (1000, '')"),
        (visit("a", b"c", reason="?"), "closed with (1000, '?'), not (1000, '')"),
        (None, "the WebSocket never began: refused"),
    ],
)
def test_what_differs_is_named(came: Visit | None, wrong: str) -> None:
    failed = "" if came else "refused"
    assert judge_websocket(FLOW, came, failed).wrong == wrong


def test_a_replay_that_failed_is_wrong_whatever_arrived() -> None:
    assert judge_websocket(FLOW, visit("a", b"c"), "late").wrong == "late"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"close_code": 0}, 1005),
        ({"close_code": 1006}, 1005),
        # The server's close is the server's business.
        ({"client_closed": False, "close_code": 1001}, 4000),
    ],
)
def test_who_closed_with_which_code(end: dict[str, Any], code: int) -> None:
    assert judge_websocket(websocket_flow(80, **end), visit(code=code), "").identical


def test_only_accepted_websockets_are_conversations() -> None:
    plain, damaged = Flow(kind=FlowKind.HTTP), DamagedFlow("cut", 1)
    flows = [plain, FLOW, damaged, FLOW]
    assert conversations(flows, {0: (), 2: (), 3: ()}) == {3: FLOW}
