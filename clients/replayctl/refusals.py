"""Which flows of a capture were refused, or would be, and what was noted. Pure."""

from collections.abc import Iterator

from flowreplay.v1.replay_pb2 import EnqueueResponse, PlanSummary

from replayctl.events import reason_name
from replayctl.printable import printable


def left_out(answer: EnqueueResponse | PlanSummary) -> str:
    """Says how many flows were refused, and how many the filter left out; nothing of none."""
    refused = f", {answer.refused_count} refused" if answer.refused_count else ""
    filtered = f", {answer.filtered_count} filtered out" if answer.filtered_count else ""
    return refused + filtered


def refusal_lines(answer: EnqueueResponse | PlanSummary) -> Iterator[str]:
    """Yields a line for each refused flow, with what was noted about it, and each other note."""
    notes: dict[int, list[str]] = {}
    for note in answer.notes:
        notes.setdefault(note.flow_index, []).append(printable(note.message))
    for refusal in answer.refusals:
        flow_id = f" ({printable(refusal.flow_id)})" if refusal.flow_id else ""
        why = f"{reason_name(refusal.reason)}: {printable(refusal.message)}"
        yield f"  flow {refusal.flow_index}{flow_id} refused: {why}"
        yield from (f"    {message}" for message in notes.pop(refusal.flow_index, ()))
    unlisted = answer.refused_count - len(answer.refusals)
    if unlisted > 0:
        yield f"  and {unlisted} more flows refused"
    for index, messages in notes.items():
        yield from (f"  flow {index}: {message}" for message in messages)
