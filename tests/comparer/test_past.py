"""Both sides of a replay, from the journal."""

from flowreplay.v1 import flow_pb2

from replayd.codec.event import outcome_event, with_sequence
from replayd.comparer.past import recorded_side, replayed_side
from replayd.journal.interface import Journal, Part, Past
from replayd.journal.memory import open_memory
from replayd.model.outcome import Outcome, ResponseHead, Timings, WebSocketResult
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey, ReplayState
from replayd.reasons import Reason

KEY = ReplayKey("b", 0, 0)
HEAD = ResponseHead(b"HTTP/1.1", 204, headers=((b"A", b"1"),))
JOURNAL = open_memory(0)


def past(outcome: Outcome | None = None, flow: flow_pb2.Flow | None = None) -> Past:
    event = b""
    if outcome is not None:
        replay = Replay(KEY, "s", True, 1, b"", b"")
        pending = outcome_event(replay, Plan(b"GET", b"u", Target("", "", 0), b""), outcome, 1)
        event = with_sequence(1, pending.body)
    encoded = (flow or flow_pb2.Flow()).SerializeToString()
    state = outcome.state if outcome else ReplayState.QUEUED
    return Past(KEY, state, 1, b"", encoded, b"", b"recorded", b"came", event)


def test_a_recorded_response() -> None:
    flow = flow_pb2.Flow(response=flow_pb2.Response(status_code=201))
    side = recorded_side(JOURNAL, past(flow=flow))
    assert side is not None
    assert flow_pb2.Response.FromString(side.head).status_code == 201
    assert list(side.content()) == [b"recorded"] == list(side.content())
    assert recorded_side(JOURNAL, past()) is None


def test_a_response_that_came() -> None:
    side = replayed_side(JOURNAL, past(Outcome(ReplayState.SUCCEEDED, Timings(1), head=HEAD)))
    assert side is not None
    assert flow_pb2.Response.FromString(side.head).headers[0].name == b"A"
    assert list(side.content()) == [b"came"]


def test_without_a_complete_one_there_is_none() -> None:
    failed = Outcome(ReplayState.FAILED, Timings(1), Reason.READ_TIMEOUT, head=HEAD)
    said = Outcome(ReplayState.SUCCEEDED, Timings(1), head=HEAD, websocket=WebSocketResult())
    for each in (past(), past(failed), past(said)):
        assert replayed_side(JOURNAL, each) is None


def test_a_large_content_is_read_from_the_journal() -> None:
    class Reads:
        def content(self, key: ReplayKey, part: Part) -> list[bytes]:
            return [key.batch_id.encode(), part.value.encode()]

    journal: Journal = Reads()  # type: ignore[assignment]
    large = past(flow=flow_pb2.Flow(response=flow_pb2.Response()))._replace(recorded_content=None)
    side = recorded_side(journal, large)
    assert side is not None
    assert list(side.content()) == [b"b", b"recorded"]
