import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2 as pb
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.history_pb2 import ListReplaysRequest
from flowreplay_client import ReplaydClientError, Unreachable, aio, request_flow

from tests.clients.flowreplay_client.test_client import ANSWER, PAGES, read_one_and_stop
from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon, Refuse
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder


def test_each_call_sends_its_request(fake: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "Count": pb.CountResponse(queued_count=1),
        "Clear": pb.ClearResponse(cleared_count=2),
        "Pause": pb.PauseResponse(changed=True),
        "Resume": pb.ResumeResponse(changed=True),
        "Resolve": pb.ResolveResponse(resolved_count=1),
        "GetStatus": pb.GetStatusResponse(version="1"),
    }
    fake.answers.update(answers)
    monkeypatch.setenv("REPLAYD_ADDRESS", fake.address)

    async def call_all() -> list[object]:
        async with aio.connect() as client:
            first = [await client.count("b"), await client.clear("b")]
            first += [await client.pause(), await client.resume()]
            return [*first, await client.resolve("drop", batch_id="b"), await client.status()]

    assert asyncio.run(call_all()) == list(answers.values())
    assert fake.requests[:2] == [pb.CountRequest(batch_id="b"), pb.ClearRequest(batch_id="b")]


def test_replays_are_listed_page_by_page(fake: FakeDaemon) -> None:
    fake.pages.extend(PAGES)

    async def ids() -> list[str]:
        async with aio.connect(fake.address) as client:
            return [replay.replay_id async for replay in client.replays(parked=True)]

    assert asyncio.run(ids()) == ["b.0", "b.1", "b.2"]
    assert fake.requests[0] == ListReplaysRequest(parked=True)


def test_errors_are_those_of_the_library(fake: FakeDaemon, tmp_path: Path) -> None:
    fake.answers["Count"] = Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND")

    async def count(address: str) -> None:
        async with aio.connect(address) as client:
            await client.count()

    with pytest.raises(ReplaydClientError) as caught:
        asyncio.run(count(fake.address))
    assert caught.value.reason == "BATCH_NOT_FOUND"
    with pytest.raises(Unreachable):
        asyncio.run(count(f"unix:{tmp_path}/none"))


def test_a_broken_enqueue_is_repeated(fake: FakeDaemon) -> None:
    fake.enqueues.extend([read_one_and_stop, ANSWER])

    async def enqueue() -> pb.EnqueueResponse:
        async with aio.connect(fake.address) as client:
            return await client.enqueue([request_flow("GET", "http://h/")])

    assert asyncio.run(enqueue()) == ANSWER


def test_a_cancelled_enqueue_is_given_up(fake: FakeDaemon) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    def read_until_cancelled(messages: Iterator[pb.EnqueueRequest]) -> pb.EnqueueResponse:
        loop.call_soon_threadsafe(begun.set)
        try:
            for _message in messages:
                pass
        finally:
            loop.call_soon_threadsafe(ended.set)
        return ANSWER

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    fake.enqueues.append(read_until_cancelled)

    async def enqueue() -> None:
        async with aio.connect(fake.address) as client:
            call = asyncio.create_task(client.enqueue_capture(endless()))
            async with asyncio.timeout(DEADLINE):
                await begun.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                await ended.wait()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        runner.run(enqueue())


def test_a_capture_becomes_a_batch_beside_other_calls(
    daemon: Daemon, target: Recorder, captures: Path
) -> None:
    path = captures / "mut-header-injection.mitm"

    async def enqueue() -> list[pb.EnqueueResponse]:
        async with aio.connect(daemon.address) as client:
            calls = [
                client.enqueue_capture(path, connect_to=[f"={target.address}"]) for _ in range(3)
            ]
            return await asyncio.gather(*calls)

    batches = asyncio.run(enqueue())
    assert [(each.accepted_count, each.refused_count) for each in batches] == [(2, 1)] * 3


def test_a_stream_is_replayed_while_its_flows_are_made(
    daemon: Daemon, start_recorder: type[Recorder]
) -> None:
    target = start_recorder()

    def flows() -> Iterator[Flow]:
        for number in range(2):
            yield request_flow("GET", f"http://{target.address}/{number}")
            target.wait_for(number + 1)

    async def enqueue() -> pb.EnqueueResponse:
        async with aio.connect(daemon.address) as client:
            return await client.enqueue(flows(), stream=True)

    assert asyncio.run(enqueue()).accepted_count == 2
