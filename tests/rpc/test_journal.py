"""JournalService: what a copy's caller is told, and what ends it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from flowreplay.v1 import journal_pb2, journal_pb2_grpc

from replayd.errors import JournalError, ReplaydError
from replayd.reasons import Reason
from tests.rpc.harness import DEADLINE, Served, ends_with, serving

Progress = Callable[[int, int], None]
BackUp = Callable[[Path, Progress], int]


def run(folder: Path, test: Callable[[Served], Awaitable[None]], back_up: BackUp) -> None:
    """Serves a journal whose copies are made by `back_up`."""

    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            served.journal.back_up = back_up  # type: ignore[method-assign]
            await test(served)

    asyncio.run(serve())


def copies(served: Served, folder: str = "/copies/today") -> Any:
    stub: Any = journal_pb2_grpc.JournalServiceStub(served.channel)
    return stub.BackUp(journal_pb2.BackUpRequest(folder=folder))


async def to_its_end(served: Served, folder: str = "/copies/today") -> None:
    async for _ in copies(served, folder):
        pass


def test_progress_and_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replayd.rpc.journal.TOLD_SECONDS", 0.001)
    go_on = threading.Event()

    def back_up(folder: Path, progress: Progress) -> int:
        assert folder == Path("/copies/today")
        progress(5, 9)
        assert go_on.wait(DEADLINE)
        return 9

    async def test(served: Served) -> None:
        told = []
        async for response in copies(served):
            told.append(response)
            if response.copied_bytes == 5:
                go_on.set()
        assert {(each.copied_bytes, each.total_bytes) for each in told[:-1]} <= {(0, 0), (5, 9)}
        assert (told[-1].copied_bytes, told[-1].done) == (9, True)
        assert told[-1].cursor

    run(tmp_path, test, back_up)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReplaydError(Reason.INVALID_OPTIONS, "folder: no"), grpc.StatusCode.INVALID_ARGUMENT),
        (JournalError("no room", reason=Reason.DISK_FULL), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_why_there_is_none(tmp_path: Path, error: ReplaydError, code: grpc.StatusCode) -> None:
    def back_up(_: Path, __: Progress) -> int:
        raise error

    async def test(served: Served) -> None:
        with ends_with(code, error.reason):
            await to_its_end(served)
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS) as metadata:
            await to_its_end(served, folder="")
        assert metadata == {"field": "folder"}

    run(tmp_path, test, back_up)


@pytest.mark.parametrize("stops", [False, True], ids=["the client goes", "the daemon stops"])
def test_what_ends_it(tmp_path: Path, stops: bool) -> None:
    ended: list[Reason] = []
    over = threading.Event()

    def back_up(_: Path, progress: Progress) -> int:
        try:
            while not over.wait(0.001):
                progress(1, 2)
        except ReplaydError as error:
            ended.append(error.reason)
            raise
        finally:
            over.set()
        return 2

    async def test(served: Served) -> None:
        call = copies(served)
        async for _ in call:
            break
        if stops:
            await served.server.begin_stop()
        else:
            call.cancel()
        assert await asyncio.to_thread(over.wait, DEADLINE)

    run(tmp_path, test, back_up)
    assert ended == [Reason.DAEMON_STOPPING if stops else Reason.CANCELLED]
