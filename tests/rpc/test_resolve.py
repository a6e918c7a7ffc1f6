"""What a Resolve asks for."""

import asyncio
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import event_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.model.replay import Resolution
from replayd.reasons import Reason
from replayd.rpc.resolve import Asked, asked_to_resolve
from tests.rpc.harness import DEADLINE, ends_with, serving
from tests.rpc.messages import flows

DROP = event_pb2.RESOLUTION_DROP


def asked(*replay_ids: str, batch_id: str = "", resolution: int = DROP) -> Asked:
    return asked_to_resolve(
        replay_pb2.ResolveRequest(
            replay_ids=replay_ids,
            batch_id=batch_id,
            resolution=event_pb2.Resolution.ValueType(resolution),
        )
    )


def test_replays_of_one_batch_or_all_of_it() -> None:
    assert asked("b.1", "b.0") == Asked("b", [1, 0], Resolution.DROP)
    assert asked(batch_id="b", resolution=1) == Asked("b", None, Resolution.RESEND)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"batch_id": "b", "resolution": 0}, "resolution"),
        ({"batch_id": "b", "resolution": 3}, "resolution"),
        ({}, "replay_ids"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        asked(**arguments)  # type: ignore[arg-type]
    assert (caught.value.reason, caught.value.metadata) == (
        Reason.INVALID_OPTIONS,
        {"field": field},
    )


def test_both_or_two_batches_are_refused() -> None:
    for ids, batch_id in ((("b.1",), "b"), (("b.1", "c.1"), "")):
        with pytest.raises(ReplaydError) as caught:
            asked(*ids, batch_id=batch_id)
        assert caught.value.metadata == {"field": "replay_ids"}


def test_the_call_answers_and_refuses(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as served, asyncio.timeout(DEADLINE):
            batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
            everything = replay_pb2.ResolveRequest(batch_id=batch, resolution=DROP)
            answer = await served.stub.Resolve(everything)
            assert (answer.resolved_count, answer.resent_batch_id) == (0, "")
            assert answer.cursor
            one = replay_pb2.ResolveRequest(replay_ids=[f"{batch}.0"], resolution=DROP)
            with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.NOT_PARKED) as metadata:
                await served.stub.Resolve(one)
            assert metadata == {"replay_id": f"{batch}.0", "state": "QUEUED"}
            await served.server.begin_stop()
            with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
                await served.stub.Resolve(everything)

    asyncio.run(test())
