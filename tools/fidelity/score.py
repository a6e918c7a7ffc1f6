"""Counts: what became of the flows of one capture, or of many."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flowreplay.v1 import reason_pb2

from replayd.model.flow import DamagedFlow, Flow
from tools.fidelity.captured import Captured
from tools.fidelity.judge import Verdict, judge
from tools.fidelity.ours import Replayed
from tools.fidelity.theirs import Run

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
    theirs: Side | None = None
    """None: mitmproxy did not take part."""
    theirs_error: str = ""
    """Why mitmproxy did not replay the capture, or not to its end."""


def score_ours(score: Score, flows: Flows, replayed: Replayed) -> None:
    """Judges what the daemon sent, and whether it named what it changed."""
    for count in replayed.receipt.refusal_counts:
        reason = reason_pb2.Reason.Name(count.reason).removeprefix("REASON_")
        score.refused[reason] += count.refused_count
    side = score.ours
    missing = replayed.receipt.accepted_count - len(replayed.named)
    for _ in range(missing):
        side.wrong(-1, "an accepted flow was never replayed")
    for index, named in sorted(replayed.named.items()):
        side.add(index, our_verdict(flows[index], index, named, replayed))
    for stray in replayed.strays:
        side.wrong(-1, f"nobody sent {stray.raw[:80]!r}")


def our_verdict(
    flow: Flow | DamagedFlow, index: int, named: frozenset[str], replayed: Replayed
) -> Verdict:
    """What became of one flow."""
    arrived = replayed.arrived.get(index)
    if not isinstance(flow, Flow) or arrived is None:
        return Verdict(wrong=f"nothing arrived: {replayed.failed.get(index, 'and no error')}")
    verdict = judge(Captured.of(flow), arrived.raw, arrived.server_name)
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
    theirs = [score.theirs for score in scores if score.theirs is not None]
    return Score(
        name,
        captures=len(scores),
        flows=sum(score.flows for score in scores),
        refused=sum((score.refused for score in scores), Counter[str]()),
        ours=sides(score.ours for score in scores),
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
