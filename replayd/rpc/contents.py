"""Events with more or less of their contents than the log holds.

The log's events hold previews. A watcher that wants less gets them cut; one that wants
more gets the journal's content put in.
"""

from collections.abc import Iterable, Iterator

from flowreplay.v1 import event_pb2

from replayd.journal.interface import Journal, Part
from replayd.model.replay import ReplayKey

MAX_CONTENT = 1 << 20
"""Bytes of one content that an event may carry: a message stays far below 8 MiB."""

_PARTS = {"request": Part.REQUEST, "response": Part.RESPONSE, "error": Part.RESPONSE}


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
        yield event.SerializeToString()


def _read(journal: Journal, key: ReplayKey, part: Part, limit: int) -> bytes:
    content = bytearray()
    for piece in journal.content(key, part):
        content += piece
        if len(content) >= limit:
            break
    return bytes(content[:limit])
