"""Events of before anything was redacted."""

import pytest
from flowreplay.v1 import event_pb2

from replayd.codec.plan import encode_plan
from replayd.codec.redacted import redact_event
from replayd.model.plan import Plan, Target
from replayd.redaction.redactor import UNKEYED

PLAN = Plan(
    b"POST",
    b"http://h/?token=s3cr3t",
    Target("http", "h", 80),
    b"POST /?token=s3cr3t HTTP/1.1\r\nCookie: a=s3cr3t\r\nContent-Type: text/plain\r\n\r\n",
)


def old_events() -> list[event_pb2.Event]:
    request, response, error, log, update = (event_pb2.Event() for _ in range(5))
    request.request.plan.ParseFromString(encode_plan(PLAN))
    request.request.content = b"password=s3cr3t"
    for payload in (response.response, error.error):
        payload.url = PLAN.url
        payload.head.headers.add(name=b"Set-Cookie", value=b"a=s3cr3t; Path=/")
        payload.head.status_code = 200
        payload.content = b'{"token":"s3cr3t"}'
        payload.content_size_bytes = 18
    response.response.trailers.add(name=b"X-Token", value=b"s3cr3t")
    error.error.state = event_pb2.REPLAY_STATE_FAILED
    error.error.message = "no http://u:s3cr3t@h/"
    log.log.message = "no http://u:s3cr3t@h/"
    update.update.label = "label"
    return [request, response, error, log, update]


@pytest.mark.parametrize("event", old_events(), ids=lambda event: event.WhichOneof("payload"))
def test_an_old_event_loses_its_secrets(event: event_pb2.Event) -> None:
    kind = event.WhichOneof("payload")
    before = event_pb2.Event.FromString(event.SerializeToString())
    redact_event(event, UNKEYED)
    assert b"s3cr3t" not in event.SerializeToString()
    assert event.WhichOneof("payload") == kind
    if kind in ("request", "response", "error"):
        assert getattr(event, kind).content_redacted
    if kind == "response":
        assert event.response.head.status_code == 200
        assert len(event.response.head.headers) == 1
    if kind == "update":
        assert event == before


def test_what_is_no_text_goes_as_a_whole() -> None:
    event = event_pb2.Event()
    event.response.content, event.response.content_size_bytes = b"\0s3cr3t", 7
    redact_event(event, UNKEYED)
    assert (event.response.content, event.response.content_truncated) == (b"", True)
    assert event.response.content_redacted
