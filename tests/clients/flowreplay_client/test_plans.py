"""What would be sent, as an iterator of flows."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2 as pb
from flowreplay.v1.plan_pb2 import Plan
from flowreplay_client import Client, ReplaydClientError, Unreachable, connect, request_flow

from tests.support.daemon import Daemon
from tests.support.fake_daemon import STOPPING, FakeDaemon, PlanStep, Refuse

CHUNK = 1 << 20
SUMMARY = pb.PlanFlowsResponse(summary=pb.PlanSummary(accepted_count=2, refused_count=1))
STRICT = Refuse(grpc.StatusCode.FAILED_PRECONDITION, "FLOW_REFUSED")


def planned(*indices: int) -> pb.PlanFlowsResponse:
    """An answer with flows of these indices."""
    flows = [pb.PlannedFlow(plan=Plan(flow_index=index)) for index in indices]
    return pb.PlanFlowsResponse(flows=flows)


def indices(plans: Iterable[pb.PlannedFlow]) -> list[int]:
    return [flow.plan.flow_index for flow in plans]


def test_it_sends_what_an_enqueue_sends_and_yields_the_flows(
    client: Client, fake: FakeDaemon
) -> None:
    def answer(requests: Iterator[pb.PlanFlowsRequest]) -> Iterator[PlanStep]:
        fake.requests.extend(requests)
        yield from [planned(0, 1), planned(3), SUMMARY]

    fake.plans.append(answer)
    plans = client.plan([request_flow("GET", "http://h/")], content_limit=5, strict=True)
    assert plans.summary is None
    assert indices(plans) == [0, 1, 3]
    assert plans.summary == SUMMARY.summary
    options, batch, _ = fake.requests
    assert isinstance(options, pb.PlanFlowsRequest)
    assert (options.options.strict, options.content_limit_bytes) == (True, 5)
    assert isinstance(batch, pb.PlanFlowsRequest)
    assert len(batch.flow_batch.flows) == 1
    assert not batch.HasField("content_limit_bytes")


def test_flows_come_while_the_capture_is_read(client: Client, fake: FakeDaemon) -> None:
    def echo(requests: Iterator[pb.PlanFlowsRequest]) -> Iterator[PlanStep]:
        for number, _request in enumerate(requests):
            yield planned(number)
        yield SUMMARY

    fake.plans.append(echo)
    source = (bytes(CHUNK) for _ in range(30))
    assert indices(client.plan_capture(source)) == list(range(32))


def test_a_strict_refusal_comes_after_the_summary(client: Client, fake: FakeDaemon) -> None:
    fake.plans.append(lambda _requests: iter([planned(0), SUMMARY, STRICT]))
    plans = client.plan_capture(b"")
    with pytest.raises(ReplaydClientError) as caught:
        list(plans)
    assert caught.value.reason == "FLOW_REFUSED"
    assert plans.summary == SUMMARY.summary


def test_what_breaks_off_does_not_look_whole(client: Client, fake: FakeDaemon) -> None:
    fake.plans.append(lambda _requests: iter([planned(0), STOPPING]))
    plans = client.plan_capture(b"")
    with pytest.raises(Unreachable, match="stopping"):
        list(plans)
    assert plans.summary is None


def test_an_unreachable_daemon(tmp_path: Path) -> None:
    with (
        connect(f"unix:{tmp_path}/none") as client,
        pytest.raises(Unreachable, match="can't reach"),
    ):
        list(client.plan_capture(b"x"))


def test_a_source_that_breaks_is_told_by_its_own_error(daemon: Daemon) -> None:
    def broken() -> Iterator[bytes]:
        yield b"7:"
        raise OSError("disk")

    with connect(daemon.address) as client, pytest.raises(OSError, match="disk"):
        list(client.plan_capture(broken()))


def test_it_can_be_left_early(daemon: Daemon) -> None:
    flows = [request_flow("GET", f"http://h/{number}") for number in range(5000)]
    with connect(daemon.address) as client:
        with client.plan(flows) as plans:
            assert next(plans).plan.url == b"http://h/0"
        assert list(plans) == []
        assert plans.summary is None


def test_settings_that_make_no_sense_ask_nobody(client: Client, fake: FakeDaemon) -> None:
    with pytest.raises(ValueError, match="not a capture format"):
        client.plan_capture(b"", format="tar")
    assert fake.requests == []


def test_a_real_daemon_plans_a_capture_and_keeps_nothing(daemon: Daemon, captures: Path) -> None:
    path = captures / "mut-header-injection.mitm"
    with connect(daemon.address) as client:
        before = client.status().latest_sequence
        plans = client.plan_capture(path, connect_to=["=127.0.0.1:1"])
        assert indices(plans) == [0, 2]
        assert plans.summary is not None
        assert plans.summary.refusals[0].flow_index == 1
        with path.open("rb") as file:
            assert indices(client.plan_capture(file)) == [0, 2]
        assert client.status().latest_sequence == before


def test_large_contents_travel_both_ways(daemon: Daemon) -> None:
    flows = [
        request_flow("POST", "http://h/", content=bytes([65 + n]) * 3 * CHUNK) for n in range(4)
    ]
    with connect(daemon.address) as client:
        plans = list(client.plan(flows, content_limit=CHUNK))
    assert [flow.content[:1] for flow in plans] == [b"A", b"B", b"C", b"D"]
    assert all(len(flow.content) == CHUNK and flow.content_truncated for flow in plans)
    assert all(flow.plan.content_size_bytes == 3 * CHUNK for flow in plans)
