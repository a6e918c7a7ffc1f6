"""What would be sent, for tasks."""

import asyncio
from collections.abc import Iterator

import pytest
from flowreplay.v1 import replay_pb2 as pb
from flowreplay_client import ReplaydClientError, aio, request_flow

from tests.clients.flowreplay_client.test_plans import STRICT, SUMMARY, indices, planned
from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon, PlanStep
from tests.support.processes import DEADLINE


async def gather(plans: aio.Plans) -> list[pb.PlannedFlow]:
    return [flow async for flow in plans]


def test_it_yields_the_flows(fake: FakeDaemon) -> None:
    fake.plans.append(lambda _requests: iter([planned(0, 2), SUMMARY]))

    async def plan() -> None:
        async with aio.connect(fake.address) as client:
            plans = client.plan([request_flow("GET", "http://h/")])
            assert indices(await gather(plans)) == [0, 2]
            assert plans.summary == SUMMARY.summary
            assert await gather(plans) == []

    asyncio.run(plan())


def test_errors_are_those_of_the_library(fake: FakeDaemon) -> None:
    fake.plans.append(lambda _requests: iter([SUMMARY, STRICT]))

    async def plan() -> None:
        async with aio.connect(fake.address) as client:
            plans = client.plan_capture(b"")
            with pytest.raises(ReplaydClientError) as caught:
                await gather(plans)
            assert caught.value.reason == "FLOW_REFUSED"
            assert plans.summary == SUMMARY.summary
            with pytest.raises(ValueError, match="not a capture format"):
                client.plan_capture(b"", format="tar")

    asyncio.run(plan())


def test_a_cancelled_task_ends_the_call(fake: FakeDaemon) -> None:
    ended = asyncio.Event()

    def silent(requests: Iterator[pb.PlanFlowsRequest]) -> Iterator[PlanStep]:
        try:
            yield planned(0)
            list(requests)
        finally:
            loop.call_soon_threadsafe(ended.set)

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    fake.plans.append(silent)

    async def plan() -> None:
        async with aio.connect(fake.address) as client, asyncio.timeout(DEADLINE):
            async with client.plan_capture(endless()) as plans:
                await anext(plans)
                waiting = asyncio.create_task(anext(plans))
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            await ended.wait()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        runner.run(plan())


def test_a_real_daemon_plans_beside_other_calls(daemon: Daemon) -> None:
    async def plan() -> None:
        async with aio.connect(daemon.address) as client:
            flows = [request_flow("GET", f"http://h/{number}") for number in range(300)]
            found, status = await asyncio.gather(gather(client.plan(flows)), client.status())
            assert indices(found) == list(range(300))
            assert status.journal == "memory"

    asyncio.run(plan())
