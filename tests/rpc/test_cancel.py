"""Cancel: what each replay was told to have become, and that it is durable."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
from flowreplay.v1 import event_pb2, replay_pb2

from replayd.model.replay import Replay
from replayd.reasons import Reason
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows

CLEARED = event_pb2.REPLAY_STATE_CLEARED
KILLED = event_pb2.REPLAY_STATE_KILLED
SUCCEEDED = event_pb2.REPLAY_STATE_SUCCEEDED


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


async def cancel(
    served: Served, batch: str, *indices: int
) -> list[tuple[event_pb2.ReplayState.ValueType, bool]]:
    replay_ids = [f"{batch}.{index}" for index in indices]
    done = await served.stub.Cancel(replay_pb2.CancelRequest(replay_ids=replay_ids))
    assert [each.replay_id for each in done.replays] == list(dict.fromkeys(replay_ids))
    return [(each.state, each.changed) for each in done.replays]


def test_each_replay_ends_as_it_can(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(4)]))).batch_id
        served.replay()
        (running,) = served.journal.take(1, 1)
        served.thread.runs(running)
        told = await cancel(served, batch, 2, 1, 0, 1)
        assert told == [(CLEARED, True), (KILLED, True), (SUCCEEDED, False)]
        count = await served.stub.Count(replay_pb2.CountRequest())
        assert (count.queued_count, count.cleared_count, count.killed_count) == (1, 1, 1)
        # Once more nothing changes.
        told = await cancel(served, batch, 2, 1)
        assert told == [(CLEARED, False), (KILLED, False)]

    run(tmp_path, test)


def test_one_that_ends_before_the_thread_hears_of_it(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        (running,) = served.journal.take(1, 1)

        def ends_meanwhile(_: Replay) -> None:
            served.finish(running)

        served.thread.runs(running, ends_meanwhile)
        assert await cancel(served, batch, 0) == [(SUCCEEDED, False)]

    run(tmp_path, test)


def test_none_too_many_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        for replay_ids in ([], [f"b.{index}" for index in range(1001)]):
            with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
                await served.stub.Cancel(replay_pb2.CancelRequest(replay_ids=replay_ids))
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.REPLAY_NOT_FOUND):
            await served.stub.Cancel(replay_pb2.CancelRequest(replay_ids=["nope.0"]))

    run(tmp_path, test)


def test_nobody_waits_for_a_thread_that_has_ended(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(2)]))).batch_id
        served.journal.take(1, 1)
        served.thread.has_ended = True
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await cancel(served, batch, 0)
        # What only waits is none of the thread's.
        assert await cancel(served, batch, 1) == [(CLEARED, True)]

    run(tmp_path, test)
