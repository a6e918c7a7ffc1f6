"""Export: the stream's shape, its errors, its end at a stop."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import flow_pb2, history_pb2, history_pb2_grpc, replay_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from replayd.errors import JournalError
from replayd.formats.writers import WRITERS
from replayd.reasons import Reason
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows
from tests.support.captures import flows_of

MITMPROXY = replay_pb2.CAPTURE_FORMAT_MITMPROXY


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


async def export(
    served: Served,
    batch_id: str,
    format: replay_pb2.CaptureFormat.ValueType = MITMPROXY,  # noqa: A002
) -> list[history_pb2.ExportResponse]:
    stub = history_pb2_grpc.HistoryServiceStub(served.channel)
    call = stub.Export(history_pb2.ExportRequest(batch_id=batch_id, format=format))
    return [response async for response in call]


def test_the_stream_begins_at_once_and_ends_with_the_counts(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(3)]))).batch_id
        served.replay(b"one")
        served.replay(b"two")
        first, chunk, last = await export(served, batch)
        assert (first.chunk, first.exported_count) == (b"", 0)
        assert (last.chunk, last.exported_count, last.left_out_count) == (b"", 2, 1)
        assert first.cursor == last.cursor != ""
        found = flows_of(io.BytesIO(chunk.chunk))
        assert [flow.flow_id for flow in found] == ["flow-0", "flow-1"]
        assert [flow.response and flow.response.content for flow in found] == [b"one", b"two"]

    run(tmp_path, test)


def test_a_content_that_was_not_recorded_stays_missing(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        message = flows(1)
        recorded = flow_pb2.Response(status_code=200, content_missing=True)
        message.flow_batch.flows[0].response.CopyFrom(recorded)
        batch = (await served.stub.Enqueue(iter([message]))).batch_id
        served.replay()
        chunk = (await export(served, batch))[1].chunk
        assert b"7:content;0:~" in chunk

    run(tmp_path, test)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
            await export(served, "nope")
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS) as metadata:
            await export(served, "")
        assert metadata == {"field": "batch_id"}
        for number in (replay_pb2.CAPTURE_FORMAT_UNSPECIFIED, replay_pb2.CAPTURE_FORMAT_SAZ, 99):
            with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS) as metadata:
                await export(served, batch, number)  # type: ignore[arg-type]
            assert metadata == {"field": "format"}

    run(tmp_path, test)


WRITTEN = [replay_pb2.CaptureFormat.Value(f"CAPTURE_FORMAT_{each.name}") for each in WRITERS]


@pytest.mark.parametrize("format", WRITTEN)
def test_every_format_that_has_a_writer_is_written(
    tmp_path: Path,
    format: replay_pb2.CaptureFormat.ValueType,  # noqa: A002
) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        served.replay()
        found = flows_of(io.BytesIO((await export(served, batch, format))[1].chunk))
        assert [flow.request and flow.request.path for flow in found] == [b"/0"]

    run(tmp_path, test)


def test_damage_ends_the_stream_with_its_reason(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        with (
            patch.object(served.journal, "history", side_effect=JournalError("damaged")),
            ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.JOURNAL_UNAVAILABLE),
        ):
            await export(served, batch)

    run(tmp_path, test)


def test_a_stop_ends_it_wherever_it_is(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        health = health_pb2_grpc.HealthStub(served.channel)
        asked = health_pb2.HealthCheckRequest(service="flowreplay.v1.HistoryService")
        assert (await health.Check(asked)).status == health_pb2.HealthCheckResponse.SERVING
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        served.replay(bytes(9 << 20))
        stub = history_pb2_grpc.HistoryServiceStub(served.channel)
        call = stub.Export(history_pb2.ExportRequest(batch_id=batch, format=MITMPROXY))
        await anext(aiter(call))
        await served.server.begin_stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            # Flow control holds the stream somewhere before its end.
            async for _ in call:
                pass
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await export(served, batch)

    run(tmp_path, test)
