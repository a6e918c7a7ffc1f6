"""The unary calls, the table of statuses, health and reflection."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import replay_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from replayd.model.replay import Counts
from replayd.model.target_state import BreakerState, TargetState
from replayd.reasons import Reason
from replayd.rpc.status import status_code
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows, options


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


def test_count_is_exact_at_every_step(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(3)]))).batch_id
        served.replay()
        count = await served.stub.Count(replay_pb2.CountRequest())
        assert (count.queued_count, count.running_count, count.succeeded_count) == (2, 0, 1)
        (taken,) = served.journal.take(1, 1)
        of_batch = await served.stub.Count(replay_pb2.CountRequest(batch_id=batch))
        assert (of_batch.queued_count, of_batch.running_count) == (1, 1)
        served.finish(taken)

    run(tmp_path, test)


def test_clear_takes_off_what_waits_and_names_it(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(5)]))).batch_id
        (taken,) = served.journal.take(1, 1)
        cleared = await served.stub.Clear(replay_pb2.ClearRequest(batch_id=batch))
        assert cleared.cleared_count == 4
        assert [(each.first_index, each.last_index) for each in cleared.ranges] == [(1, 4)]
        served.finish(taken)
        count = await served.stub.Count(replay_pb2.CountRequest())
        assert (count.queued_count, count.cleared_count, count.succeeded_count) == (0, 4, 1)

    run(tmp_path, test)


def test_pause_and_resume_tell_whether_they_changed_anything(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(1)]))
        assert (await served.stub.Pause(replay_pb2.PauseRequest())).changed
        assert not (await served.stub.Pause(replay_pb2.PauseRequest())).changed
        assert (await served.stub.Count(replay_pb2.CountRequest())).paused
        assert served.journal.take(1, 1) == []
        assert (await served.stub.Resume(replay_pb2.ResumeRequest())).changed
        served.replay()

    run(tmp_path, test)


def test_status_tells_of_the_targets_that_are_waited_for_first(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        served.thread.states = [
            TargetState(f"h{port}", port, 0, int(port == 150), 0, 0, BreakerState.CLOSED, 0)
            for port in range(1, 200)
        ]
        served.thread.states.append(
            TargetState("a", 80, 2, 9, 2 * 10**9, 3, BreakerState.OPEN, 5 * 10**9)
        )
        status = await served.stub.GetStatus(replay_pb2.GetStatusRequest())
        assert [target.port for target in status.targets[:3]] == [80, 150, 1]
        assert len(status.targets) == 100
        first = status.targets[0]
        assert (first.running_count, first.waiting_session_count, first.rate_limit) == (2, 9, 0.5)
        assert (first.failure_count, first.probe_time.seconds) == (3, 5)
        assert first.breaker == replay_pb2.BREAKER_STATE_OPEN
        assert not status.targets[1].HasField("probe_time")

    run(tmp_path, test)


def test_one_batch_is_paused_and_moved(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        first = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        second = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        assert (await served.stub.Pause(replay_pb2.PauseRequest(batch_id=first))).changed
        told = [
            (await served.stub.Count(replay_pb2.CountRequest(batch_id=batch_id))).paused
            for batch_id in (first, second, "")
        ]
        assert told == [True, False, False]
        status = await served.stub.GetStatus(replay_pb2.GetStatusRequest())
        assert (list(status.paused_batch_ids), status.paused_batch_count) == ([first], 1)
        watch = replay_pb2.WatchEventsRequest(batch_id=first)
        assert (await anext(aiter(served.stub.WatchEvents(watch)))).paused
        moved = await served.stub.SetPriority(
            replay_pb2.SetPriorityRequest(batch_id=first, priority=-2)
        )
        assert (moved.changed, moved.priority) == (True, -2)
        assert (await served.stub.Resume(replay_pb2.ResumeRequest(batch_id=first))).changed
        assert [served.replay().key.batch_id for _ in range(2)] == [second, first]
        with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.BATCH_ENDED):
            await served.stub.Pause(replay_pb2.PauseRequest(batch_id=first))

    run(tmp_path, test)


def test_the_pace_of_a_batch_is_told_and_changed(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        asked = options(pace={"rate": 1000})
        batch = (await served.stub.Enqueue(iter([asked, flows(2)]))).batch_id
        get = replay_pb2.GetPaceRequest(batch_id=batch)
        assert (await served.stub.GetPace(get)).pace.rate == 1000
        served.replay()
        told = await served.stub.GetPace(get)
        assert told.replay_count == 1
        assert told.HasField("mean_lag_duration")
        pace = replay_pb2.Pace(recorded_speed=2, max_gap_duration={"seconds": 1})
        change = replay_pb2.SetPaceRequest(batch_id=batch, pace=pace)
        assert [(await served.stub.SetPace(change)).changed for _ in range(2)] == [True, False]
        told = await served.stub.GetPace(get)
        assert (told.pace, told.replay_count) == (pace, 0)
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
            change.pace.rate = -1
            await served.stub.SetPace(change)
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
            await served.stub.SetPace(replay_pb2.SetPaceRequest(batch_id="nope"))

    run(tmp_path, test)


def test_an_unknown_batch_is_not_found(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
            await served.stub.Count(replay_pb2.CountRequest(batch_id="nope"))
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
            await served.stub.Clear(replay_pb2.ClearRequest(batch_id="nope"))

    run(tmp_path, test)


def test_a_long_text_does_not_hide_the_error_that_names_it(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
            await served.stub.Count(replay_pb2.CountRequest(batch_id="\N{EURO SIGN}" * 100_000))

    run(tmp_path, test)


def test_watching_from_a_counts_cursor_misses_nothing(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(2)]))
        count = served.journal.count

        def then_another_ends(batch_id: str) -> Counts:
            counted = count(batch_id)
            served.replay()
            return counted

        with patch.object(served.journal, "count", then_another_ends):
            counted = await served.stub.Count(replay_pb2.CountRequest())
        assert counted.succeeded_count == 0
        asked = replay_pb2.WatchEventsRequest(cursor=counted.cursor)
        async for answer in served.stub.WatchEvents(asked):
            if answer.events:
                break
        assert answer.events[0].WhichOneof("payload") == "response"

    run(tmp_path, test)


def test_status_tells_what_runs(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(2)]))
        (taken,) = served.journal.take(1, 5_000_000_000)
        status = await served.stub.GetStatus(replay_pb2.GetStatusRequest())
        assert status.journal == "memory"
        assert status.store_id == served.journal.info.store_id
        assert (status.oldest_sequence, status.latest_sequence) == (1, 1)
        (running,) = status.running_replays
        assert (running.replay_id, running.attempt) == (taken.key.replay_id, 1)
        assert running.start_time.seconds == 5
        served.finish(taken)

    run(tmp_path, test)


def test_a_stopping_daemon_is_unavailable_but_for_count(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        health = health_pb2_grpc.HealthStub(served.channel)
        asked = health_pb2.HealthCheckRequest(service="flowreplay.v1.ReplayService")
        assert (await health.Check(asked)).status == health_pb2.HealthCheckResponse.SERVING
        await served.server.begin_stop()
        assert (await health.Check(asked)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await served.stub.Enqueue(iter([flows(1)]))
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await served.stub.Pause(replay_pb2.PauseRequest())
        await served.stub.Count(replay_pb2.CountRequest())

    run(tmp_path, test)


def test_reflection_lists_the_services(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in stub.ServerReflectionInfo(iter([asked])):
            names = {service.name for service in answer.list_services_response.service}
        assert names == {
            "flowreplay.v1.HistoryService",
            "flowreplay.v1.HookService",
            "flowreplay.v1.JournalService",
            "flowreplay.v1.ReplayService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }

    run(tmp_path, test)


@pytest.mark.parametrize("reason", [each for each in Reason if 60 <= each < 90])
def test_every_reason_of_a_call_has_a_status(reason: Reason) -> None:
    assert status_code(reason) is not grpc.StatusCode.INTERNAL


def test_a_reason_that_no_call_ends_with_is_internal() -> None:
    assert status_code(Reason.CONNECT_TIMEOUT) is grpc.StatusCode.INTERNAL
