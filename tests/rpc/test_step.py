"""Step: it answers once the replays were taken."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2

from replayd.reasons import Reason
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


async def asked(served: Served) -> None:
    """Waits until the journal knows of a step."""
    while served.journal._ledger.steps is None:
        await asyncio.sleep(0)


def test_a_step_says_which_replays_were_taken(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(3)]))).batch_id
        served.journal.pause(True, 1)
        step = served.stub.Step(replay_pb2.StepRequest(replay_count=2))
        await asked(served)
        served.replay()
        assert not step.done()
        served.replay()
        answer = await step
        assert list(answer.replay_ids) == [f"{batch}.0", f"{batch}.1"]
        assert served.journal.take(9, 1) == []

    run(tmp_path, test)


def test_a_step_that_is_given_up_takes_nothing_more(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        served.journal.pause(True, 1)
        step = served.stub.Step(replay_pb2.StepRequest(batch_id=batch))
        await asked(served)
        step.cancel()
        while served.journal._ledger.steps is not None:
            await asyncio.sleep(0)
        assert served.journal.take(1, 1) == []

    run(tmp_path, test)


def test_a_stop_ends_a_step_that_waits(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(1)]))
        served.journal.pause(True, 1)
        step = served.stub.Step(replay_pb2.StepRequest())
        await asked(served)
        await served.server.begin_stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await step

    run(tmp_path, test)


@pytest.mark.parametrize("count", [-1, 1001])
def test_a_count_has_its_range(tmp_path: Path, count: int) -> None:
    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
            await served.stub.Step(replay_pb2.StepRequest(replay_count=count))
        with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.NOT_PAUSED):
            await served.stub.Step(replay_pb2.StepRequest())

    run(tmp_path, test)
