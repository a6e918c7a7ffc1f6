import pytest
from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.comparison_pb2 import COMPARISON_RESULT_DIFFERENT, COMPARISON_RESULT_EQUAL
from flowreplay.v1.history_pb2 import SummarizeResponse
from flowreplay.v1.reason_pb2 import REASON_CONNECT_FAILED, Reason
from flowreplay.v1.summary_pb2 import (
    ComparisonCount,
    FailedAssertion,
    Latencies,
    ReasonCount,
    StateCount,
    StatusCount,
    Summary,
)
from google.protobuf.duration_pb2 import Duration
from replayctl.summary import ended_by, summary_lines


def lines(*failed: FailedAssertion, **summary: object) -> list[str]:
    told = Summary(batch_id="b", **summary)  # type: ignore[arg-type]
    return list(summary_lines(SummarizeResponse(summary=told, failed_assertions=failed)))


def milliseconds(value: float) -> Duration:
    duration = Duration()
    duration.FromMicroseconds(round(value * 1000))
    return duration


def test_each_terminal_event_ends_its_replays() -> None:
    ranges = [
        pb.ReplayRange(batch_id="b", first_index=2, last_index=4),
        pb.ReplayRange(batch_id="another", first_index=0, last_index=9),
    ]
    cleared = pb.UpdateEvent(kind=pb.UPDATE_KIND_CLEARED, ranges=ranges)
    queued = pb.UpdateEvent(kind=pb.UPDATE_KIND_QUEUED, ranges=ranges)
    events = [
        pb.Event(response=pb.ResponseEvent()),
        pb.Event(error=pb.ErrorEvent(reason=REASON_CONNECT_FAILED)),
        pb.Event(update=cleared),
        pb.Event(update=queued),
        pb.Event(log=pb.LogEvent()),
    ]
    assert [ended_by(event, "b") for event in events] == [1, 1, 3, 0, 0]


def test_the_summary() -> None:
    latencies = Latencies(
        p50_duration=milliseconds(1.5),
        p90_duration=milliseconds(20),
        p95_duration=milliseconds(50.25),
        p99_duration=milliseconds(999.9),
        max_duration=milliseconds(2500),
    )
    failed = ReasonCount(
        reason=REASON_CONNECT_FAILED,
        replay_count=2,
        first_replay_id="b.3",
        first_message="no\x1b",
    )
    told = lines(
        FailedAssertion(assertion="p95>50ms", message="50.25 ms"),
        FailedAssertion(assertion="error", message="2 of 5", replay_id="b.3"),
        state_counts=[
            StateCount(state=pb.REPLAY_STATE_SUCCEEDED, replay_count=3),
            StateCount(state=pb.REPLAY_STATE_FAILED, replay_count=2),
        ],
        status_counts=[
            StatusCount(status_code=200, replay_count=2),
            StatusCount(status_code=404, replay_count=1),
        ],
        changed_count=1,
        comparison_counts=[
            ComparisonCount(result=COMPARISON_RESULT_EQUAL, replay_count=1),
            ComparisonCount(result=COMPARISON_RESULT_DIFFERENT, replay_count=2),
        ],
        reason_counts=[failed],
        latencies=latencies,
        content_bytes=2048,
        dialled_count=1,
        reused_count=4,
        run_duration=milliseconds(3000),
        rate=5 / 3,
        missing_count=7,
        lags=latencies,
        hooked_count=2,
    )
    assert told == [
        "batch b: 3 succeeded, 2 failed",
        "  statuses: 200 x2, 404 x1 (1 not as recorded)",
        "  beside the recorded responses: 1 equal, 2 different",
        "  errors: CONNECT_FAILED x2",
        r"    CONNECT_FAILED: b.3: no\x1b",
        "  see `replayctl watch --batch b --from start --kind error --until-idle`",
        "  latency: p50 1.5 ms, p90 20 ms, p95 50.25 ms, p99 999.9 ms, max 2.5 s",
        "  2.0 KiB of content in 3 s, 1.667 replays a second; connections: 1 dialled, 4 reused",
        "  answered by hooks: 2",
        "  lag: p50 1.5 ms, p90 20 ms, p95 50.25 ms, p99 999.9 ms, max 2.5 s",
        "  of 7 more the events were compacted away",
        "  p95>50ms: 50.25 ms",
        "  error: 2 of 5 (b.3)",
    ]


def test_large_figures_are_written_out() -> None:
    succeeded = StateCount(state=pb.REPLAY_STATE_SUCCEEDED, replay_count=1)
    run = milliseconds(12_345_600)
    told = lines(state_counts=[succeeded], latencies=Latencies(), run_duration=run, rate=12_345.6)
    assert told[-1].startswith("  0 B of content in 12346 s, 12346 replays a second")


def test_five_reasons_are_shown_by_their_first_failure() -> None:
    counts = [
        ReasonCount(reason=Reason.ValueType(9000 + number), first_replay_id=f"b.{number}")
        for number in range(7)
    ]
    shown = [line for line in lines(reason_counts=counts) if line.startswith("    ")]
    assert [line.split(":")[0].strip() for line in shown] == [
        "9000",
        "9001",
        "9002",
        "9003",
        "9004",
    ]


@pytest.mark.parametrize("summary", [{}, {"rate": 0.0}])
def test_an_empty_batch_says_so(summary: dict[str, object]) -> None:
    assert lines(**summary) == ["batch b: nothing to replay"]
