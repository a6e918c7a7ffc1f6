"""Summaries of batches in a journal, and as the daemon answers for them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import event_pb2, history_pb2, history_pb2_grpc, reason_pb2, summary_pb2

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.model.replay import ReplayState
from replayd.reasons import Reason
from replayd.rpc.shown import Shown
from replayd.rpc.summarize import summarize
from tests.rpc.harness import DEADLINE, ends_with, serving
from tests.rpc.messages import flows
from tests.support.journals import NOW, enqueue, finish, row

Request = history_pb2.SummarizeRequest


@pytest.fixture
def journal() -> Iterator[Journal]:
    """300 replays: two failed, one waits, the others succeeded."""
    journal = open_memory(NOW)
    enqueue(journal, "b", [row(index) for index in range(300)])
    replays = journal.take(299, NOW)
    journal.begin(replays)
    for replay in replays:
        failed = replay.key.flow_index in (3, 290)
        finish(journal, replay, ReplayState.FAILED if failed else ReplayState.SUCCEEDED, b"12345")
    journal.commit()
    yield journal
    journal.close()


def test_a_batch_of_many_steps(journal: Journal) -> None:
    response = summarize(
        journal, Shown(journal), Request(batch_id="b", assertions=["error>2", "error>1"])
    )
    summary = response.summary
    assert [(each.state, each.replay_count) for each in summary.state_counts] == [
        (event_pb2.REPLAY_STATE_QUEUED, 1),
        (event_pb2.REPLAY_STATE_SUCCEEDED, 297),
        (event_pb2.REPLAY_STATE_FAILED, 2),
    ]
    (failed,) = summary.reason_counts
    assert failed.reason == reason_pb2.REASON_CONNECT_FAILED
    assert (failed.replay_count, failed.first_replay_id) == (2, "b.3")
    assert summary.latencies.HasField("p999_duration")
    assert not summary.HasField("first_byte_latencies"), "no byte of it was noted"
    assert (summary.content_bytes, summary.missing_count) == (299 * 5, 0)
    assert summary.start_time.ToNanoseconds() == NOW
    assert list(response.failed_assertions) == [
        summary_pb2.FailedAssertion(assertion="error>1", message="2 of 299", replay_id="b.3")
    ]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request(), "batch_id"),
        (Request(batch_id="b", assertions=["speed"]), "assertions[0]"),
        (Request(assertions=["p95"], validate_only=True), "assertions[0]"),
    ],
)
def test_what_can_not_be_is_refused(journal: Journal, request_: Request, field: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        summarize(journal, Shown(journal), request_)
    assert caught.value.metadata == {"field": field}


def test_assertions_are_read_before_there_is_a_batch(journal: Journal) -> None:
    request = Request(assertions=["p95>1s"], validate_only=True)
    assert summarize(journal, Shown(journal), request) == history_pb2.SummarizeResponse()


def test_over_the_wire(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as served:
            stub: history_pb2_grpc.HistoryServiceAsyncStub
            stub = history_pb2_grpc.HistoryServiceStub(served.channel)  # type: ignore[assignment]
            batch = await served.stub.Enqueue(iter([flows(2)]))
            served.replay()
            answer = await stub.Summarize(Request(batch_id=batch.batch_id))
            (status,) = answer.summary.status_counts
            assert (status.status_code, status.first_replay_id) == (200, f"{batch.batch_id}.0")
            assert answer.cursor
            with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
                await stub.Summarize(Request(batch_id="none"))

    asyncio.run(asyncio.wait_for(run(), DEADLINE))
