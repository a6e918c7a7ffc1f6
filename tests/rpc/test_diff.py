"""Diff: which replays it tells of, by which rules, and what is refused."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import comparison_pb2, flow_pb2, history_pb2, history_pb2_grpc, replay_pb2

from replayd.codec.event import outcome_event
from replayd.codec.plan import decode_plan
from replayd.comparer import process
from replayd.model.outcome import Outcome, ResponseHead, Timings, ToldComparison
from replayd.model.replay import ReplayState
from replayd.reasons import Reason
from replayd.rpc import history
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows
from tests.support.journals import trim

EQUAL = comparison_pb2.COMPARISON_RESULT_EQUAL
DIFFERENT = comparison_pb2.COMPARISON_RESULT_DIFFERENT


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


async def enqueued(served: Served, *recorded: bytes | None, **options: Any) -> str:
    """Queues a batch with these recorded contents; None: no response was recorded."""
    message = flows(len(recorded))
    for flow, content in zip(message.flow_batch.flows, recorded, strict=True):
        if content is not None:
            response = flow_pb2.Response(status_code=200, content=content)
            flow.response.CopyFrom(response)
    asked = replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(**options))
    return (await served.stub.Enqueue(iter([asked, message]))).batch_id


def finish(served: Served, content: bytes, told: comparison_pb2.Comparison | None = None) -> None:
    """Ends the next replay; `told`: what was found when it came."""
    (replay,) = served.journal.take(1, time.time_ns())
    served.journal.begin([replay])
    body = served.journal.new_body()
    body.write(content)
    encoded = told.SerializeToString() if told else b""
    outcome = Outcome(
        ReplayState.SUCCEEDED,
        Timings(1),
        head=ResponseHead(b"HTTP/1.1", 200),
        comparison=ToldComparison(encoded, encoded) if told else None,
    )
    event = outcome_event(replay, decode_plan(replay.plan), outcome, 1)
    served.journal.finish(replay.key, outcome, [event], body)
    served.journal.commit()


async def diffed(
    served: Served, batch_id: str, **asked: Any
) -> tuple[list[history_pb2.ReplayDiff], history_pb2.DiffResponse]:
    stub = history_pb2_grpc.HistoryServiceStub(served.channel)
    call = stub.Diff(history_pb2.DiffRequest(batch_id=batch_id, **asked))
    first, *others = [response async for response in call]
    assert not first.diffs
    assert first.cursor
    return [diff for response in others for diff in response.diffs], others[-1]


def test_those_that_differ_are_told_and_the_others_counted(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b'{"a":1}', b"same", None, b"queued")
        finish(served, b'{"a":2}')
        finish(served, b"same")
        finish(served, b"new")
        (diff,), last = await diffed(served, batch)
        assert (diff.replay_id, diff.flow_index, diff.flow_id) == (f"{batch}.0", 0, "flow-0")
        assert (diff.method, diff.recorded_status_code, diff.status_code) == (b"GET", 200, 200)
        assert diff.url.endswith(b"/0")
        (difference,) = diff.comparison.differences
        assert (difference.place, difference.replayed_value) == ("$.a", b"2")
        assert (last.compared_count, last.different_count, last.left_out_count) == (2, 1, 2)

    run(tmp_path, test)


def test_every_run_is_compared_with_what_was_recorded(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b"same", b"same", repeat_count=2)
        for content in (b"same", b"same", b"other", b"same"):
            finish(served, content)
        (diff,), last = await diffed(served, batch)
        assert diff.replay_id == f"{batch}.0.1"
        assert (last.compared_count, last.different_count) == (4, 1)
        (diff,), _ = await diffed(served, batch, replay_ids=[f"{batch}.0.1"])
        assert diff.replay_id == f"{batch}.0.1"

    run(tmp_path, test)


def test_other_rules_may_be_given_after_the_fact(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b'{"a":1,"b":1}', ignored_differences=["json:$.a"])
        finish(served, b'{"a":2,"b":2}')
        (diff,), _ = await diffed(served, batch)
        assert [each.place for each in diff.comparison.differences] == ["$.b"]
        none, last = await diffed(served, batch, ignored_differences=["json:$.b"])
        assert (none, last.compared_count, last.different_count) == ([], 1, 0)
        (diff,), _ = await diffed(served, batch, ignored_differences=["body"], include_equal=True)
        assert (diff.comparison.result, diff.comparison.ignored_count) == (EQUAL, 1)

    run(tmp_path, test)


def test_what_was_found_equal_is_looked_at_again_for_more_only(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        old, new = (b'"2026-01-0%dT00:00:00Z"' % day for day in (1, 2))
        batch = await enqueued(served, old)
        finish(served, new, comparison_pb2.Comparison(result=EQUAL, ignored_count=1))
        with patch.object(process.subprocess, "Popen", side_effect=AssertionError):
            found, last = await diffed(served, batch)
        assert (found, last.compared_count) == ([], 1)
        (diff,), _ = await diffed(served, batch, compare_volatile=True)
        assert diff.comparison.difference_count == 1

    run(tmp_path, test)


def test_what_was_learnt_stays_left_out(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b'{"a":1,"b":1}')
        told = comparison_pb2.Comparison(
            result=DIFFERENT, sent_twice=True, learnt_rules=["json:$.a"]
        )
        finish(served, b'{"a":2,"b":2}', told)
        (diff,), _ = await diffed(served, batch)
        assert [each.place for each in diff.comparison.differences] == ["$.b"]
        assert diff.comparison.sent_twice
        assert list(diff.comparison.learnt_rules) == ["json:$.a"]

    run(tmp_path, test)


def test_replays_may_be_named_and_secrets_asked_for(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b'{"token":"a"}', b'{"token":"c"}')
        for content in (b'{"token":"b"}', b'{"token":"d"}'):
            finish(served, content)
        (diff,), last = await diffed(served, batch, replay_ids=[f"{batch}.1"])
        assert (diff.flow_index, last.compared_count) == (1, 1)
        assert b"redacted" in diff.comparison.differences[0].replayed_value
        found, _ = await diffed(served, batch, reveal_secrets=True)
        assert [diff.comparison.differences[0].replayed_value for diff in found] == [b'"b"', b'"d"']

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"batch_id": ""}, Reason.INVALID_OPTIONS),
        ({"batch_id": "nope"}, Reason.BATCH_NOT_FOUND),
        ({"difference_limit": 1001}, Reason.INVALID_OPTIONS),
        ({"ignored_differences": ["odd"]}, Reason.INVALID_OPTIONS),
        ({"replay_ids": ["b.0"] * 1001}, Reason.INVALID_OPTIONS),
        ({"replay_ids": ["other.0"]}, Reason.REPLAY_NOT_FOUND),
        ({"replay_ids": ["BATCH.7"]}, Reason.REPLAY_NOT_FOUND),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, asked: dict[str, Any], reason: Reason
) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b"a")
        named = {"batch_id": batch, **asked}
        named["replay_ids"] = [each.replace("BATCH", batch) for each in asked.get("replay_ids", ())]
        code = (
            grpc.StatusCode.INVALID_ARGUMENT
            if reason is Reason.INVALID_OPTIONS
            else grpc.StatusCode.NOT_FOUND
        )
        with ends_with(code, reason):
            await diffed(served, **named)

    run(tmp_path, test)


def test_an_event_that_is_gone_is_told(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b"a", b"b")
        finish(served, b"b")
        trim(served.journal, served.journal.latest + 1)
        with ends_with(grpc.StatusCode.OUT_OF_RANGE, Reason.SEQUENCE_COMPACTED):
            await diffed(served, batch)

    run(tmp_path, test)


def test_so_many_at_once_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(served: Served) -> None:
        batch = await enqueued(served, b"a")
        monkeypatch.setattr(history, "MAX_DIFFS", 0)
        with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.TOO_MANY_CALLS):
            await diffed(served, batch)
        monkeypatch.setattr(history, "MAX_DIFFS", 1)
        for _ in range(2):
            await diffed(served, batch)

    run(tmp_path, test)
