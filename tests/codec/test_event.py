from flowreplay.v1 import event_pb2, reason_pb2
from google.protobuf.duration_pb2 import Duration

from replayd.codec import event as codec
from replayd.codec.plan import encode_plan
from replayd.model.event import PREVIEW_LIMIT, EventKind, LogLevel, PendingEvent, UpdateKind
from replayd.model.outcome import ConnectionInfo, Outcome, ResponseHead, Timings
from replayd.model.plan import Plan, Target, WebSocketPlan
from replayd.model.replay import Replay, ReplayKey, ReplayRange, ReplayState
from replayd.reasons import Reason

NOW = 1_795_399_200_000_000_123
PLAN = Plan(
    b"POST", b"http://h/", Target("http", "h", 80), b"POST / HTTP/1.1\r\n\r\n",
    content_size=3, flow_index=4, flow_id="id", recorded_status_code=204,
)  # fmt: skip
REPLAY = Replay(ReplayKey("batch", 0, 4), "s", False, 2, encode_plan(PLAN), b"abc")


def decoded(pending: PendingEvent, kind: EventKind) -> event_pb2.Event:
    assert pending.kind is kind
    event = event_pb2.Event.FromString(codec.with_sequence(7, pending.body))
    assert event.sequence == 7
    assert event.record_time.ToNanoseconds() == NOW
    assert event.batch_id == pending.batch_id
    return event


def test_the_sequence_is_read_back_from_the_bytes() -> None:
    for sequence in (1, 127, 128, 2**40):
        body = codec.update_event(UpdateKind.PAUSED, NOW).body
        assert codec.sequence_of(codec.with_sequence(sequence, body)) == sequence


def test_a_request_event_carries_the_plan() -> None:
    event = decoded(codec.request_event(REPLAY, PLAN, b"abc", NOW), EventKind.REQUEST)
    assert (event.replay_id, event.attempt) == ("batch.4", 2)
    assert event.request.plan.SerializeToString() == REPLAY.plan
    assert event.request.content == b"abc"
    assert not event.request.content_truncated


def test_a_websocket_s_conversation_is_no_content() -> None:
    websocket = PLAN._replace(content_size=0, websocket=WebSocketPlan(1))
    request = decoded(
        codec.request_event(REPLAY, websocket, b"a conversation", NOW), EventKind.REQUEST
    ).request
    assert (request.content, request.content_size_bytes) == (b"", 0)
    assert not request.content_truncated


def test_a_response_event_has_all_that_was_seen() -> None:
    outcome = Outcome(
        state=ReplayState.SUCCEEDED,
        timings=Timings(NOW, connected=1, sent=2, first_byte=3, total=4_000_000_005, lag=7),
        head=ResponseHead(b"HTTP/1.1", 200, b"OK", ((b"A", b"b"),), (100, 103)),
        content_prefix=b"x" * PREVIEW_LIMIT,
        content_size=PREVIEW_LIMIT + 1,
        trailers=((b"T", b"u"),),
        connection=ConnectionInfo("127.0.0.1:80", "127.0.0.1:9", True, True, "TLSv1.3", "C", "h"),
        early=True,
        lenient=True,
    )
    response = decoded(codec.outcome_event(REPLAY, PLAN, outcome, NOW), EventKind.RESPONSE).response
    assert (response.flow_index, response.url, response.method) == (4, b"http://h/", b"POST")
    assert (response.flow_id, response.recorded_status_code) == ("id", 204)
    assert response.head.interim_status_codes == [100, 103]
    assert response.content_truncated
    assert response.content_size_bytes == PREVIEW_LIMIT + 1
    assert response.connection.tls_version == "TLSv1.3"
    assert response.timings.total_duration == Duration(seconds=4, nanos=5)
    assert not response.timings.HasField("tls_duration")
    assert response.timings.lag_duration == Duration(nanos=7)
    assert response.early
    assert response.lenient


def test_a_request_event_shows_what_may_be_shown() -> None:
    shown = encode_plan(PLAN._replace(head=b"shown"))
    replay = REPLAY._replace(shown_plan=shown, shown_content=b"mark")
    request = decoded(codec.request_event(replay, PLAN, b"abc", NOW), EventKind.REQUEST).request
    assert request.plan.head == b"shown"
    assert (request.content, request.content_redacted, request.content_truncated) == (
        b"mark",
        True,
        False,
    )
    hidden = replay._replace(shown_content=b"")
    request = decoded(codec.request_event(hidden, PLAN, b"abc", NOW), EventKind.REQUEST).request
    assert (request.content, request.content_redacted, request.content_truncated) == (
        b"",
        True,
        True,
    )


def test_an_outcome_s_event_shows_no_secret_and_withholds_it() -> None:
    outcome = Outcome(
        state=ReplayState.SUCCEEDED,
        timings=Timings(NOW),
        head=ResponseHead(b"HTTP/1.1", 200, b"OK", ((b"Set-Cookie", b"a=s3cr3t"),)),
        content_prefix=b'{"token":"s3cr3t"}',
        content_size=18,
    )
    pending = codec.outcome_event(REPLAY, PLAN, outcome, NOW)
    assert b"s3cr3t" not in pending.body
    assert b"s3cr3t" in pending.withheld
    response = decoded(pending, EventKind.RESPONSE).response
    assert (response.content_redacted, response.content_truncated) == (True, False)
    assert response.content_size_bytes == 18


def test_a_note_shows_no_secret() -> None:
    pending = codec.log_event(LogLevel.INFO, "at http://u:s3cr3t@h/", NOW)
    assert decoded(pending, EventKind.LOG).log.message == "at http://‹redacted 8B›@h/"


def test_an_error_event_has_state_reason_and_what_came() -> None:
    outcome = Outcome(
        state=ReplayState.FAILED,
        timings=Timings(NOW),
        reason=Reason.BODY_TOO_LARGE,
        message="too large",
        content_prefix=b"first",
        content_size=100,
    )
    error = decoded(codec.outcome_event(REPLAY, PLAN, outcome, NOW), EventKind.ERROR).error
    assert error.state == event_pb2.REPLAY_STATE_FAILED
    assert error.reason == reason_pb2.REASON_BODY_TOO_LARGE
    assert (error.message, error.content, error.content_size_bytes) == ("too large", b"first", 100)
    assert error.content_truncated
    assert not error.HasField("head")


def test_an_interrupted_event_says_why() -> None:
    key = ReplayKey("batch", 0, 4)
    for poison, words in ((False, "is not sent again by itself"), (True, "3")):
        pending = codec.interrupted_event(
            key, 3, REPLAY.plan, ReplayState.FAILED, NOW, poison=poison
        )
        error = decoded(pending, EventKind.ERROR).error
        assert error.state == event_pb2.REPLAY_STATE_FAILED
        assert error.reason == (Reason.POISON if poison else Reason.INTERRUPTED)
        assert words in error.message
        assert (error.url, error.flow_id) == (b"http://h/", "id")


def test_a_log_event_is_about_a_replay_a_flow_or_the_daemon() -> None:
    key = ReplayKey("batch", 0, 4)
    about_replay = codec.log_event(LogLevel.ERROR, "m", NOW, key=key, attempt=1)
    assert decoded(about_replay, EventKind.LOG).replay_id == "batch.4"
    about_flow = codec.log_event(
        LogLevel.WARNING, "m", NOW, reason=Reason.LIVE_FLOW, batch_id="b", flow_index=0, flow_id="f"
    )
    event = decoded(about_flow, EventKind.LOG)
    assert event.log.HasField("flow_index")
    assert (event.log.flow_id, event.log.reason) == ("f", reason_pb2.REASON_LIVE_FLOW)
    about_daemon = decoded(codec.log_event(LogLevel.INFO, "m", NOW), EventKind.LOG)
    assert not about_daemon.log.HasField("flow_index")


def test_an_update_event_names_ranges() -> None:
    ranges = [ReplayRange("batch", 1, 2, 9)]
    event = decoded(
        codec.update_event(
            UpdateKind.CLEARED, NOW, ranges=ranges, count=8, batch_id="batch", label="l"
        ),
        EventKind.UPDATE,
    )
    assert event.update.kind == event_pb2.UPDATE_KIND_CLEARED
    assert (event.update.replay_count, event.update.label) == (8, "l")
    (found,) = event.update.ranges
    assert (found.batch_id, found.repeat, found.first_index, found.last_index) == ("batch", 1, 2, 9)
