"""Retry: what is asked for, the new batch, and calls that are repeated."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from flowreplay.v1 import event_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.model.replay import ReplayState
from replayd.reasons import Reason
from replayd.rpc.retry import Wanted, wanted_by
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows

S = ReplayState
CLEARED = event_pb2.REPLAY_STATE_CLEARED


def wanted(**fields: Any) -> Wanted:
    return wanted_by(replay_pb2.RetryRequest(**fields))


def test_failed_ones_of_a_batch_or_others_or_replays() -> None:
    assert wanted(batch_id="b") == Wanted("b", None, frozenset({S.FAILED}))
    assert wanted(batch_id="b", states=[5, 6]) == Wanted(
        "b", None, frozenset({S.KILLED, S.CLEARED})
    )
    assert wanted(replay_ids=["b.3", "b.1"]) == Wanted("b", [3, 1], frozenset())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "replay_ids"),
        ({"batch_id": "b", "replay_ids": ["b.1"]}, "replay_ids"),
        ({"replay_ids": ["b.1", "c.1"]}, "replay_ids"),
        ({"replay_ids": [f"b.{index}" for index in range(1001)]}, "replay_ids"),
        ({"replay_ids": ["b.1"], "states": [4]}, "states"),
        ({"batch_id": "b", "states": [1]}, "states"),
        ({"batch_id": "b", "states": [99]}, "states"),
        ({"batch_id": "b", "request_id": "x" * 201}, "request_id"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        wanted(**fields)
    assert (caught.value.reason, caught.value.metadata) == (
        Reason.INVALID_OPTIONS,
        {"field": field},
    )


def run(folder: Path, test: Callable[[Served], Awaitable[None]], **options: Any) -> None:
    async def serve() -> None:
        async with serving(folder, **options) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


async def cleared(served: Served) -> str:
    """A batch of three that was cleared."""
    batch: str = (await served.stub.Enqueue(iter([flows(3)]))).batch_id
    served.journal.clear(batch, time.time_ns())
    return batch


def test_the_new_batch_and_the_same_again_under_one_request_id(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await cleared(served)
        request = replay_pb2.RetryRequest(batch_id=batch, states=[CLEARED], request_id="id")
        first = await served.stub.Retry(request)
        assert (first.accepted_count, first.duplicate) == (3, False)
        assert [(each.batch_id, each.last_index) for each in first.ranges] == [(batch, 2)]
        counted = await served.stub.Count(replay_pb2.CountRequest(batch_id=first.batch_id))
        assert (counted.queued_count, counted.cleared_count) == (3, 0)
        again = await served.stub.Retry(request)
        assert (again.batch_id, again.duplicate, again.cursor) == (
            first.batch_id,
            True,
            first.cursor,
        )
        request.ClearField("states")
        with ends_with(grpc.StatusCode.ALREADY_EXISTS, Reason.REQUEST_ID_REUSED):
            await served.stub.Retry(request)

    run(tmp_path, test)


def test_nothing_to_send_is_no_batch_and_what_waits_is_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        nothing = await served.stub.Retry(replay_pb2.RetryRequest(batch_id=batch, request_id="a"))
        assert (nothing.batch_id, nothing.accepted_count) == ("", 0)
        assert nothing.cursor
        with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.NOT_ENDED):
            await served.stub.Retry(replay_pb2.RetryRequest(replay_ids=[f"{batch}.0"]))
        # The id is free again.
        served.journal.clear("", 1)
        request = replay_pb2.RetryRequest(replay_ids=[f"{batch}.0"], request_id="a")
        assert (await served.stub.Retry(request)).accepted_count == 1

    run(tmp_path, test)


def test_a_full_queue_takes_nothing(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await cleared(served)
        await served.stub.Enqueue(iter([flows(1)]))
        request = replay_pb2.RetryRequest(batch_id=batch, states=[CLEARED])
        with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL):
            await served.stub.Retry(request)
        assert served.journal.count("").queued == 1

    run(tmp_path, test, max_queued=3)
