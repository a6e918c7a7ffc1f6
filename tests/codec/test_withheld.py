from dataclasses import replace

import pytest
from flowreplay.v1 import event_pb2

from replayd.codec.event import outcome_event
from replayd.codec.outcome import decode_outcome
from replayd.codec.plan import encode_plan
from replayd.codec.withheld import put_back, withheld_of
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.outcome import Outcome, ResponseHead, Timings, WebSocketResult
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey, ReplayState

PLAN = Plan(b"GET", b"http://h/", Target("http", "h", 80), b"GET / HTTP/1.1\r\n\r\n")
REPLAY = Replay(ReplayKey("batch", 0, 4), "s", True, 1, encode_plan(PLAN), b"")
TOLD = Outcome(
    ReplayState.SUCCEEDED,
    Timings(1, total=5),
    head=ResponseHead(b"HTTP/1.1", 101, b"s3cr3t", ((b"Set-Cookie", b"a=s3cr3t"), (b"A", b"b"))),
    trailers=((b"X-Token", b"s3cr3t"),),
    websocket=WebSocketResult(
        2, 0, (WebSocketMessage(WebSocketMessageKind.TEXT, True, b'{"token":"s3cr3t"}'),)
    ),
)
FAILED = replace(
    TOLD,
    state=ReplayState.FAILED,
    message="password=s3cr3t",
    content_prefix=b"password=s3cr3t",
    content_size=200,
    trailers=(),
)


@pytest.mark.parametrize("outcome", [TOLD, FAILED])
def test_an_outcome_comes_back_whole(outcome: Outcome) -> None:
    pending = outcome_event(REPLAY, PLAN, outcome, 9)
    assert b"s3cr3t" not in pending.body
    shown = decode_outcome(pending.body)
    assert "s3cr3t" not in repr(shown)
    assert decode_outcome(pending.body, pending.withheld) == outcome


def test_nothing_is_kept_of_what_is_shown() -> None:
    shown = replace(TOLD)
    assert withheld_of(TOLD, shown) == b""
    event = event_pb2.Event()
    put_back(event, b"")
    assert event == event_pb2.Event()


def test_a_content_that_the_journal_keeps_is_not_kept_twice() -> None:
    told = replace(TOLD, content_prefix=b"password=s3cr3t")
    assert b"password" not in withheld_of(told, replace(told, content_prefix=b""))


def test_a_first_part_that_comes_back_is_said_to_be_one() -> None:
    pending = outcome_event(REPLAY, PLAN, FAILED, 9)
    event = event_pb2.Event.FromString(pending.body)
    assert event.error.content_redacted
    put_back(event, pending.withheld)
    assert (event.error.content_redacted, event.error.content_truncated) == (False, True)
