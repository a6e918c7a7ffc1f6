"""Real worker processes: fed, kept, ended, and outlived."""

import asyncio
import fcntl
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from flowreplay.v1 import replay_pb2

import replayd.intake.pool
from replayd.codec.row import decode_rows
from replayd.errors import ReplaydError
from replayd.intake import worker
from replayd.intake.decode import DecodeSettings
from replayd.intake.frames import Frame, decode_error
from replayd.intake.pool import MAX_WORKERS, DecoderPool, Worker, WorkerSettings
from replayd.model.replay import Row
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.workers.frames import HEADER, frame
from tests.rpc.messages import flows, options, post

DEADLINE = 30.0
SETTINGS = WorkerSettings("anywhere", (), (), 64 << 20)


def run(
    test: Callable[[DecoderPool], Awaitable[None]], settings: WorkerSettings = SETTINGS
) -> None:
    async def start() -> None:
        pool = DecoderPool(settings)
        try:
            async with asyncio.timeout(DEADLINE):
                await test(pool)
        finally:
            await pool.close()

    asyncio.run(start())


async def stream(*messages: replay_pb2.EnqueueRequest) -> AsyncIterator[bytes]:
    for message in messages:
        yield message.SerializeToString()


async def decode(worker: Worker, *messages: replay_pb2.EnqueueRequest) -> list[Row]:
    return [row async for rows in worker.decode(stream(*messages)) for row in decode_rows(rows)]


def test_rows_come_in_groups_and_a_summary_follows() -> None:
    async def test(pool: DecoderPool) -> None:
        async with pool.lend() as worker:
            rows = await decode(worker, flows(600), flows(1))
            assert [row.flow_index for row in rows] == list(range(601))
            assert worker.summary.accepted == 601

    run(test)


def test_a_worker_is_kept_for_the_next_enqueue() -> None:
    async def test(pool: DecoderPool) -> None:
        seen = []
        for _ in range(3):
            async with pool.lend() as worker:
                await decode(worker, options(request_id="r"), flows(1))
                seen.append(worker)
        assert seen[0] is seen[1] is seen[2]
        await pool.close()
        assert not seen[0].alive

    run(test)


def test_a_worker_that_has_nothing_to_do_is_let_go_and_reaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replayd.intake.pool, "IDLE_SECONDS", 0.01)

    async def test(pool: DecoderPool) -> None:
        async with pool.lend() as first:
            await decode(first, flows(1))
        assert await first._process.wait() == 0
        assert not Path(f"/proc/{first._process.pid}").exists()
        async with pool.lend() as second:
            await decode(second, flows(1))
        assert second is not first

    run(test)


def test_enqueues_side_by_side_have_workers_of_their_own() -> None:
    async def test(pool: DecoderPool) -> None:
        async def one(count: int) -> int:
            async with pool.lend() as worker:
                return len(await decode(worker, flows(count)))

        counts = [1, 2, 3, 4, 5, 6]
        assert await asyncio.gather(*map(one, counts)) == counts

    run(test)


def test_clients_that_stall_give_way_to_those_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replayd.intake.pool, "STALL_SECONDS", 0.2)

    async def test(pool: DecoderPool) -> None:
        begun = asyncio.Semaphore(0)

        async def stalled() -> AsyncIterator[bytes]:
            yield flows(1).SerializeToString()
            begun.release()
            await asyncio.Event().wait()

        async def stall() -> None:
            async with pool.lend() as worker:
                async for _ in worker.decode(stalled()):
                    pass

        stalls = [asyncio.ensure_future(stall()) for _ in range(MAX_WORKERS)]
        for _ in stalls:
            await begun.acquire()
        async with pool.lend() as worker:
            assert len(await decode(worker, flows(1))) == 1
        ended, held = await asyncio.wait(stalls, return_when=asyncio.FIRST_COMPLETED)
        for each in ended:
            with pytest.raises(ReplaydError, match="nothing came") as caught:
                await each
            assert caught.value.reason is Reason.DECODER_LIMIT
        for each in held:
            each.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    run(test)


async def until_nobody_reads(worker: Worker) -> None:
    """Waits until a worker's output is not taken from its pipe any more."""
    paused = asyncio.Event()
    output = worker._process._output
    pipe = output._transport
    pause = pipe.pause_reading

    def note() -> None:
        pause()
        paused.set()

    with patch.object(pipe, "pause_reading", note):
        if not output._paused:
            await paused.wait()


def test_a_worker_ends_also_when_nobody_reads_what_it_gave() -> None:
    async def test(pool: DecoderPool) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield post(b"x" * (1 << 20)).SerializeToString()

        async with pool.lend() as worker, aclosing(worker.decode(endless())) as groups:
            await anext(groups)
            # Its pipes and what is read ahead of them are full: it can give nothing more.
            await until_nobody_reads(worker)
        assert not worker.alive

    run(test)


def test_an_error_of_the_worker_is_raised_here_and_ends_it() -> None:
    async def test(pool: DecoderPool) -> None:
        async with pool.lend() as worker:
            with pytest.raises(ReplaydError) as caught:
                await decode(worker, replay_pb2.EnqueueRequest(capture_chunk=b"7:1:a;1:x"))
            assert caught.value.reason is Reason.DAMAGED_CAPTURE
        assert not worker.alive

    run(test)


def test_an_error_is_raised_while_the_client_still_sends() -> None:
    async def test(pool: DecoderPool) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield replay_pb2.EnqueueRequest(capture_chunk=b"x" * 65536).SerializeToString()

        async with pool.lend() as worker:
            with pytest.raises(ReplaydError) as caught:
                async for _ in worker.decode(endless()):
                    pass
        assert caught.value.reason is Reason.UNKNOWN_FORMAT

    run(test)


def test_what_stops_the_client_is_raised() -> None:
    async def test(pool: DecoderPool) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield flows(1).SerializeToString()
            raise OSError("the file is gone")

        async with pool.lend() as worker:
            with pytest.raises(OSError, match="the file is gone"):
                async for _ in worker.decode(broken()):
                    pass

    run(test)


def test_a_killed_worker_is_an_error_and_no_more() -> None:
    async def test(pool: DecoderPool) -> None:
        async def stalled(worker: Worker) -> AsyncIterator[bytes]:
            yield flows(1).SerializeToString()
            os.kill(worker._process.pid, signal.SIGKILL)
            await asyncio.Event().wait()

        async with pool.lend() as worker:
            with pytest.raises(ReplaydError, match="ended with code -9") as caught:
                async for _ in worker.decode(stalled(worker)):
                    pass
        assert caught.value.reason is Reason.DECODER_LIMIT
        async with pool.lend() as another:
            assert len(await decode(another, flows(1))) == 1

    run(test)


def test_signals_for_the_daemon_do_not_end_its_workers() -> None:
    """A terminal and a service manager signal every process; the daemon's drain decides."""

    async def test(pool: DecoderPool) -> None:
        async with pool.lend() as worker:
            await decode(worker, flows(1))
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(worker._process.pid, number)
            assert len(await decode(worker, flows(2))) == 2
            assert os.getpgid(worker._process.pid) != os.getpgid(0)

    run(test)


def test_no_module_comes_from_the_folder_that_the_daemon_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resource.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)

    async def test(pool: DecoderPool) -> None:
        async with pool.lend() as worker:
            assert len(await decode(worker, flows(1))) == 1

    run(test)


def test_a_worker_that_can_not_be_started_is_an_error_of_its_enqueue() -> None:
    async def test(pool: DecoderPool) -> None:
        with (
            patch.object(asyncio, "create_subprocess_exec", side_effect=BlockingIOError("no more")),
            pytest.raises(ReplaydError, match="no more") as caught,
        ):
            async with pool.lend():
                pass
        assert caught.value.reason is Reason.DECODER_LIMIT
        async with pool.lend() as worker:
            assert len(await decode(worker, flows(1))) == 1

    run(test)


def test_what_nobody_foresaw_is_told_apart_from_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    sink = io.BytesIO()
    settings = DecodeSettings(TargetRules(), 1)
    with patch.object(worker.Decoding, "run", side_effect=KeyError("surprise")):
        assert not worker._serve(io.BytesIO(), sink, settings)
    sink.seek(HEADER.size)
    error = decode_error(sink.read())
    assert error.reason is Reason.INTERNAL
    assert "KeyError" in error.message
    assert "surprise" in capsys.readouterr().err


def test_time_is_granted_for_what_is_taken_in_and_for_what_is_given() -> None:
    source = frame(Frame.MESSAGE, flows(600).SerializeToString()) + frame(Frame.END)
    with patch.object(worker, "grant_time") as grant:
        assert worker._serve(
            io.BytesIO(source), io.BytesIO(), DecodeSettings(TargetRules(), 1 << 20)
        )
    # At the beginning, and for groups of 256, 256 and 88 rows.
    assert grant.call_count == 4


def test_pipes_are_widened_and_what_is_none_is_left_alone(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    try:
        worker._widen(file, reading)
        assert fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ) > 1 << 16
    finally:
        for descriptor in (reading, writing, file):
            os.close(descriptor)


def test_a_worker_ends_quietly_when_its_daemon_dies() -> None:
    message = frame(Frame.MESSAGE, flows(256).SerializeToString())
    with subprocess.Popen(
        [sys.executable, "-m", "replayd.intake.worker", SETTINGS.as_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(message * 3)
        process.stdin.flush()
        process.stdout.read(1)
        # Half a message, and nobody to read the rows: both ends close at a death.
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.write(message * 30 + message[:-1])
            process.stdin.close()
        assert process.stderr.read() == b""


def test_memory_is_bounded() -> None:
    async def test(pool: DecoderPool) -> None:
        def chunk(last: bool) -> replay_pb2.EnqueueRequest:
            return replay_pb2.EnqueueRequest(
                content_chunk=replay_pb2.ContentChunk(data=bytes(1 << 20), last=last)
            )

        first = flows(1)
        first.flow_batch.flows[0].request.content_follows = True
        chunks = [chunk(index == 63) for index in range(64)]
        async with pool.lend() as worker:
            # Where protobuf 6 gets no memory it ends the process, newer ones say so.
            with pytest.raises(ReplaydError, match=r"(more|or) memory") as caught:
                await decode(worker, first, *chunks)
        assert caught.value.reason is Reason.DECODER_LIMIT

    run(test, WorkerSettings("anywhere", (), (), 64 << 20, memory_limit=160 << 20))


def test_the_largest_content_fits() -> None:
    async def test(pool: DecoderPool) -> None:
        first = flows(1)
        first.flow_batch.flows[0].request.content_follows = True
        piece = replay_pb2.ContentChunk(data=bytes(1 << 20))
        chunks = [replay_pb2.EnqueueRequest(content_chunk=piece) for _ in range(63)]
        end = replay_pb2.EnqueueRequest(
            content_chunk=replay_pb2.ContentChunk(data=bytes(1 << 20), last=True)
        )
        async with pool.lend() as worker:
            (row,) = await decode(worker, first, *chunks, end)
        assert len(row.request_content) == 64 << 20

    run(test)


def test_a_start_loads_nothing_that_few_calls_need() -> None:
    program = "import sys, replayd.intake.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    later = {"dataclasses", "replayd.filters", "replayd.live", "replayd.rewriting", "tempfile"}
    assert not later & set(loaded.stdout.decode().split())
