"""Events that show more or less than the log has: contents, and secrets.

The log's events hold previews, and marks in the place of secrets. A watcher that wants less
of the contents gets them cut; one that wants more gets the journal's, redacted as the log's
are. One that may see secrets gets what was kept out of the events put back.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from flowreplay.v1 import event_pb2, flow_pb2

from replayd.codec.event import sequence_of
from replayd.codec.flow import decode_flow
from replayd.codec.plan import decode_plan, encode_plan
from replayd.codec.redacted import Payload, may_show, redact_event
from replayd.codec.websocket import (
    decode_conversation,
    websocket_message,
    websocket_message_from,
)
from replayd.codec.withheld import put_back
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Part
from replayd.model.conversation import Beginning
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.plan import Plan
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED, Redactor
from replayd.rpc.contents import beginning
from replayd.rpc.edited import was_edited

_PARTS = {"request": Part.REQUEST, "response": Part.RESPONSE, "error": Part.RESPONSE}


class Shown:
    """Reads what events do not hold. Synchronous: for a thread."""

    def __init__(
        self,
        journal: Journal,
        redactor: Redactor = UNKEYED,
        as_sent: Callable[[Plan], Plan] = lambda plan: plan,
    ) -> None:
        """`as_sent` fits a plan to the upstream, as the replay thread does."""
        self._journal = journal
        self.redactor = redactor
        self.as_sent = as_sent

    def events(self, events: Iterable[bytes], limit: int, *, reveal: bool) -> Iterator[bytes]:
        """Yields the events with at most `limit` bytes of each content, and, to `reveal` them,
        with their secrets.
        """
        for encoded in events:
            event = event_pb2.Event.FromString(encoded)
            if was_edited(event.request):
                # What was sent is nowhere else.
                yield self._cut(event, limit)
                continue
            if reveal:
                with _unless_removed():
                    self._reveal(event)
            else:
                self.redact(event)
            kind = event.WhichOneof("payload") or ""
            if kind in _PARTS:
                payload: Payload = getattr(event, kind)
                key = ReplayKey.parse(event.replay_id)
                self._fit(payload, key, _PARTS[kind], limit, reveal=reveal)
                if not isinstance(payload, event_pb2.RequestEvent) and payload.HasField(
                    "websocket"
                ):
                    self._fit_messages(payload.websocket, key, limit, reveal=reveal)
            yield event.SerializeToString()

    def redact(self, event: event_pb2.Event) -> None:
        """Takes the secrets out of an event of the log that was stored before there was redaction;
        every later one has none.
        """
        if event.sequence <= self._journal.info.redacted_after:
            redact_event(event, self.redactor)

    def _cut(self, event: event_pb2.Event, limit: int) -> bytes:
        if len(event.request.content) > limit:
            event.request.content = event.request.content[:limit]
            event.request.content_truncated = True
        return event.SerializeToString()

    def _reveal(self, event: event_pb2.Event) -> None:
        """Puts back what was kept out of an event, but for contents."""
        kind = event.WhichOneof("payload")
        if kind not in _PARTS:
            return
        # Imported here: few ask for secrets, and a start would load all of planning for it.
        from replayd.planning.plan import url_of  # noqa: PLC0415

        key = ReplayKey.parse(event.replay_id)
        (past,) = self._journal.history(key.batch_id, key.slot - 1, 1)
        url = url_of(decode_flow(flow_pb2.Flow.FromString(past.flow), b"", b""))
        if kind == "request":
            plan = self.as_sent(decode_plan(past.plan))._replace(url=url)
            event.request.plan.ParseFromString(encode_plan(plan))
            return
        if past.event and sequence_of(past.event) == event.sequence:
            put_back(event, past.withheld)
        payload = event.response if kind == "response" else event.error
        payload.url = url

    def _fit(
        self, payload: Payload, key: ReplayKey, part: Part, limit: int, *, reveal: bool
    ) -> None:
        """Leaves as much of a content as the limit lets, the journal's where the log has too
        little of it or shows it otherwise than was asked for.
        """
        wants = payload.content_truncated and len(payload.content) < limit
        if payload.content_redacted:
            # Of what may not be shown at all, more may not either.
            wants = reveal or (wants and bool(payload.content))
        # A failed replay's content is not kept whole: its preview is what there is.
        if wants and (found := self._read(key, part, limit)):
            shown = found if reveal else may_show(payload, found, self.redactor)
            payload.content = shown or b""
            payload.content_redacted = shown is not found
            payload.content_truncated = shown is None or len(found) < payload.content_size_bytes
        if len(payload.content) > limit:
            payload.content = payload.content[:limit]
            payload.content_truncated = True

    def _fit_messages(
        self, result: event_pb2.WebSocketResult, key: ReplayKey, limit: int, *, reveal: bool
    ) -> None:
        """Leaves as many messages as the limit lets, the journal's where the log has too few,
        or not all that may be seen.
        """
        said = beginning(map(websocket_message_from, result.messages), limit)
        said.truncated |= result.messages_truncated
        if reveal or (result.messages_truncated and limit > PREVIEW_LIMIT):
            whole = Beginning(limit)
            with _unless_removed():
                kept = self._journal.content(key, Part.RESPONSE)
                whole = beginning(decode_conversation(kept), limit)
            # Of a failed replay the log may have all that there is.
            said = whole if whole.messages else said
        messages = said.messages
        if not reveal:
            told = [self.redactor.message(message) for message in messages]
            messages = [message for message, _ in told]
            said.truncated |= any(hidden for _, hidden in told)
        del result.messages[:]
        result.messages.extend(map(websocket_message, messages))
        result.messages_truncated = said.truncated

    def _read(self, key: ReplayKey, part: Part, limit: int) -> bytes:
        content = bytearray()
        with _unless_removed():
            for piece in self._journal.content(key, part):
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
