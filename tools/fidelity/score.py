"""Counts: what became of the flows of one capture, or of many."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowreplay.v1 import reason_pb2

from replayd.model.flow import DamagedFlow, Flow, FlowKind
from tests.support.http2_recorder import Http2Recorded
from tests.support.recorder import Recorded
from tests.support.websockets import Visit
from tools.fidelity.arrivals import Request
from tools.fidelity.captured import Captured
from tools.fidelity.http2 import judge_http2
from tools.fidelity.judge import Verdict, judge
from tools.fidelity.ours import Replayed
from tools.fidelity.theirs import Run
from tools.fidelity.websocket import judge_websocket

Flows = Sequence[Flow | DamagedFlow]


@dataclass
class Side:
    """How one side replayed the flows that replayd accepts."""

    identical: int = 0
    changed: int = 0
    """Different by allowed changes only."""
    changes: Counter[str] = field(default_factory=Counter)
    """Flows that show an allowed change, by its kind; a flow may show several."""
    other: int = 0
    """Different in another way; of replayd's also what it did not name, or did not send."""
    unsent: int = 0
    """mitmproxy's only."""
    split: int = 0
    """Sent so that the server took them for other than one request; mitmproxy's only."""
    details: list[tuple[int, str]] = field(default_factory=list)
    """For people: a flow's index (-1: of none), and what is different in it."""

    def add(self, index: int, verdict: Verdict) -> None:
        """Counts a verdict."""
        if verdict.wrong:
            self.other += 1
            self.details.append((index, verdict.wrong))
        elif verdict.changes:
            self.changed += 1
            self.changes.update(verdict.changes)
            self.details.append((index, ", ".join(sorted(verdict.changes))))
        else:
            self.identical += 1

    def wrong(self, index: int, text: str) -> None:
        """Counts something else."""
        self.add(index, Verdict(wrong=text))


@dataclass
class Score:
    """What became of a capture, or of several."""

    name: str
    kind: str = ""
    captures: int = 1
    flows: int = 0
    error: str = ""
    """Why the daemon refused the capture as a whole; empty: it did not."""
    refused: Counter[str] = field(default_factory=Counter)
    """Flows by the reason of their refusal."""
    ours: Side = field(default_factory=Side)
    http2: Side | None = None
    """Ours, over HTTP/2: of the flows that were HTTP/2 or HTTP/3; None: it took no part."""
    websockets: Side | None = None
    """Ours, what was said after the handshakes; None: there was none."""
    theirs: Side | None = None
    """None: mitmproxy did not take part."""
    theirs_error: str = ""
    """Why mitmproxy did not replay the capture, or not to its end."""


def score_ours(score: Score, flows: Flows, replayed: Replayed[Recorded]) -> None:
    """Judges what the daemon sent, and whether it named what it changed."""
    for count in replayed.receipt.refusal_counts:
        reason = reason_pb2.Reason.Name(count.reason).removeprefix("REASON_")
        score.refused[reason] += count.refused_count
    missing = replayed.receipt.accepted_count - len(replayed.named)
    for _ in range(missing):
        score.ours.wrong(-1, "an accepted flow was never replayed")
    _judge_all(score.ours, flows, replayed, _judge_bytes)
    for stray in replayed.strays:
        score.ours.wrong(-1, f"nobody sent {stray.raw[:80]!r}")


def score_http2(flows: Flows, accepted: Iterable[int], replayed: Replayed[Http2Recorded]) -> Side:
    """Judges what the daemon sent over HTTP/2, of the flows that it accepts over HTTP/1."""
    side = Side()
    expected = {index for index in accepted if leaves_as_http2(flows[index])}
    for index in sorted(expected - replayed.named.keys()):
        side.wrong(index, "was not sent over HTTP/2")
    _judge_all(side, flows, replayed, judge_http2)
    for stray in replayed.strays:
        side.wrong(-1, f"nobody sent {stray.headers!r:.80}")
    return side


def score_websockets(
    expected: Mapping[int, Flow], visits: Mapping[int, Visit], failed: Mapping[int, str]
) -> Side:
    """Judges what the daemon said on WebSockets; see `Lab.replay_websockets`."""
    side = Side()
    for index, flow in expected.items():
        side.add(index, judge_websocket(flow, visits.get(index), failed.get(index, "")))
    return side


def leaves_as_http2(flow: Flow | DamagedFlow) -> bool:
    """Whether a flow that is replayed was HTTP/2 or HTTP/3; tunnels begin over HTTP/1.1."""
    if not isinstance(flow, Flow) or flow.kind is not FlowKind.HTTP or flow.request is None:
        return False
    return Captured.of(flow).http2 and flow.request.method != b"CONNECT"


def _judge_bytes(captured: Captured, arrived: Recorded) -> Verdict:
    return judge(captured, arrived.raw, arrived.server_name)


def _judge_all(
    side: Side,
    flows: Flows,
    replayed: Replayed[Request],
    judged: Callable[[Captured, Request], Verdict],
) -> None:
    for index in sorted(replayed.named):
        side.add(index, our_verdict(flows[index], index, replayed, judged))


def our_verdict(
    flow: Flow | DamagedFlow,
    index: int,
    replayed: Replayed[Request],
    judged: Callable[[Captured, Request], Verdict],
) -> Verdict:
    """What became of one flow."""
    arrived, named = replayed.arrived.get(index), replayed.named[index]
    if not isinstance(flow, Flow) or arrived is None:
        return Verdict(wrong=f"nothing arrived: {replayed.failed.get(index, 'and no error')}")
    verdict = judged(Captured.of(flow), arrived)
    wrong = [verdict.wrong, replayed.failed.get(index, "")]
    if not verdict.wrong:
        wrong += [f"{kind} was not named" for kind in sorted(verdict.changes - named)]
        wrong += [f"{kind} was named, but not made" for kind in sorted(named - verdict.changes)]
    return Verdict(verdict.changes, "; ".join(filter(None, wrong)))


def score_theirs(flows: Flows, accepted: Iterable[int], run: Run) -> Side:
    """Judges what mitmproxy sent of the flows that the daemon accepted."""
    side = Side()
    for index in sorted(accepted):
        flow = flows[index]
        sent = run.flows[index] if index < len(run.flows) else None
        if sent is None or not sent.arrived or not isinstance(flow, Flow):
            side.unsent += 1
            why = run.error if sent is None else sent.refused or sent.error
            side.details.append((index, f"not sent: {why or 'no error is given'}"))
            continue
        side.split += len(sent.arrived) > 1 or not sent.arrived[0].whole
        side.add(index, judge(Captured.of(flow), sent.raw, sent.arrived[0].server_name))
    return side


def total(name: str, scores: Sequence[Score]) -> Score:
    """The sum of several."""
    http2 = [score.http2 for score in scores if score.http2 is not None]
    websockets = [score.websockets for score in scores if score.websockets is not None]
    theirs = [score.theirs for score in scores if score.theirs is not None]
    return Score(
        name,
        captures=len(scores),
        flows=sum(score.flows for score in scores),
        refused=sum((score.refused for score in scores), Counter[str]()),
        ours=sides(score.ours for score in scores),
        http2=sides(http2) if http2 else None,
        websockets=sides(websockets) if websockets else None,
        theirs=sides(theirs) if theirs else None,
    )


def sides(several: Iterable[Side]) -> Side:
    """The sum of several sides, without their details."""
    sum_ = Side()
    for side in several:
        sum_.identical += side.identical
        sum_.changed += side.changed
        sum_.changes.update(side.changes)
        sum_.other += side.other
        sum_.unsent += side.unsent
        sum_.split += side.split
    return sum_
