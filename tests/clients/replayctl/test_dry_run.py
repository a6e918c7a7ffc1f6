"""What a dry run shows: in text, in JSON, and when it ends early."""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import plan_pb2 as pb
from flowreplay.v1 import reason_pb2
from flowreplay.v1.replay_pb2 import (
    PlanFlowsRequest,
    PlanFlowsResponse,
    PlannedFlow,
    PlanSummary,
    Refusal,
)
from replayctl.dry_run import planned_lines

from tests.support.fake_daemon import STOPPING, FakeDaemon, PlanStep, Refuse
from tests.support.replayctl import replayctl

REFUSAL = Refusal(flow_index=1, reason=reason_pb2.REASON_LIVE_FLOW, message="live")
SUMMARY = PlanSummary(accepted_count=1, refused_count=1, refusals=[REFUSAL])
STRICT = Refuse(grpc.StatusCode.FAILED_PRECONDITION, "FLOW_REFUSED", "one is refused")
HTTP = pb.Target(scheme="http", host="h", port=80)
GET = PlannedFlow(
    plan=pb.Plan(method=b"GET", url=b"http://h/", target=HTTP, head=b"GET / HTTP/1.1\r\n\r\n")
)
GET_LINES = ["flow 0: GET http://h/", "  to h:80", "    GET / HTTP/1.1"]


def lines(flow: PlannedFlow) -> list[str]:
    return list(planned_lines(flow, lambda text, _colour: text))


def test_a_plain_request() -> None:
    assert lines(GET) == GET_LINES


def test_where_it_goes_and_what_was_changed() -> None:
    target = pb.Target(scheme="https", host="h", port=443, server_name="n")
    target.dial_host, target.dial_port = "::1", 8443
    changes = [
        pb.Change(kind=pb.CHANGE_KIND_CONNECT_TO, description="dialled\nelsewhere"),
        pb.Change(kind=pb.CHANGE_KIND_CONTENT_LENGTH, description="Content-Length: 4 added"),
    ]
    plan = pb.Plan(method=b"M", url=b"https://h/\xff", target=target, flow_index=7, flow_id="id")
    plan.changes.extend(changes)
    plan.head = b"M / HTTP/1.1\r\nHost: h\r\n\r\n"
    assert lines(PlannedFlow(plan=plan, upstream="socks5://p:1080")) == [
        r"flow 7 (id): M https://h/\xff",
        "  to [::1]:8443, TLS for n, through socks5://p:1080",
        r"  changed: dialled\nelsewhere [CONNECT_TO]",
        "  changed: Content-Length: 4 added [CONTENT_LENGTH]",
        "    M / HTTP/1.1",
        "    Host: h",
    ]


def test_bytes_are_made_readable() -> None:
    plan = pb.Plan(method=b"P", url=b"http://h/", target=HTTP, content_size_bytes=8)
    plan.head = b"P /\x1b[31m HTTP/1.1\r\nA: \xe9\r\nB: x\r\n folded\r\n\r\n"
    plan.expect_continue = True
    assert lines(PlannedFlow(plan=plan, content=b"a\nb\r\n", content_truncated=True))[2:] == [
        "  with 8 B of content, which waits briefly for 100 Continue",
        r"    P /\x1b[31m HTTP/1.1",
        r"    A: \xe9",
        "    B: x",
        "     folded",
        "",
        "    a",
        "    b",
        "",
        "    ... 3 more bytes",
    ]


def test_chunks_and_trailers() -> None:
    plan = pb.Plan(method=b"P", url=b"http://h/", target=HTTP, framing=pb.FRAMING_CHUNKED)
    plan.head = b"P / HTTP/1.1\r\n\r\n"
    assert lines(PlannedFlow(plan=plan))[2:] == [
        "  with 0 B of content, in one chunk",
        "    P / HTTP/1.1",
    ]
    plan.content_size_bytes = 2
    plan.trailer_section = b"T: 1\r\nU: 2\r\n"
    shown = lines(PlannedFlow(plan=plan, content=b"\x00\xff"))[2:]
    assert shown[:3] == ["  with 2 B of content, in one chunk", "    P / HTTP/1.1", ""]
    assert shown[3].startswith("    00000000  00 ff ")
    assert shown[4:] == ["", "    T: 1", "    U: 2"]


def test_both_forms_where_the_server_chooses() -> None:
    plan = pb.Plan(method=b"P", url=b"https://h/", target=HTTP, content_size_bytes=2)
    plan.target.http_versions = pb.HTTP_VERSIONS_TWO_OR_ONE
    plan.head = b"P / HTTP/1.1\r\nHost: h\r\n\r\n"
    plan.changes.add(kind=pb.CHANGE_KIND_HTTP_VERSION, description="HTTP/2.0 -> HTTP/1.1")
    plan.http2.headers.add(name=b":path", value=b"/")
    plan.http2.trailers.add(name=b"t", value=b"1")
    flow = PlannedFlow(plan=plan, content=b"ab")
    http2 = ["  with 2 B of content", "    :path: /", ""]
    assert lines(flow)[2:] == [
        "  over HTTP/2, if the server chooses it",
        *http2,
        "    (the content, see below)",
        "",
        "    t: 1",
        "  else over HTTP/1.1",
        "  changed: HTTP/2.0 -> HTTP/1.1 [HTTP_VERSION]",
        "  with 2 B of content",
        "    P / HTTP/1.1",
        "    Host: h",
        "",
        "    ab",
    ]
    plan.target.http_versions = pb.HTTP_VERSIONS_TWO
    only = ["  over HTTP/2", *http2, "    ab", "", "    t: 1"]
    assert lines(PlannedFlow(plan=plan, content=b"ab"))[2:] == only


def test_what_is_said_on_a_websocket() -> None:
    plan = pb.Plan(method=b"GET", url=b"http://h/", target=HTTP, head=b"GET / HTTP/1.1\r\n\r\n")
    plan.websocket.client_message_count = 1
    flow = PlannedFlow(plan=plan, messages_truncated=True)
    flow.messages.add(from_client=True, content=b"hi\n")
    assert lines(flow)[2:] == [
        "    GET / HTTP/1.1",
        "  then 1 WebSocket message, 0 awaited, then the server closes",
        r"    -> binary 3 B  hi\n",
        "    ...",
    ]


@pytest.fixture
def capture(captures: Path) -> str:
    return str(captures / "mut-unknown-key.mitm")


def answer(fake: FakeDaemon, *steps: PlanStep) -> None:
    """Lets the fake answer the next plan."""

    def plan(requests: Iterator[PlanFlowsRequest]) -> Iterator[PlanStep]:
        fake.requests.extend(requests)
        yield from steps

    fake.plans.append(plan)


FLOWS = PlanFlowsResponse(flows=[GET])
END = PlanFlowsResponse(summary=SUMMARY)


def test_each_flow_is_printed_and_the_sum_of_each_file(fake: FakeDaemon, capture: str) -> None:
    for _ in range(2):
        answer(fake, FLOWS, END)
    ended = replayctl(fake.address, "enqueue", "--dry-run", "--raw", capture, capture)
    one = [
        *GET_LINES,
        f"{capture}: 1 would be sent, 1 refused",
        "  flow 1 refused: LIVE_FLOW: live",
    ]
    assert ended.stdout.splitlines() == [*one, *one]
    first = fake.requests[0]
    assert isinstance(first, PlanFlowsRequest)
    assert (first.options.raw, first.content_limit_bytes) == (True, 1 << 20)


def test_json_is_one_message_a_line(fake: FakeDaemon, capture: str) -> None:
    answer(fake, PlanFlowsResponse(flows=[GET, GET]), END)
    ended = replayctl(fake.address, "--output", "json", "enqueue", "--dry-run", capture)
    first, second, summary = map(json.loads, ended.stdout.splitlines())
    assert first == second
    assert first["plan"]["target"]["host"] == "h"
    assert (summary["acceptedCount"], summary["refusals"][0]["flowIndex"]) == ("1", "1")


def test_a_strict_refusal_is_told_after_everything(fake: FakeDaemon, capture: str) -> None:
    answer(fake, FLOWS, END, STRICT)
    ended = replayctl(fake.address, "enqueue", "--dry-run", "--strict", capture, capture)
    assert ended.code == 4
    assert ended.stdout.splitlines()[-1] == "  flow 1 refused: LIVE_FLOW: live"
    assert ended.stderr.splitlines() == [
        f"replayctl: {capture}: one is refused [FLOW_REFUSED]",
        f"replayctl: not planned either: {capture}",
    ]


def test_what_breaks_off_has_no_sum(fake: FakeDaemon, capture: str) -> None:
    answer(fake, FLOWS, STOPPING)
    ended = replayctl(fake.address, "enqueue", "--dry-run", capture)
    assert ended.code == 3
    assert ended.stdout.splitlines() == GET_LINES


def test_all_refused_is_a_refusal(fake: FakeDaemon, capture: str) -> None:
    answer(fake, PlanFlowsResponse(summary=PlanSummary(refused_count=1, refusals=[REFUSAL])))
    assert replayctl(fake.address, "enqueue", "--dry-run", capture).code == 4
