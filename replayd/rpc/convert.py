"""Values of the daemon -> messages of the contract. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowreplay.v1 import reason_pb2, replay_pb2

from replayd.codec.event import range_messages
from replayd.codec.websocket import decode_conversation, websocket_message
from replayd.codec.wire_format import bytes_field, int_field
from replayd.intake.frames import Summary
from replayd.journal.interface import Cleared, Resolved, Running
from replayd.model.replay import Counts
from replayd.rpc.contents import beginning

if TYPE_CHECKING:
    from replayd.model.target_state import TargetState

LISTED_NOTES = 100
LISTED_RANGES = 1000

_WATCH = replay_pb2.WatchEventsResponse
_PLANNED = replay_pb2.PlannedFlow


def enqueue_answer(
    batch_id: str, summary: Summary, repeat_count: int = 1
) -> replay_pb2.EnqueueResponse:
    """Makes the answer to an Enqueue, but for its cursor."""
    return replay_pb2.EnqueueResponse(
        batch_id=batch_id,
        accepted_count=summary.accepted,
        refused_count=summary.refused,
        refusals=_refusals(summary),
        refusal_counts=_refusal_counts(summary),
        notes=_notes(summary),
        filtered_count=summary.filtered,
        replay_count=summary.accepted * (repeat_count or 1),
    )


def plan_summary(summary: Summary) -> replay_pb2.PlanSummary:
    """Makes the summary of a PlanFlows."""
    return replay_pb2.PlanSummary(
        accepted_count=summary.accepted,
        refused_count=summary.refused,
        refusals=_refusals(summary),
        refusal_counts=_refusal_counts(summary),
        notes=_notes(summary),
        filtered_count=summary.filtered,
    )


def _refusals(summary: Summary) -> list[replay_pb2.Refusal]:
    return [
        replay_pb2.Refusal(
            flow_index=each.flow_index,
            flow_id=each.flow_id,
            reason=reason_pb2.Reason.ValueType(each.reason),
            message=each.message,
        )
        for each in summary.refusals
    ]


def _refusal_counts(summary: Summary) -> list[replay_pb2.RefusalCount]:
    return [
        replay_pb2.RefusalCount(reason=reason_pb2.Reason.ValueType(reason), refused_count=count)
        for reason, count in sorted(summary.refused_by_reason.items())
    ]


def _notes(summary: Summary) -> list[replay_pb2.CaptureNote]:
    return [
        replay_pb2.CaptureNote(flow_index=note.flow_index, message=note.message)
        for note in summary.notes[:LISTED_NOTES]
    ]


def planned_flow(plan: bytes, content: bytes, limit: int, upstream: str) -> bytes:
    """Encodes a PlannedFlow around a plan that is encoded already."""
    return (
        bytes_field(_PLANNED.PLAN_FIELD_NUMBER, plan)
        + bytes_field(_PLANNED.CONTENT_FIELD_NUMBER, content[:limit])
        + int_field(_PLANNED.CONTENT_TRUNCATED_FIELD_NUMBER, len(content) > limit)
        + bytes_field(_PLANNED.UPSTREAM_FIELD_NUMBER, upstream.encode())
    )


def planned_websocket(plan: bytes, conversation: bytes, limit: int, upstream: str) -> bytes:
    """Encodes a PlannedFlow with what is said after a WebSocket's handshake."""
    said = beginning(decode_conversation((conversation,)), limit)
    told = _PLANNED(
        messages=map(websocket_message, said.messages), messages_truncated=said.truncated
    )
    return planned_flow(plan, b"", limit, upstream) + told.SerializeToString()


def plan_answer(
    flows: Iterable[bytes], cursor: str, summary: replay_pb2.PlanSummary | None = None
) -> bytes:
    """Encodes a PlanFlowsResponse around flows that are encoded already."""
    last = replay_pb2.PlanFlowsResponse(cursor=cursor, summary=summary)
    number = replay_pb2.PlanFlowsResponse.FLOWS_FIELD_NUMBER
    return b"".join([bytes_field(number, flow) for flow in flows]) + last.SerializeToString()


def count_answer(counts: Counts, paused: bool, cursor: str) -> replay_pb2.CountResponse:
    """Makes the answer to a Count."""
    return replay_pb2.CountResponse(
        queued_count=counts.queued,
        running_count=counts.running,
        succeeded_count=counts.succeeded,
        failed_count=counts.failed,
        killed_count=counts.killed,
        cleared_count=counts.cleared,
        interrupted_count=counts.interrupted,
        paused=paused,
        cursor=cursor,
        open_batch_count=counts.open_batches,
        parked_count=counts.parked,
    )


def clear_answer(cleared: Cleared, cursor: str) -> replay_pb2.ClearResponse:
    """Makes the answer to a Clear."""
    return replay_pb2.ClearResponse(
        cleared_count=cleared.count,
        ranges=range_messages(cleared.ranges[:LISTED_RANGES]),
        cursor=cursor,
    )


def resolve_answer(resolved: Resolved, cursor: str) -> replay_pb2.ResolveResponse:
    """Makes the answer to a Resolve."""
    return replay_pb2.ResolveResponse(
        resolved_count=resolved.count,
        resent_batch_id=resolved.resent_as,
        ranges=range_messages(resolved.ranges[:LISTED_RANGES]),
        cursor=cursor,
    )


def running_message(running: Running) -> replay_pb2.RunningReplay:
    """Makes an element of a status."""
    message = replay_pb2.RunningReplay(replay_id=running.key.replay_id, attempt=running.attempt)
    message.start_time.FromNanoseconds(running.start)
    return message


def target_message(state: "TargetState") -> replay_pb2.TargetStatus:
    """Makes an element of a status."""
    message = replay_pb2.TargetStatus(
        host=state.host,
        port=state.port,
        running_count=state.running,
        waiting_session_count=state.waiting,
        rate_limit=1e9 / state.interval if state.interval else 0,
        failure_count=state.failures,
        breaker=replay_pb2.BreakerState.ValueType(state.breaker.value),
    )
    if state.reopens_at:
        message.probe_time.FromNanoseconds(state.reopens_at)
    return message


def watch_answer(events: Iterable[bytes], cursor: str, paused: bool) -> bytes:
    """Encodes a WatchEventsResponse around events that are encoded already."""
    number = _WATCH.EVENTS_FIELD_NUMBER
    framed = b"".join([bytes_field(number, event) for event in events])
    return (
        framed
        + bytes_field(_WATCH.CURSOR_FIELD_NUMBER, cursor.encode())
        + (int_field(_WATCH.PAUSED_FIELD_NUMBER, 1) if paused else b"")
    )
