"""GetReplay: all that the journal keeps of one replay. Synchronous, for a thread."""

from collections.abc import Iterator

from flowreplay.v1 import event_pb2, flow_pb2, history_pb2

from replayd.codec.fields import headers_from
from replayd.codec.flow import decode_flow, encode_flow
from replayd.codec.plan import decode_plan, encode_plan
from replayd.codec.redacted import Payload
from replayd.codec.websocket import decode_conversation, websocket_message
from replayd.errors import FieldError, ReplaydError
from replayd.journal.interface import Journal, Part, Past
from replayd.model.event import PREVIEW_LIMIT
from replayd.planning.plan import url_of
from replayd.reasons import Reason
from replayd.redaction.fields import fields_of
from replayd.rpc.contents import MAX_CONTENT, beginning
from replayd.rpc.edited import edited_request
from replayd.rpc.listing import replay_message
from replayd.rpc.replay_ids import replay_key
from replayd.rpc.shown import Shown

_PARTS = {
    history_pb2.REPLAY_CONTENT_REQUEST: Part.REQUEST,
    history_pb2.REPLAY_CONTENT_RECORDED: Part.RECORDED,
    history_pb2.REPLAY_CONTENT_RESPONSE: Part.RESPONSE,
}


class Told:
    """One replay. Raises ReplaydError INVALID_OPTIONS, REPLAY_NOT_FOUND."""

    def __init__(
        self, journal: Journal, shown: Shown, request: history_pb2.GetReplayRequest
    ) -> None:
        self._journal = journal
        self._shown = shown
        self._key = replay_key(request.replay_id)
        self._reveals = request.reveal_secrets
        self._wanted = sorted(set(request.contents))
        self._limit = (
            request.content_limit_bytes if request.HasField("content_limit_bytes") else None
        )
        if unknown := set(request.contents) - set(_PARTS):
            raise FieldError("contents", f"has the unknown value {min(unknown)}")
        if self._limit is not None and self._limit < 0:
            raise FieldError("content_limit_bytes", "may not be negative")

    def responses(self) -> Iterator[history_pb2.GetReplayResponse]:
        """Yields the responses. Raises ReplaydError: REPLAY_NOT_FOUND, BATCH_NOT_FOUND, or as
        the journal does.
        """
        past = self._past()
        event = self._event(past)
        details = self._details(past, event)
        edited = edited_request(self._journal, past)
        if edited is not None:
            details.plan.CopyFrom(edited.plan)
        yield history_pb2.GetReplayResponse(details=details)
        for content in self._wanted:
            if edited is not None and content == history_pb2.REPLAY_CONTENT_REQUEST:
                pieces = self._beginning(content, edited)
            else:
                pieces = self._pieces(content, details, event)
            for piece in pieces:
                yield history_pb2.GetReplayResponse(piece=piece)

    def _past(self) -> Past:
        key = self._key
        found = self._journal.history(key.batch_id, key.slot - 1, 1)
        if not found or found[0].key != key:
            raise ReplaydError(
                Reason.REPLAY_NOT_FOUND,
                f"no replay {key.replay_id!r}; ListReplays has the ids",
                replay_id=key.replay_id,
            )
        return found[0]

    def _event(self, past: Past) -> event_pb2.Event | None:
        """The event that ended it, as it may be shown, with the beginning of its content."""
        if not past.event:
            return None
        (encoded,) = self._shown.events([past.event], PREVIEW_LIMIT, reveal=self._reveals)
        return event_pb2.Event.FromString(encoded)

    # Details

    def _details(self, past: Past, event: event_pb2.Event | None) -> history_pb2.ReplayDetails:
        message = flow_pb2.Flow.FromString(past.flow)
        recorded = None if message.response.content_missing else b""
        flow = decode_flow(message, b"", recorded)
        plan = self._shown.as_sent(decode_plan(past.plan))
        replay = replay_message(past, self._shown)
        if self._reveals:
            plan = plan._replace(url=url_of(flow))
            replay.url = plan.url
        else:
            plan, flow = self._shown.redactor.plan(plan), self._shown.redactor.flow(flow)
        details = history_pb2.ReplayDetails(replay=replay)
        details.flow.ParseFromString(encode_flow(flow))
        details.plan.ParseFromString(encode_plan(plan))
        if event is not None:
            details.end_event.CopyFrom(event)
            payload = _payload(details.end_event)
            payload.content_truncated |= bool(payload.content)
            payload.ClearField("content")
        if plan.websocket is not None:
            self._tell_what_was_said(details)
        return details

    def _tell_what_was_said(self, details: history_pb2.ReplayDetails) -> None:
        kept = self._journal.content(self._key, Part.REQUEST)
        said = beginning(decode_conversation(kept), PREVIEW_LIMIT)
        messages, truncated = said.messages, said.truncated
        if not self._reveals:
            told = [self._shown.redactor.message(message) for message in messages]
            messages = [message for message, _ in told]
            truncated |= any(hidden for _, hidden in told)
        details.recorded_messages.extend(map(websocket_message, messages))
        details.recorded_messages_truncated = truncated

    # Contents

    def _pieces(
        self,
        content: history_pb2.ReplayContent.ValueType,
        details: history_pb2.ReplayDetails,
        event: event_pb2.Event | None,
    ) -> Iterator[history_pb2.ContentPiece]:
        if details.plan.HasField("websocket") and content != history_pb2.REPLAY_CONTENT_RECORDED:
            return
        kept = self._journal.content(self._key, _PARTS[content])
        found = False
        whole = self._as_kept(kept) if self._reveals else self._as_shown(content, kept, details)
        for piece in whole:
            piece.content = content
            found = True
            yield piece
        if not found and content == history_pb2.REPLAY_CONTENT_RESPONSE and event is not None:
            # Of one that failed the event has what is kept.
            yield from self._beginning(content, _payload(event))

    def _beginning(
        self, content: history_pb2.ReplayContent.ValueType, payload: Payload
    ) -> Iterator[history_pb2.ContentPiece]:
        """What an event has of a content."""
        if payload.content or payload.content_redacted:
            limit = len(payload.content) if self._limit is None else self._limit
            cut = len(payload.content) > limit
            yield history_pb2.ContentPiece(
                content=content,
                data=payload.content[:limit],
                last=True,
                truncated=payload.content_truncated or cut,
                redacted=payload.content_redacted,
            )

    def _as_kept(self, kept: Iterator[bytes]) -> Iterator[history_pb2.ContentPiece]:
        """The bytes that are kept, up to the limit."""
        left = self._limit
        before: history_pb2.ContentPiece | None = None
        for data in kept:
            if before is not None and left == 0:
                before.truncated = True
                break
            if before is not None:
                yield before
            before = history_pb2.ContentPiece(data=data if left is None else data[:left])
            if left is not None:
                before.truncated = len(data) > left
                left -= len(before.data)
        if before is not None:
            before.last = True
            yield before

    def _as_shown(
        self,
        content: history_pb2.ReplayContent.ValueType,
        kept: Iterator[bytes],
        details: history_pb2.ReplayDetails,
    ) -> Iterator[history_pb2.ContentPiece]:
        """What may be shown of as much as is looked through."""
        limit = MAX_CONTENT if self._limit is None else min(self._limit, MAX_CONTENT)
        data = bytearray()
        for some in kept:
            data += some
            if len(data) > limit:
                break
        if not data:
            return
        first = bytes(data[:limit])
        redactor = self._shown.redactor
        if content == history_pb2.REPLAY_CONTENT_REQUEST:
            shown = redactor.request_content(first, fields_of(details.plan.head))
        else:
            recorded = content == history_pb2.REPLAY_CONTENT_RECORDED
            head = details.flow.response if recorded else _payload(details.end_event).head
            shown = redactor.response_content(first, headers_from(head.headers))
        yield history_pb2.ContentPiece(
            data=(shown or b"")[:MAX_CONTENT],
            last=True,
            truncated=len(data) > limit,
            redacted=shown is not first,
        )


def _payload(event: event_pb2.Event) -> event_pb2.ResponseEvent | event_pb2.ErrorEvent:
    return event.error if event.HasField("error") else event.response
