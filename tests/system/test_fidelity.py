"""Real captures arrive at a byte-recording server as they were captured.

What may differ is computed from the witness's JSON, by the judge of `make fidelity`, not
with the daemon's own code: only the changes that the `request` event names.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from flowreplay.v1 import event_pb2, reason_pb2, replay_pb2

from replayd.model.flow import Headers
from tests.support.calls import enqueue_capture, events, payload
from tests.support.captures import CAPTURES, READABLE
from tests.support.certificates import Authority
from tests.support.recorder import Recorded
from tools.fidelity.captured import Captured
from tools.fidelity.judge import Verdict, judge
from tools.fidelity.ours import Lab

Witness = dict[str, Any]

UNDAMAGED = {name: capture.flows for name, capture in READABLE.items()}
"""Every flow of every capture, as the witness's JSON has it."""
OTHERS = set(CAPTURES) - set(READABLE) - {"mut-unknown-key"}  # which replayd notes

STATED_IMPROVEMENTS: dict[tuple[str, int], str | None] = {
    # CR LF in a field: mitmproxy sends it, and two requests leave.
    ("mut-header-injection", 1): "UNSAFE_BYTES",
}
"""Flows that replayd takes or refuses for a better reason than mitmproxy, and ours."""

REASONS = {
    "live": "LIVE_FLOW",
    "intercepted": "INTERCEPTED_FLOW",
    "missing request": "MISSING_REQUEST",
    "missing content": "MISSING_CONTENT",
    "WebSocket": "WEBSOCKET_FLOW",
    "only replay HTTP": "NOT_HTTP",
}
"""A piece of mitmproxy's sentence, and our reason."""


def expected_refusals(name: str, flows: list[Witness]) -> dict[int, str]:
    """Which flows are refused, and why."""
    found: dict[int, str] = {}
    for index, flow in enumerate(flows):
        refused = flow["refused"]
        reason = next((ours for theirs, ours in REASONS.items() if theirs in (refused or "")), None)
        assert (refused is None) == (reason is None), refused
        reason = STATED_IMPROVEMENTS.get((name, index), reason)
        if reason is not None:
            found[index] = reason
    return found


@pytest.fixture(scope="module")
def lab(authority: Authority) -> Iterator[Lab]:
    with Lab(authority) as lab:
        yield lab


@pytest.mark.parametrize("name", UNDAMAGED)
def test_a_capture_arrives_as_it_was_captured(lab: Lab, name: str) -> None:
    flows = UNDAMAGED[name]
    replayed = lab.replay(CAPTURES[name].data)
    receipt = replayed.receipt
    refusals = {each.flow_index: reason_pb2.Reason.Name(each.reason) for each in receipt.refusals}
    expected = {i: f"REASON_{r}" for i, r in expected_refusals(name, flows).items()}
    assert refusals == expected
    assert receipt.accepted_count == len(flows) - len(expected)
    assert not replayed.failed
    assert not replayed.strays, "something else arrived too"
    assert len(replayed.named) == receipt.accepted_count
    for index, named in replayed.named.items():
        compare(flows[index], named, replayed.arrived[index])


def compare(seen: Witness, named: frozenset[str], arrived: Recorded) -> None:
    """Compares a captured flow with what arrived, but for the changes that are named."""
    size, digest = seen["request"]["body"]
    assert (len(arrived.content), hashlib.sha256(arrived.content).hexdigest()) == (size, digest)
    verdict = judge(captured(seen, arrived.content), arrived.raw, arrived.server_name)
    assert verdict == Verdict(named)
    if not named and seen.get("sent"):
        size, digest = seen["sent"]
        assert (len(arrived.raw), hashlib.sha256(arrived.raw).hexdigest()) == (size, digest)


def captured(seen: Witness, content: bytes) -> Captured:
    """The request that the witness saw; of its content it has only the digest."""
    request = seen["request"]
    return Captured(
        method=request["method"].encode("latin-1"),
        scheme=request["scheme"] or "http",
        host=request["host"],
        port=request["port"],
        path=request["path"].encode("latin-1"),
        authority=request["authority"].encode("latin-1"),
        version=request["http_version"].encode("latin-1"),
        fields=fields(request["headers"]),
        content=content,
        trailers=fields(request["trailers"] or []),
        server_name=seen["server_name"] or "",
    )


def fields(listed: list[list[str]]) -> Headers:
    """The witness's fields as bytes."""
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in listed)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_cannot_be_read_queues_nothing_and_says_where(lab: Lab, name: str) -> None:
    stub = lab.daemon.stub()
    capture = CAPTURES[name].data
    before = counts(lab)
    with pytest.raises(grpc.RpcError) as caught:
        enqueue_capture(stub, capture, connect_to=lab.connect_to())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "byte" in caught.value.details()
    assert counts(lab) == before


@pytest.mark.parametrize("name", ["mut-truncated-mid-flow", "mut-trailing-garbage"])
def test_a_damaged_capture_is_refused_by_replayctl_with_the_offset(lab: Lab, name: str) -> None:
    path = str(CAPTURES[name].path)
    done = lab.daemon.replayctl("enqueue", path, exit_code=4)
    assert f"{name}.mitm" in done.stderr
    assert "byte " in done.stderr
    assert done.stdout == ""


def test_an_unknown_key_is_noted_and_the_flow_is_replayed(lab: Lab) -> None:
    stub = lab.daemon.stub()
    capture = CAPTURES["mut-unknown-key"].data
    receipt = enqueue_capture(stub, capture, connect_to=lab.connect_to())
    assert receipt.notes
    seen = events(stub, receipt.cursor, batch_id=receipt.batch_id)
    notes = [e.log for e in seen if payload(e) == "log"]
    assert {note.level for note in notes} == {event_pb2.LOG_LEVEL_WARNING}
    assert {note.reason for note in notes} == {reason_pb2.REASON_CAPTURE_NOTE}


def counts(lab: Lab) -> tuple[int, ...]:
    """How many replays there are, by state."""
    counted = lab.daemon.stub().Count(replay_pb2.CountRequest())
    return (counted.queued_count, counted.running_count, counted.succeeded_count)
