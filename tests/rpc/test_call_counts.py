"""Calls counted as Prometheus' interceptors do, over a real channel."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from replayd.rpc.call_counts import CallCounts
from tests.rpc.harness import DEADLINE, Served, counted, serving

SERVICE = "flowreplay.v1.ReplayService"


def run(folder: Path, test: Callable[[Served, CallCounts], Awaitable[None]]) -> CallCounts:
    counts = CallCounts()

    async def serve() -> None:
        async with (
            asyncio.timeout(DEADLINE),
            serving(folder, calls=counts) as served,
        ):
            await test(served, counts)

    asyncio.run(serve())
    return counts


def test_calls_are_counted_by_method_and_status(tmp_path: Path) -> None:
    async def test(served: Served, _: CallCounts) -> None:
        await served.stub.Count(replay_pb2.CountRequest())
        with pytest.raises(grpc.aio.AioRpcError):
            await served.stub.GetPace(replay_pb2.GetPaceRequest(batch_id="none"))
        watch = served.stub.WatchEvents(
            replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START, until_idle=True)
        )
        async for _message in watch:
            pass
        await served.stub.Enqueue(iter(()))
        health = health_pb2_grpc.HealthStub(served.channel)
        await health.Check(health_pb2.HealthCheckRequest())

    counts = run(tmp_path, test)
    assert counts.handled == {
        (SERVICE, "Count", "OK"): 1,
        (SERVICE, "GetPace", "NOT_FOUND"): 1,
        (SERVICE, "WatchEvents", "OK"): 1,
        (SERVICE, "Enqueue", "OK"): 1,
        ("grpc.health.v1.Health", "Check", "OK"): 1,
    }
    assert counts.started[SERVICE, "Count"] == 1
    assert counts.started.total() == counts.handled.total()


def test_a_watch_that_its_client_gives_up_is_cancelled(tmp_path: Path) -> None:
    async def test(served: Served, counts: CallCounts) -> None:
        watchers = counted(served)
        watch = served.stub.WatchEvents(replay_pb2.WatchEventsRequest())
        await watch.read()
        await watchers(1)
        assert counts.started[SERVICE, "WatchEvents"] == 1
        assert not counts.handled
        watch.cancel()
        await watchers(0)

    assert run(tmp_path, test).handled == {(SERVICE, "WatchEvents", "CANCELLED"): 1}


def test_what_clients_make_up_is_not_counted(tmp_path: Path) -> None:
    async def test(served: Served, _: CallCounts) -> None:
        with pytest.raises(grpc.aio.AioRpcError):
            await served.channel.unary_unary("/made.up/Method")(b"")

    assert not run(tmp_path, test).started
