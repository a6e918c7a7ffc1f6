"""What is said on a WebSocket, for people: a line a message, whose it is first. Pure."""

from collections.abc import Iterator, Sequence

from flowreplay.v1 import event_pb2, flow_pb2
from flowreplay.v1 import plan_pb2 as pb

from replayctl.contents import looks_like_text, size_text
from replayctl.printable import printable

_SHOWN = 120
"""Characters, or bytes, of a message that stand in its line."""


def plan_line(plan: pb.WebSocketPlan) -> str:
    """Says what a replay of a WebSocket sends, waits for, and how it closes."""
    pace = ", at the recorded pace" if plan.pace == pb.WEB_SOCKET_PACE_RECORDED else ""
    closer = "then the server closes"
    if plan.client_closed:
        closer = f"then we close{_with(plan.close_code, plan.close_reason)}"
    awaited = f"{plan.server_message_count} awaited"
    return f"{_messages(plan.client_message_count)}{pace}, {awaited}, {closer}"


def result_line(result: event_pb2.WebSocketResult) -> str:
    """Says what was said in a replay, and how the server closed it."""
    closed = _with(result.close_code, result.close_reason)
    closer = f"the server closed{closed}"
    if result.client_closed:
        closer = "we closed" + (f", answered{closed}" if closed else "")
    received = f"{result.received_count} received"
    recorded = result.recorded_received_count
    if result.HasField("recorded_received_count") and recorded != result.received_count:
        received += f" (recorded {recorded})"
    return f"{_messages(result.sent_count)} sent, {received}, {closer}"


def message_lines(
    messages: Sequence[flow_pb2.WebSocketMessage], *, truncated: bool
) -> Iterator[str]:
    """Yields a line for each message, in their order."""
    for message in messages:
        side = "->" if message.from_client else "<-"
        text = message.kind == flow_pb2.WEB_SOCKET_MESSAGE_KIND_TEXT
        kind = "text" if text else "binary"
        marks = "".join(f" ({mark})" for mark in ("dropped", "injected") if getattr(message, mark))
        size = size_text(len(message.content))
        yield f"{side} {kind} {size}{marks}  {_shown(message.content, text=text)}".rstrip()
    if truncated:
        yield "..."


def _messages(count: int) -> str:
    return f"{count} WebSocket {'message' if count == 1 else 'messages'}"


def _with(code: int, reason: str) -> str:
    said = f' "{printable(reason)}"' if reason else ""
    return f" with {code}{said}" if code else ""


def _shown(content: bytes, *, text: bool) -> str:
    """A message's beginning: text where it is, or looks like it, else hex."""
    if text or looks_like_text(content):
        said = content.decode(errors="backslashreplace")
        return printable(said[:_SHOWN]) + ("..." if len(said) > _SHOWN else "")
    first = content[: _SHOWN // 3]
    return first.hex(" ") + ("..." if len(content) > len(first) else "")
