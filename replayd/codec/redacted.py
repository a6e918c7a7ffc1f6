"""Events redacted once more: of before secrets were kept out of them, or with more content."""

from flowreplay.v1 import event_pb2

from replayd.codec.fields import headers_from
from replayd.codec.outcome import decode_outcome
from replayd.codec.plan import decode_plan, encode_plan
from replayd.codec.withheld import put_back, withheld_of
from replayd.redaction.fields import fields_of
from replayd.redaction.redactor import Redactor

Payload = event_pb2.RequestEvent | event_pb2.ResponseEvent | event_pb2.ErrorEvent


def may_show(payload: Payload, content: bytes, redactor: Redactor) -> bytes | None:
    """Returns what may be shown of a content of an event; None: nothing."""
    if isinstance(payload, event_pb2.RequestEvent):
        return redactor.request_content(content, fields_of(payload.plan.head))
    return redactor.response_content(content, headers_from(payload.head.headers))


def redact_event(event: event_pb2.Event, redactor: Redactor) -> None:
    """Replaces the secrets of an event that may hold some."""
    kind = event.WhichOneof("payload")
    if kind == "log":
        event.log.message = redactor.text(event.log.message)
    elif kind == "request":
        plan = decode_plan(event.request.plan.SerializeToString())
        event.request.plan.ParseFromString(encode_plan(redactor.plan(plan)))
        _redact_content(event.request, redactor)
    elif kind in ("response", "error"):
        payload = event.response if kind == "response" else event.error
        outcome = decode_outcome(event.SerializeToString())
        # The other way round: what differs in what may be shown takes its place.
        shown = redactor.outcome(outcome)
        put_back(event, withheld_of(shown, outcome))
        payload.url = redactor.url(payload.url)
        _redact_content(payload, redactor)


def _redact_content(payload: Payload, redactor: Redactor) -> None:
    content = payload.content
    if not content:
        return
    shown = may_show(payload, content, redactor)
    payload.content = shown or b""
    payload.content_redacted = shown is not content
    payload.content_truncated |= shown is None
