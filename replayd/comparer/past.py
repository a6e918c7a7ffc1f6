"""Both sides of a replay that has ended, from the journal. Synchronous: for a thread."""

from collections.abc import Callable, Iterable
from functools import partial

from flowreplay.v1 import flow_pb2

from replayd.codec.comparison import answer_message
from replayd.codec.outcome import decode_outcome
from replayd.comparer.process import Side
from replayd.journal.interface import Journal, Part, Past


def recorded_side(journal: Journal, past: Past) -> Side | None:
    """Returns the recorded response; None: there is none."""
    flow = flow_pb2.Flow.FromString(past.flow)
    if not flow.HasField("response"):
        return None
    content = _content(journal, past, Part.RECORDED, past.recorded_content)
    return Side(flow.response.SerializeToString(), content)


def replayed_side(journal: Journal, past: Past) -> Side | None:
    """Returns the response that came; None: there is no complete one, or it began a
    conversation.
    """
    if not past.event:
        return None
    outcome = decode_outcome(past.event, past.withheld)
    if outcome.reason or outcome.head is None or outcome.websocket is not None:
        return None
    head = answer_message(outcome.head, outcome.trailers)
    return Side(head, _content(journal, past, Part.RESPONSE, past.response_content))


def _content(
    journal: Journal, past: Past, part: Part, travelled: bytes | None
) -> Callable[[], Iterable[bytes]]:
    if travelled is not None:
        return lambda: (travelled,)
    return partial(journal.content, past.key, part)
