"""Summarize: from the events of a batch to its figures, for a thread."""

import time

from flowreplay.v1 import event_pb2, history_pb2, summary_pb2
from google.protobuf.duration_pb2 import Duration

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.reasons import Reason
from replayd.rpc.shown import Shown
from replayd.summary.assertions import compile_assertions
from replayd.summary.figures import Figures
from replayd.summary.histogram import Histogram

_PERCENTAGES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}

_PAUSE = 50e-6
"""Seconds in which other threads get the interpreter after each step."""


def summarize(
    journal: Journal, shown: Shown, request: history_pb2.SummarizeRequest
) -> history_pb2.SummarizeResponse:
    """Answers Summarize, but for the cursor. Raises ReplaydError as the contract says."""
    checks = compile_assertions(request.assertions)
    if request.validate_only:
        return history_pb2.SummarizeResponse()
    if not request.batch_id:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            "batch_id is empty; name the batch, as Enqueue's answer does",
            field="batch_id",
        )
    figures = _figures(journal, request.batch_id)
    for event in figures.first_of_reason.values():
        shown.redact(event)
    failed = (check(figures) for check in checks)
    return history_pb2.SummarizeResponse(
        summary=_message(request.batch_id, figures),
        failed_assertions=[
            summary_pb2.FailedAssertion(
                assertion=each.assertion, message=each.message, replay_id=each.replay_id
            )
            for each in failed
            if each is not None
        ],
    )


def _figures(journal: Journal, batch_id: str) -> Figures:
    # First the counts: what ends meanwhile may be in the events, and is not missing then.
    figures = Figures(journal.count(batch_id))
    step = journal.ends(batch_id)
    while True:
        for event in step.events:
            figures.add(event_pb2.Event.FromString(event))
        if not step.more:
            return figures
        time.sleep(_PAUSE)
        step = journal.ends(batch_id, step.after)


def _message(batch_id: str, figures: Figures) -> summary_pb2.Summary:
    message = summary_pb2.Summary(
        batch_id=batch_id,
        state_counts=[
            summary_pb2.StateCount(state=state, replay_count=count)
            for state, count in figures.states.items()
            if count
        ],
        status_counts=[
            summary_pb2.StatusCount(
                status_code=status,
                replay_count=count,
                first_replay_id=figures.first_of_status[status],
            )
            for status, count in sorted(figures.statuses.items())
        ],
        changed_count=figures.changed,
        comparison_counts=[
            summary_pb2.ComparisonCount(result=result, replay_count=count)
            for result, count in sorted(figures.results.items())
        ],
        reason_counts=[
            summary_pb2.ReasonCount(
                reason=reason,
                replay_count=count,
                first_replay_id=figures.first_of_reason[reason].replay_id,
                first_message=figures.first_of_reason[reason].error.message,
            )
            for reason, count in sorted(figures.reasons.items())
        ],
        latencies=_latencies(figures.latency),
        first_byte_latencies=_latencies(figures.first_byte),
        content_bytes=figures.content_bytes,
        dialled_count=figures.dialled,
        reused_count=figures.reused,
        rate=figures.rate,
        missing_count=figures.missing,
        lags=_latencies(figures.lag),
        hooked_count=figures.hooked,
    )
    if figures.start:
        message.start_time.FromNanoseconds(figures.start)
        message.run_duration.FromNanoseconds(figures.end - figures.start)
    return message


def _latencies(histogram: Histogram) -> summary_pb2.Latencies | None:
    if not histogram.count:
        return None
    values = histogram.percentiles(list(_PERCENTAGES.values()))
    named = dict(zip(_PERCENTAGES, values, strict=True))
    named |= {
        "min": histogram.least,
        "mean": round(histogram.mean),
        "max": histogram.greatest,
    }
    message = summary_pb2.Latencies()
    for name, microseconds in named.items():
        duration: Duration = getattr(message, f"{name}_duration")
        duration.FromMicroseconds(microseconds)
    return message
