"""How much of contents a client asks for."""

from collections.abc import Iterable

from flowreplay.v1 import replay_pb2

from replayd.errors import ReplaydError
from replayd.model.conversation import Beginning
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.flow import WebSocketMessage
from replayd.reasons import Reason

MAX_CONTENT = 1 << 20
"""Bytes of one content that an event may carry: a message stays far below 8 MiB."""

Request = replay_pb2.WatchEventsRequest | replay_pb2.PlanFlowsRequest


def content_limit(request: Request) -> int:
    """Returns how many bytes of each content a request asks for.

    Raises ReplaydError INVALID_OPTIONS.
    """
    if not request.HasField("content_limit_bytes"):
        return PREVIEW_LIMIT
    limit = request.content_limit_bytes
    if not 0 <= limit <= MAX_CONTENT:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            f"content_limit_bytes is {limit}; it may be from 0 to {MAX_CONTENT}",
            field="content_limit_bytes",
        )
    return limit


def beginning(messages: Iterable[WebSocketMessage], limit: int) -> Beginning:
    """Returns the first messages of a conversation, with at most `limit` bytes of content."""
    found = Beginning(limit)
    for message in messages:
        found.add(message)
        if found.truncated:
            break
    return found
