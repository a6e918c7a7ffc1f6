"""Outcomes come back out of their events as they went in."""

import pytest

from replayd.codec.event import interrupted_event, log_event, outcome_event
from replayd.codec.outcome import decode_outcome
from replayd.codec.plan import encode_plan
from replayd.model.event import LogLevel
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.outcome import (
    ConnectionInfo,
    Outcome,
    ResponseHead,
    Timings,
    WebSocketResult,
)
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from tests.support.replayed import PLAN, START, succeeded

KEY = succeeded().key
REPLAY = Replay(KEY, "s", True, 1, encode_plan(PLAN), b"")
MESSAGE = WebSocketMessage(WebSocketMessageKind.TEXT, False, b"said", 2.5)
OUTCOMES = [
    Outcome(
        ReplayState.SUCCEEDED,
        Timings(START, 1, 2, 3, 4, 5),
        head=ResponseHead(b"HTTP/1.1", 200, b"OK", ((b"A", b"b"),), (100, 103)),
        content_prefix=b"abc",
        content_size=3,
        trailers=((b"T", b"u"),),
        connection=ConnectionInfo(
            "127.0.0.1:80", "127.0.0.1:9", True, True, "TLSv1.3", "C", "h", "h2"
        ),
        early=True,
        lenient=True,
        websocket=WebSocketResult(2, 1, (MESSAGE,), True, True, 1001, "away", 3),
    ),
    Outcome(ReplayState.SUCCEEDED, Timings(START), head=ResponseHead(b"HTTP/1.0", 204)),
    Outcome(
        ReplayState.FAILED,
        Timings(START, total=0),
        reason=Reason.CLOSED_EARLY,
        message="it closed",
        head=ResponseHead(b"HTTP/1.1", 500),
        content_prefix=b"ha",
        content_size=2,
    ),
    Outcome(ReplayState.KILLED, Timings(START), reason=Reason.CANCELLED),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.state.name)
def test_there_and_back(outcome: Outcome) -> None:
    assert decode_outcome(outcome_event(REPLAY, PLAN, outcome, START + 9).body) == outcome


def test_one_that_the_daemon_s_death_ended_began_who_knows_when() -> None:
    event = interrupted_event(KEY, 2, REPLAY.plan, ReplayState.INTERRUPTED, START, poison=False)
    outcome = decode_outcome(event.body)
    assert (outcome.state, outcome.reason) == (ReplayState.INTERRUPTED, Reason.INTERRUPTED)
    assert outcome.timings == Timings(START)


def test_another_event_ends_no_replay() -> None:
    with pytest.raises(ValueError, match="log ends no replay"):
        decode_outcome(log_event(LogLevel.INFO, "x", START).body)
