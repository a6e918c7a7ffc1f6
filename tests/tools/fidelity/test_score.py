from collections import Counter

from flowreplay.v1 import reason_pb2, replay_pb2

from replayd.model.flow import Flow, Request
from tests.support.http2_recorder import Http2Recorded
from tests.support.recorder import Recorded
from tests.support.websockets import websocket_flow
from tests.tools.fidelity.requests import HOST, lines
from tools.fidelity.ours import Replayed
from tools.fidelity.score import (
    Score,
    Side,
    score_http2,
    score_ours,
    score_theirs,
    score_websockets,
    total,
)
from tools.fidelity.theirs import Run, Sent

BYTES = lines(b"Host: a.test", start=b"GET / HTTP/1.1")
H2_BYTES = lines(b"Host: a.test", start=b"GET / HTTP/1.1")
FLOW = Flow(request=Request(b"GET", b"http", "a.test", 80, b"/", headers=(HOST,)))
H2_REQUEST = Request(b"GET", b"http", "a.test", 80, b"/", b"HTTP/2.0", authority=b"a.test")
H2 = Flow(request=H2_REQUEST)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The SHA-256 of nothing."""


def recorded(raw: bytes = BYTES, *, whole: bool = True) -> Recorded:
    return Recorded(raw, raw, b"", 0, None, whole=whole)


def replayed(*named: set[str], accepted: int | None = None) -> Replayed[Recorded]:
    count = len(named) if accepted is None else accepted
    receipt = replay_pb2.EnqueueResponse(accepted_count=count)
    done = Replayed(receipt)
    done.named = {index: frozenset(kinds) for index, kinds in enumerate(named)}
    done.arrived = {index: recorded() for index in done.named}
    return done


def side_of(flows: list[Flow], done: Replayed[Recorded]) -> Side:
    score = Score("x")
    score_ours(score, flows, done)
    return score.ours


def test_what_arrives_as_captured_and_what_is_named_counts() -> None:
    side = side_of([FLOW, H2], replayed(set(), {"HTTP_VERSION"}))
    assert (side.identical, side.changed, side.other) == (1, 1, 0)
    assert side.changes == {"HTTP_VERSION": 1}
    assert side.details == [(1, "HTTP_VERSION")]


def test_a_change_that_is_not_named_is_something_else() -> None:
    side = side_of([H2, FLOW], replayed(set(), {"HTTP_VERSION"}))
    assert (side.identical, side.changed, side.other) == (0, 0, 2)
    assert [text for _, text in side.details] == [
        "HTTP_VERSION was not named",
        "HTTP_VERSION was named, but not made",
    ]


def test_whatever_went_wrong_on_the_way_is_something_else() -> None:
    done = replayed(set(), set(), set(), accepted=4)
    done.arrived[0] = recorded(BYTES + b"!")
    del done.arrived[1]
    done.failed = {1: "refused", 2: "closed early"}
    done.strays = [recorded(b"GET /stray")]
    side = side_of([FLOW, FLOW, FLOW], done)
    assert (side.identical, side.changed, side.other) == (0, 0, 5)
    texts = " ".join(text for _, text in side.details)
    for said in ("never replayed", "from byte", "nothing arrived: refused", "closed early"):
        assert said in texts
    assert "GET /stray" in texts


def test_over_http2_only_what_was_http2_is_judged() -> None:
    tunnel = Flow(request=H2_REQUEST._replace(method=b"CONNECT"))
    pseudo = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"))
    sent = Http2Recorded((*pseudo, (b":authority", b"a.test")), (), 0, EMPTY, None, 1)
    done: Replayed[Http2Recorded] = Replayed(replay_pb2.EnqueueResponse())
    done.named = {1: frozenset(), 2: frozenset({"COOKIES_JOINED"})}
    done.arrived = {1: sent, 2: sent}
    done.strays = [sent]
    side = score_http2([FLOW, H2, H2, H2, tunnel], range(5), done)
    assert (side.identical, side.changed, side.other) == (1, 0, 3)
    texts = [text for _, text in side.details]
    assert texts[:2] == ["was not sent over HTTP/2", "COOKIES_JOINED was named, but not made"]
    assert texts[2].startswith("nobody sent ((b':method', b'GET')")


def test_conversations_are_counted_apart() -> None:
    side = score_websockets({2: websocket_flow(80), 5: websocket_flow(80)}, {}, {5: "refused"})
    assert side.details == [
        (2, "the WebSocket never began: no error is given"),
        (5, "the WebSocket never began: refused"),
    ]


def test_refusals_are_counted_by_reason() -> None:
    done = replayed()
    done.receipt.refusal_counts.add(reason=reason_pb2.REASON_NOT_HTTP, refused_count=3)
    score = Score("x")
    score_ours(score, [], done)
    assert score.refused == {"NOT_HTTP": 3}


def test_of_mitmproxy_only_what_replayd_accepts_is_judged() -> None:
    flows = [
        Sent("", "", [recorded()]),
        Sent("", "", [recorded(BYTES + b"!")]),
        Sent("live", ""),
        Sent("", "no", []),
        Sent("", "", [recorded(BYTES[:-2]), recorded(BYTES[-2:], whole=False)]),
        Sent("", "", [recorded()]),
    ]
    side = score_theirs([FLOW] * 7, [0, 1, 2, 3, 4, 6], Run("stopped", flows))
    assert (side.identical, side.other, side.unsent, side.split) == (2, 1, 3, 1)
    texts = [text for _, text in side.details]
    assert texts[1:] == ["not sent: live", "not sent: no", "not sent: stopped"]


def test_scores_add_up() -> None:
    one = Score("a", "HAR", flows=3, refused=Counter(X=1), ours=Side(2, 1, Counter(K=1)))
    two = Score("b", "HAR", flows=2, ours=Side(1, other=1), theirs=Side(unsent=2, split=1))
    sum_ = total("HAR", [one, two])
    assert (sum_.captures, sum_.flows, sum_.refused) == (2, 5, {"X": 1})
    assert (sum_.ours.identical, sum_.ours.changed, sum_.ours.other) == (3, 1, 1)
    assert sum_.ours.changes == {"K": 1}
    assert sum_.theirs is not None
    assert (sum_.theirs.unsent, sum_.theirs.split) == (2, 1)
    assert total("", [one]).theirs is None
    assert total("", [one]).http2 is None
    assert total("", [one]).websockets is None
    said = total("", [one, Score("d", websockets=Side(3)), Score("e", websockets=Side(1, other=2))])
    assert said.websockets is not None
    assert (said.websockets.identical, said.websockets.other) == (4, 2)
    three = Score("c", http2=Side(2, other=1))
    both = total("", [one, three, three]).http2
    assert both is not None
    assert (both.identical, both.other) == (4, 2)
