"""Which flows of a capture were refused, or would be, and what was noted. Pure."""

from collections.abc import Iterator

from flowreplay.v1.replay_pb2 import EnqueueResponse, PlanSummary

from replayctl.events import reason_name
from replayctl.printable import printable


def refusal_lines(answer: EnqueueResponse | PlanSummary) -> Iterator[str]:
    """Yields a line for each refused flow and each note."""
    for refusal in answer.refusals:
        flow_id = f" ({printable(refusal.flow_id)})" if refusal.flow_id else ""
        why = f"{reason_name(refusal.reason)}: {printable(refusal.message)}"
        yield f"  flow {refusal.flow_index}{flow_id} refused: {why}"
    unlisted = answer.refused_count - len(answer.refusals)
    if unlisted > 0:
        yield f"  and {unlisted} more flows refused"
    for note in answer.notes:
        yield f"  flow {note.flow_index}: {printable(note.message)}"
