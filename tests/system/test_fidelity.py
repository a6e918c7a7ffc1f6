"""Real captures arrive at a byte-recording server as they were captured.

What may differ is computed here from the witness's JSON alone, not with the daemon's own
code: only the changes that the `request` event names.
"""

import hashlib
import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc
import pytest
from flowreplay.v1 import event_pb2, plan_pb2, reason_pb2, replay_pb2

from tests.support.calls import connect_to, enqueue_capture, events, outcomes, payload
from tests.support.captures import CAPTURES, READABLE
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.recorder import Recorded, Recorder

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


class Lab(NamedTuple):
    """A daemon, and a plain and a TLS server that stand for all others."""

    daemon: Daemon
    plain: Recorder
    secure: Recorder

    def connect_to(self) -> list[Any]:
        """Dials the two in place of everything."""
        return [connect_to("http", self.plain.port), connect_to("https", self.secure.port)]


@pytest.fixture(scope="module")
def lab(authority: Authority) -> Iterator[Lab]:
    with (
        Recorder() as plain,
        Recorder(tls=authority.server_context("any.test")) as secure,
        Daemon("--ephemeral", "--insecure") as daemon,
    ):
        yield Lab(daemon, plain, secure)


@pytest.mark.parametrize("name", UNDAMAGED)
def test_a_capture_arrives_as_it_was_captured(lab: Lab, name: str) -> None:
    flows = UNDAMAGED[name]
    for recorder in (lab.plain, lab.secure):
        recorder.requests.clear()
    stub = lab.daemon.stub()
    capture = CAPTURES[name].data
    receipt = enqueue_capture(stub, capture, connect_to=lab.connect_to())
    refusals = {each.flow_index: reason_pb2.Reason.Name(each.reason) for each in receipt.refusals}
    expected = {i: f"REASON_{r}" for i, r in expected_refusals(name, flows).items()}
    assert refusals == expected
    assert receipt.accepted_count == len(flows) - len(expected)

    seen = events(stub, receipt.cursor, batch_id=receipt.batch_id)
    ended = outcomes(seen)
    failed = [found[0].error for found in ended.values() if payload(found[0]) == "error"]
    assert not failed
    assert len(ended) == receipt.accepted_count
    plans = {e.request.plan.flow_index: e.request.plan for e in seen if payload(e) == "request"}
    arrived = {"http": iter(lab.plain.requests), "https": iter(lab.secure.requests)}
    for index in sorted(plans):
        captured = flows[index]
        compare(captured, plans[index], next(arrived[captured["request"]["scheme"]]))
    assert not any(list(left) for left in arrived.values()), "something else arrived too"


def compare(captured: Witness, plan: plan_pb2.Plan, arrived: Recorded) -> None:
    """Compares a captured flow with what arrived, but for the changes that are named."""
    kinds = {change.kind for change in plan.changes} - {plan_pb2.CHANGE_KIND_CONNECT_TO}
    request = captured["request"]
    size, digest = request["body"]
    assert (len(arrived.content), hashlib.sha256(arrived.content).hexdigest()) == (size, digest)
    compare_heads(request, kinds, arrived)
    if not kinds and captured.get("sent"):
        size, digest = captured["sent"]
        assert (len(arrived.raw), hashlib.sha256(arrived.raw).hexdigest()) == (size, digest)
    if request["scheme"] == "https":
        name = captured["server_name"] or request["host"]
        # An address is no name that TLS could ask for (RFC 6066 section 3).
        assert arrived.server_name == (None if is_address(name) else name)


def compare_heads(request: Witness, kinds: set[int], arrived: Recorded) -> None:
    """Compares start line and fields, byte for byte, in order."""
    fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in request["headers"]]
    version = request["http_version"]
    target = request["path"]
    if version.startswith(("HTTP/2", "HTTP/3")):
        assert plan_pb2.CHANGE_KIND_HTTP_VERSION in kinds
        version = "HTTP/1.1"
        fields = downgraded(fields, request["authority"].encode("latin-1"))
    elif request["authority"] and request["method"] != "CONNECT":
        target = f"{request['scheme']}://{request['authority']}{target}"
    assert arrived.start_line == f"{request['method']} {target} {version}".encode("latin-1")
    lines = arrived.head.split(b"\r\n", 1)[1].removesuffix(b"\r\n")
    if plan_pb2.CHANGE_KIND_CONTENT_LENGTH in kinds:
        check_framing(arrived)
        fields = [field for field in fields if field[0].lower() != b"content-length"]
        lines = b"".join(
            line + b"\r\n"
            for line in lines.split(b"\r\n")[:-1]
            if not line.lower().startswith(b"content-length:")
        )
    assert lines == b"".join(b"%s: %s\r\n" % field for field in fields)


def downgraded(fields: list[tuple[bytes, bytes]], authority: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of an HTTP/2 request over HTTP/1.1: Host first, cookies joined."""
    host = authority or next(v for n, v in fields if n.lower() == b"host")
    cookies = [value for name, value in fields if name.lower() == b"cookie"]
    kept: list[tuple[bytes, bytes]] = [(b"Host", host)]
    for name, value in fields:
        if name.lower() == b"cookie":
            if cookies:
                kept.append((name, b"; ".join(cookies)))
            cookies = []
        elif name.lower() != b"host":
            kept.append((name, value))
    return kept


def check_framing(arrived: Recorded) -> None:
    """One field says where the content ends, and it is right."""
    lengths = [value for name, value in arrived.fields if name.lower() == b"content-length"]
    chunked = arrived.field(b"transfer-encoding") is not None
    assert lengths == ([] if chunked or not arrived.content else [b"%d" % len(arrived.content)])


def is_address(host: str) -> bool:
    """Whether a host is a literal address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
