"""PlanFlows: what would be sent, what would be refused, and that nothing is kept of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import plan_pb2, reason_pb2, replay_pb2

import replayd.intake.pool
from replayd.errors import ReplaydError
from replayd.intake.pool import MAX_WORKERS
from replayd.reasons import Reason
from replayd.rpc.plan import MAX_BYTES
from replayd.wire.settings import WireSettings, parse_upstream
from tests.rpc.harness import DEADLINE, NO_UPSTREAM, Served, ends_with, serving
from tests.rpc.messages import flows, options, post, refused_flow, unended, websocket_flow

Answer = replay_pb2.PlanFlowsResponse
MIB = 1 << 20


def run(
    folder: Path, test: Callable[[Served], Awaitable[None]], *, wire: WireSettings = NO_UPSTREAM
) -> None:
    async def serve() -> None:
        async with serving(folder, wire=wire) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


def as_plan(message: replay_pb2.EnqueueRequest, **more: int) -> replay_pb2.PlanFlowsRequest:
    """The same message of a PlanFlows."""
    request = replay_pb2.PlanFlowsRequest.FromString(message.SerializeToString())
    request.MergeFrom(replay_pb2.PlanFlowsRequest(**more))
    return request


async def plan(
    served: Served, messages: Iterable[replay_pb2.EnqueueRequest], **more: int
) -> list[Answer]:
    """All answers; `more` goes with the first message."""
    first, *rest = messages
    requests = [as_plan(first, **more), *map(as_plan, rest)]
    return [answer async for answer in served.stub.PlanFlows(iter(requests))]


def planned(answers: Iterable[Answer]) -> list[replay_pb2.PlannedFlow]:
    return [flow for answer in answers for flow in answer.flows]


def test_every_flow_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        rule = replay_pb2.ConnectTo(dial_host="127.0.0.2", dial_port=8080)
        messages = [options(connect_to=[rule]), flows(1), refused_flow(), post(b"body")]
        answers = await plan(served, messages)
        get, with_body = planned(answers)
        assert get.plan.head == b"GET /0 HTTP/1.1\r\nHost: h\r\n\r\n"
        assert (get.plan.flow_index, get.plan.flow_id, get.content) == (0, "flow-0", b"")
        assert (get.plan.target.dial_host, get.plan.target.dial_port) == ("127.0.0.2", 8080)
        assert [change.kind for change in get.plan.changes] == [plan_pb2.CHANGE_KIND_CONNECT_TO]
        assert (with_body.plan.flow_index, with_body.content) == (2, b"body")
        assert not with_body.content_truncated
        assert with_body.upstream == ""

        summary = answers[-1].summary
        assert (summary.accepted_count, summary.refused_count) == (2, 1)
        assert (summary.refusals[0].flow_index, summary.refusals[0].flow_id) == (1, "bad")
        assert summary.refusal_counts[0].reason == reason_pb2.REASON_LIVE_FLOW
        assert not any(answer.HasField("summary") for answer in answers[:-1])
        assert all(answer.cursor for answer in answers)

        assert served.journal.latest == 0
        assert served.journal.count("").queued == 0

    run(tmp_path, test)


def test_an_enqueue_sends_what_was_planned(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        messages = [options(raw=True), flows(2), post(b"x")]
        told = planned(await plan(served, messages))
        await served.stub.Enqueue(iter(messages))
        for each in told:
            replay = served.replay()
            assert replay.plan == each.plan.SerializeToString()

    run(tmp_path, test)


@pytest.mark.parametrize("messages", [[options()], [flows(0)]])
def test_nothing_to_plan_is_a_summary(
    tmp_path: Path, messages: list[replay_pb2.EnqueueRequest]
) -> None:
    async def test(served: Served) -> None:
        (answer,) = await plan(served, messages)
        assert answer.HasField("summary")
        assert answer.summary == replay_pb2.PlanSummary()

    run(tmp_path, test)


@pytest.mark.parametrize(("limit", "shown"), [(None, 64 << 10), (0, 0), (3, 3), (MIB, MIB)])
def test_contents_are_cut_to_the_limit(tmp_path: Path, limit: int | None, shown: int) -> None:
    async def test(served: Served) -> None:
        content = bytes(range(256)) * (MIB // 256 + 1)
        more = {} if limit is None else {"content_limit_bytes": limit}
        (flow,) = planned(await plan(served, [options(), post(content)], **more))
        assert flow.content == content[:shown]
        assert flow.content_truncated
        assert flow.plan.content_size_bytes == len(content)

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("limit", "shown"), [(None, ["hello", "hello", "bye"]), (0, []), (6, ["hello", "h"])]
)
def test_a_websocket_has_messages_in_place_of_content(
    tmp_path: Path, limit: int | None, shown: list[str]
) -> None:
    async def test(served: Served) -> None:
        more = {} if limit is None else {"content_limit_bytes": limit}
        (flow,) = planned(await plan(served, [options(), websocket_flow()], **more))
        assert (flow.content, flow.content_truncated) == (b"", False)
        assert [each.content.decode() for each in flow.messages] == shown
        assert flow.messages_truncated == (limit is not None)
        assert flow.plan.websocket.client_message_count == 2

    run(tmp_path, test)


@pytest.mark.parametrize("limit", [-1, MIB + 1])
def test_a_limit_out_of_range(tmp_path: Path, limit: int) -> None:
    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS) as metadata:
            await plan(served, [options(), flows(1)], content_limit_bytes=limit)
        assert metadata["field"] == "content_limit_bytes"

    run(tmp_path, test)


def test_answers_are_of_a_bounded_size(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        contents = [post(b"x" * size) for size in (400_000, 400_000, 400_000, 900_000, 10)]
        answers = await plan(served, [options(), *contents], content_limit_bytes=MIB)
        assert len(planned(answers)) == 5
        assert all(answer.ByteSize() <= MAX_BYTES + 1000 for answer in answers)

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("url", "head"),
    [
        ("http://u:p@proxy", b"GET http://127.0.0.1/0 HTTP/1.1\r\n"),
        ("socks5://proxy:9050", b"GET /0 HTTP/1.1\r\n"),
    ],
)
def test_plans_are_those_that_an_upstream_gets(tmp_path: Path, url: str, head: bytes) -> None:
    upstream = parse_upstream(url)

    async def test(served: Served) -> None:
        (flow,) = planned(await plan(served, [flows(1)]))
        assert flow.upstream == upstream.name
        assert flow.plan.head.startswith(head)
        mark = "Proxy-Authorization: Basic ‹redacted 4B›\r\n".encode()
        assert (mark in flow.plan.head) == ("u:p" in url)
        assert len(flow.plan.changes) == (2 if "u:p" in url else 0)

    run(tmp_path, test, wire=WireSettings(upstream=upstream))


def test_a_strict_call_tells_everything_and_ends_as_its_enqueue_would(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        requests = [as_plan(each) for each in (options(strict=True), flows(1), refused_flow())]
        answers = []
        with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.FLOW_REFUSED) as metadata:
            async for answer in served.stub.PlanFlows(iter(requests)):
                answers.append(answer)  # noqa: PERF401 - it ends with an error
        assert metadata["flow_index"] == "1"
        assert len(planned(answers)) == 1
        assert answers[-1].summary.refused_count == 1

    run(tmp_path, test)


def test_a_damaged_capture_says_where(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        damaged = replay_pb2.EnqueueRequest(capture_chunk=b"7:1:a;1:x")
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.DAMAGED_CAPTURE) as metadata:
            await plan(served, [damaged])
        assert "byte_offset" in metadata

    run(tmp_path, test)


def test_plans_come_while_the_capture_is_still_being_sent(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        told = asyncio.Event()

        async def messages() -> AsyncIterator[replay_pb2.PlanFlowsRequest]:
            for _ in range(3):
                yield as_plan(post(b"x" * 500_000))
            await told.wait()

        seen = 0
        async for answer in served.stub.PlanFlows(messages()):
            seen += len(answer.flows)
            told.set()
        assert seen == 3

    run(tmp_path, test)


def test_a_cancelled_call_leaves_nothing_under_way(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        call = served.stub.PlanFlows(unended(as_plan(flows(1))))
        while not served.planner._under_way:
            await asyncio.sleep(0)
        call.cancel()
        while served.planner._under_way:
            await asyncio.sleep(0)
        assert len(planned(await plan(served, [flows(1)]))) == 1

    run(tmp_path, test)


def test_a_stopping_daemon_ends_what_is_under_way(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        call = served.stub.PlanFlows(unended(as_plan(flows(1))))
        while not served.planner._under_way:
            await asyncio.sleep(0)
        await served.planner.stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await call.read()
        await served.server.begin_stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await plan(served, [flows(1)])

    run(tmp_path, test)


def test_clients_that_read_nothing_give_way_to_those_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replayd.intake.pool, "STALL_SECONDS", 0.3)

    async def test(served: Served) -> None:
        async def large() -> AsyncIterator[bytes]:
            while True:
                yield post(b"x" * MIB).SerializeToString()

        stalled = [served.planner.plan(large(), client="") for _ in range(MAX_WORKERS)]
        for each in stalled:
            await anext(each)
        # They hold every worker, and nobody takes their next answer.
        assert len(planned(await plan(served, [flows(1)]))) == 1
        with pytest.raises(ReplaydError, match="nothing was read") as caught:
            async for _ in stalled[0]:
                pass
        assert caught.value.reason is Reason.DECODER_LIMIT
        for each in stalled:
            await each.aclose()

    run(tmp_path, test)
