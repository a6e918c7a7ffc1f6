"""Filters of watchers, lists and exports: what they find, and what they must not."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import event_pb2, history_pb2, history_pb2_grpc, replay_pb2

from replayd.codec.cursor import Cursor, decode_cursor, encode_cursor
from replayd.codec.event import log_event, request_event
from replayd.codec.plan import decode_plan
from replayd.journal.interface import Place, Wanted
from replayd.model.event import LogLevel
from replayd.reasons import Reason
from replayd.rpc import watch
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows

START = replay_pb2.START_POSITION_START
SECRET = "Bearer 0123456789"


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await replay_some(served)
            await test(served)

    asyncio.run(serve())


async def replay_some(served: Served) -> None:
    """Three flows: one POST with a secret, of which two have ended."""
    message = flows(3)
    request = message.flow_batch.flows[1].request
    request.method, request.content = b"POST", b"user=joe&password=hunter22"
    request.headers.add(name=b"Authorization", value=SECRET.encode())
    await served.stub.Enqueue(iter([message]))
    served.replay(b"one")
    served.replay(b'two {"token": "t0k3n-of-two"}')
    served.journal.emit([log_event(LogLevel.INFO, "of nobody", 1)])
    served.journal.commit()


async def watched(served: Served, text: str, **values: object) -> list[str]:
    """The kinds and replays of the events that come."""
    asked = replay_pb2.WatchEventsRequest(position=START, filter=text, **values)  # type: ignore[arg-type]
    found: list[event_pb2.Event] = []
    call = served.stub.WatchEvents(asked)
    async for answer in call:
        found += answer.events
        if not answer.events and answer.cursor == _end(served):
            break
    call.cancel()
    return [f"{each.WhichOneof('payload')} {each.replay_id.partition('.')[2]}" for each in found]


def _end(served: Served) -> str:
    info = served.journal.info
    return encode_cursor(Cursor(info.store_id, info.epoch, served.journal.latest))


async def listed(served: Served, text: str) -> list[int]:
    stub = history_pb2_grpc.HistoryServiceStub(served.channel)
    answer = await stub.ListReplays(history_pb2.ListReplaysRequest(filter=text))
    return [each.flow_index for each in answer.replays]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", 0.05)


def test_watchers_get_what_their_filter_finds(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        assert await watched(served, "~all") == ["response 0", "response 1"]
        assert await watched(served, "~m POST") == ["response 1"]
        assert await watched(served, "~u /0 & ~c 200") == ["response 0"]
        assert await watched(served, "~bs two", content_limit_bytes=0) == ["response 1"]
        # The request is no part of its event: it is looked up.
        assert await watched(served, "~bq joe | ~hq nothing") == ["response 1"]
        assert await watched(served, "~q") == []

    run(tmp_path, test)


def test_requests_are_read_along_where_a_filter_asks_for_them(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(1, method=b"PUT")]))
        (replay,) = served.journal.take(1, 1)
        for each in (replay, served.journal.take(1, 1)[0]):
            served.journal.emit([request_event(each, decode_plan(each.plan), b"", 1)])
            served.finish(each)
        served.journal.commit()
        looked_up = served.journal.history
        with patch.object(served.journal, "history", side_effect=looked_up) as looking:
            kinds = [event_pb2.EVENT_KIND_RESPONSE]
            assert await watched(served, "~hq host & ~m PUT", kinds=kinds) == ["response 0"]
            # Those that ended before their requests were told.
            assert looking.call_count == 2
            kinds = [event_pb2.EVENT_KIND_REQUEST]
            assert await watched(served, "~hq host & ~m PUT", kinds=kinds) == ["request 0"]
            assert looking.call_count == 2

    run(tmp_path, test)


def test_lists_and_exports_have_what_their_filter_finds(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        assert await listed(served, "~all") == [0, 1, 2]
        assert await listed(served, "~m GET") == [0, 2]
        assert await listed(served, "~q") == [2]
        assert await listed(served, "~bq joe & ~bs two") == [1]
        stub = history_pb2_grpc.HistoryServiceStub(served.channel)
        first = (await stub.ListReplays(history_pb2.ListReplaysRequest())).replays[0]
        asked = history_pb2.ExportRequest(
            batch_id=first.batch_id, format=replay_pb2.CAPTURE_FORMAT_GOREPLAY, filter="~bq hunter"
        )
        answers = [each async for each in stub.Export(asked)]
        last = answers[-1]
        assert (last.exported_count, last.left_out_count, last.filtered_count) == (1, 0, 2)
        assert b"joe" in b"".join(each.chunk for each in answers)

    run(tmp_path, test)


def test_nobody_finds_out_secrets_that_they_may_not_see(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        for text in (f"~hq '{SECRET}'", "~bq hunter22", "~bs t0k3n-of-two"):
            assert await watched(served, text) == []
            assert await listed(served, text) == []
            assert await watched(served, text, reveal_secrets=True) == ["response 1"]
            # Nor because somebody else may.
            assert await watched(served, text) == []

    run(tmp_path, test)


def test_what_is_wrong_has_its_place(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        stub = history_pb2_grpc.HistoryServiceStub(served.channel)
        invalid = grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS
        with ends_with(*invalid) as metadata:
            await listed(served, "~m POST & (~c 1")
        assert metadata["position"] == "10"
        with ends_with(*invalid):
            await watched(served, "~marked")
        exported = history_pb2.ExportRequest(
            batch_id=served.journal.replays(Place(), Wanted(), 1).replays[0].key.batch_id,
            format=replay_pb2.CAPTURE_FORMAT_HAR,
            filter="~zz",
        )
        with ends_with(*invalid):
            _ = [each async for each in stub.Export(exported)]

    run(tmp_path, test)


def test_a_filter_that_finds_nothing_in_a_long_log_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PROGRESS_SECONDS", 0)

    async def test(served: Served) -> None:
        served.journal.emit([log_event(LogLevel.INFO, "of nobody", 1)] * 600)
        served.journal.commit()
        asked = replay_pb2.WatchEventsRequest(position=START, filter="~m PUT")
        call = aiter(served.stub.WatchEvents(asked))
        told = [decode_cursor((await anext(call)).cursor).sequence for _ in range(4)]
        assert told[0] == 0
        assert told[0] < told[1] < told[2] < served.journal.latest == told[3]

    run(tmp_path, test)
