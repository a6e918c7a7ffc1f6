"""Events with more or less of their contents than the log holds.

The log's events hold previews. A watcher that wants less gets them cut; one that wants
more gets the journal's content put in.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from flowreplay.v1 import event_pb2, replay_pb2

from replayd.codec.websocket import (
    decode_conversation,
    websocket_message,
    websocket_message_from,
)
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Part
from replayd.model.conversation import Beginning
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.flow import WebSocketMessage
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason

MAX_CONTENT = 1 << 20
"""Bytes of one content that an event may carry: a message stays far below 8 MiB."""

Request = replay_pb2.WatchEventsRequest | replay_pb2.PlanFlowsRequest

_PARTS = {"request": Part.REQUEST, "response": Part.RESPONSE, "error": Part.RESPONSE}


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


def with_contents(events: Iterable[bytes], limit: int, journal: Journal) -> Iterator[bytes]:
    """Yields the events with at most `limit` bytes of each content."""
    for encoded in events:
        event = event_pb2.Event.FromString(encoded)
        kind = event.WhichOneof("payload") or ""
        if kind not in _PARTS:
            yield encoded
            continue
        payload: event_pb2.RequestEvent | event_pb2.ResponseEvent | event_pb2.ErrorEvent = getattr(
            event, kind
        )
        if payload.content_truncated and len(payload.content) < limit:
            key = ReplayKey.parse(event.replay_id)
            # A failed replay's content is not kept whole: its preview is what there is.
            payload.content = _read(journal, key, _PARTS[kind], limit) or payload.content
        payload.content = payload.content[:limit]
        payload.content_truncated = len(payload.content) < payload.content_size_bytes
        if not isinstance(payload, event_pb2.RequestEvent) and payload.HasField("websocket"):
            _fit_messages(payload.websocket, event.replay_id, limit, journal)
        yield event.SerializeToString()


def _fit_messages(
    result: event_pb2.WebSocketResult, replay_id: str, limit: int, journal: Journal
) -> None:
    """Leaves as many messages as the limit lets, the journal's where the log has too few."""
    said = beginning(map(websocket_message_from, result.messages), limit)
    said.truncated |= result.messages_truncated
    if result.messages_truncated and limit > PREVIEW_LIMIT:
        whole = Beginning(limit)
        with _unless_removed():
            kept = journal.content(ReplayKey.parse(replay_id), Part.RESPONSE)
            whole = beginning(decode_conversation(kept), limit)
        # Of a failed replay the log may have all that there is.
        said = whole if whole.messages else said
    del result.messages[:]
    result.messages.extend(map(websocket_message, said.messages))
    result.messages_truncated = said.truncated


def beginning(messages: Iterable[WebSocketMessage], limit: int) -> Beginning:
    """Returns the first messages of a conversation, with at most `limit` bytes of content."""
    found = Beginning(limit)
    for message in messages:
        found.add(message)
        if found.truncated:
            break
    return found


def _read(journal: Journal, key: ReplayKey, part: Part, limit: int) -> bytes:
    content = bytearray()
    with _unless_removed():
        for piece in journal.content(key, part):
            content += piece
            if len(content) >= limit:
                break
    return bytes(content[:limit])


@contextmanager
def _unless_removed() -> Iterator[None]:
    """Ends the reading of a content when retention removes its batch: the event, which was
    read before, says that it shows less than there was.
    """
    try:
        yield
    except ReplaydError as error:
        if error.reason is not Reason.BATCH_NOT_FOUND:
            raise
