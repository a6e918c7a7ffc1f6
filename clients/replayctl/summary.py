"""What became of a batch, for people: its figures, and the assertions that don't hold. Pure."""

from collections.abc import Iterator, Sequence

from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.comparison_pb2 import ComparisonResult
from flowreplay.v1.history_pb2 import SummarizeResponse
from flowreplay.v1.summary_pb2 import (
    ComparisonCount,
    Latencies,
    ReasonCount,
    StatusCount,
    Summary,
)
from google.protobuf.duration_pb2 import Duration

from replayctl.contents import size_text
from replayctl.events import enum_name, reason_name, state_name
from replayctl.printable import printable

_SHOWN_REASONS = 5
"""Reasons of which the first failure is shown."""

_RESULT = "COMPARISON_RESULT_"

_LATENCIES = ("p50", "p90", "p95", "p99", "max")


def ended_by(event: pb.Event, batch_id: str) -> int:
    """Returns how many replays of a batch an event ended."""
    kind = event.WhichOneof("payload")
    if kind in ("response", "error"):
        return 1
    if kind == "update" and event.update.kind == pb.UPDATE_KIND_CLEARED:
        own = [part for part in event.update.ranges if part.batch_id == batch_id]
        return sum(part.last_index - part.first_index + 1 for part in own)
    return 0


def summary_lines(response: SummarizeResponse) -> Iterator[str]:
    """Yields the lines that tell what became of a batch."""
    summary = response.summary
    states = [f"{each.replay_count} {_state(each.state)}" for each in summary.state_counts]
    yield f"batch {printable(summary.batch_id)}: {', '.join(states) or 'nothing to replay'}"
    if summary.status_counts:
        changed = f" ({summary.changed_count} not as recorded)" if summary.changed_count else ""
        yield f"  statuses: {_statuses(summary.status_counts)}{changed}"
    if summary.comparison_counts:
        yield f"  beside the recorded responses: {_results(summary.comparison_counts)}"
    if summary.reason_counts:
        yield from _error_lines(summary.batch_id, summary.reason_counts)
    if summary.HasField("latencies"):
        yield f"  latency: {_latencies(summary.latencies)}"
        yield f"  {_run(summary)}"
    if summary.hooked_count:
        yield f"  answered by hooks: {summary.hooked_count}"
    if summary.HasField("lags"):
        yield f"  lag: {_latencies(summary.lags)}"
    if summary.missing_count:
        yield f"  of {summary.missing_count} more the events were compacted away"
    for failed in response.failed_assertions:
        about = f" ({printable(failed.replay_id)})" if failed.replay_id else ""
        yield f"  {printable(failed.assertion)}: {printable(failed.message)}{about}"


def _state(state: pb.ReplayState.ValueType) -> str:
    return state_name(state).lower()


def _statuses(counts: Sequence[StatusCount]) -> str:
    return ", ".join(f"{each.status_code} x{each.replay_count}" for each in counts)


def _results(counts: Sequence[ComparisonCount]) -> str:
    named = (
        (enum_name(ComparisonResult.DESCRIPTOR, each.result, _RESULT), each) for each in counts
    )
    return ", ".join(f"{each.replay_count} {name.lower()}" for name, each in named)


def _error_lines(batch_id: str, counts: Sequence[ReasonCount]) -> Iterator[str]:
    names = [(reason_name(each.reason), each) for each in counts]
    yield f"  errors: {', '.join(f'{name} x{each.replay_count}' for name, each in names)}"
    for name, each in names[:_SHOWN_REASONS]:
        yield f"    {name}: {printable(each.first_replay_id)}: {printable(each.first_message)}"
    batch = printable(batch_id)
    yield f"  see `replayctl watch --batch {batch} --from start --kind error --until-idle`"


def _latencies(latencies: Latencies) -> str:
    shown = ((name, getattr(latencies, f"{name}_duration")) for name in _LATENCIES)
    return ", ".join(f"{name} {_time(duration)}" for name, duration in shown)


def _run(summary: Summary) -> str:
    connections = f"{summary.dialled_count} dialled, {summary.reused_count} reused"
    return (
        f"{size_text(summary.content_bytes)} of content in {_time(summary.run_duration)}, "
        f"{_figure(summary.rate)} replays a second; connections: {connections}"
    )


def _time(duration: Duration) -> str:
    seconds = duration.ToTimedelta().total_seconds()
    return f"{_figure(seconds * 1000)} ms" if seconds < 1 else f"{_figure(seconds)} s"


def _figure(value: float) -> str:
    """Returns four digits of it, or all those before the point."""
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"
