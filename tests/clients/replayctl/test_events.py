import re
from datetime import UTC, date, datetime, timedelta

import pytest
from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1 import plan_pb2, reason_pb2
from google.protobuf.duration_pb2 import Duration
from replayctl.events import duration_text, event_lines, reason_name, state_name

TODAY = date(2026, 3, 4)
NOON = datetime(2026, 3, 4, 12).astimezone()
START = re.compile(r"^\d\d:\d\d:\d\d\.\d{3}  (\S+) +")
TIMINGS = pb.Timings(total_duration=Duration(nanos=12_345_678))


def plain(text: str, _colour: str) -> str:
    return text


def tagged(text: str, colour: str) -> str:
    return f"<{colour}>{text}</>"


def line_of(event: pb.Event) -> str:
    event.record_time.FromDatetime(NOON.astimezone(UTC))
    (line,) = event_lines(event, plain, TODAY)
    start = START.match(line)
    assert start is not None
    assert start[1] == (event.replay_id or event.batch_id or "-")
    return START.sub("", line)


def response(status: int = 200, recorded: int = 0) -> pb.ResponseEvent:
    return pb.ResponseEvent(
        head=pb.ResponseHead(status_code=status),
        recorded_status_code=recorded,
        content=b"hi\x1b",
        content_size_bytes=1536,
        timings=TIMINGS,
        url=b"http://h/\x1b[31m",
        method=b"GET",
    )


def test_a_response_is_one_line() -> None:
    line = line_of(pb.Event(response=response()))
    assert line == r"GET http://h/\x1b[31m  200  1.5 KiB  12.3 ms"


@pytest.mark.parametrize(("recorded", "said"), [(0, ""), (404, ""), (200, " (recorded 200)")])
def test_a_recorded_status_is_told_when_it_differs(recorded: int, said: str) -> None:
    assert f"  404{said}  " in line_of(pb.Event(response=response(404, recorded)))


def test_what_hooks_had_to_do_with_it_is_told() -> None:
    answered, changed = response(), response()
    answered.answering_hook = "teapot"
    changed.changing_hooks.extend(["a", "b"])
    assert "  200 (of the hook teapot)  " in line_of(pb.Event(response=answered))
    assert "  200 (changed by a, b)  " in line_of(pb.Event(response=changed))


@pytest.mark.parametrize(
    ("status", "colour"), [(204, "green"), (301, "cyan"), (404, "yellow"), (503, "red")]
)
def test_a_status_has_its_colour(status: int, colour: str) -> None:
    (line,) = event_lines(pb.Event(response=response(status)), tagged, TODAY)
    assert f"<{colour}>{status}</>" in line


def test_a_later_attempt_is_told() -> None:
    assert line_of(pb.Event(attempt=2, response=response())).endswith("(attempt 2)")


def test_an_error_has_its_state_reason_and_words() -> None:
    error = pb.ErrorEvent(
        state=pb.REPLAY_STATE_FAILED,
        reason=reason_pb2.REASON_CONNECT_FAILED,
        message="no\nway",
        url=b"http://h/",
        method=b"POST",
        timings=TIMINGS,
    )
    line = line_of(pb.Event(error=error))
    assert line == r"POST http://h/  FAILED CONNECT_FAILED: no\nway  12.3 ms"


def test_a_request_tells_when_it_leaves_as_http2() -> None:
    event = pb.Event(request=pb.RequestEvent())
    plan = event.request.plan
    plan.method, plan.url = b"GET", b"https://h/"
    plan.changes.add(description="HTTP/2.0 -> HTTP/1.1")
    plan.target.http_versions = plan_pb2.HTTP_VERSIONS_TWO_OR_ONE
    assert line_of(event) == (
        "GET https://h/  sending 0 B; over HTTP/2, if the server chooses it; "
        "else over HTTP/1.1: HTTP/2.0 -> HTTP/1.1"
    )
    plan.target.http_versions = plan_pb2.HTTP_VERSIONS_TWO
    assert line_of(event) == "GET https://h/  sending 0 B; over HTTP/2"


def test_a_response_over_http2_says_so() -> None:
    event = pb.Event(response=response(404, 200))
    event.response.head.http_version = b"HTTP/2.0"
    assert "  404 over HTTP/2 (recorded 200)  " in line_of(event)


def test_a_websocket_tells_what_is_said() -> None:
    event = pb.Event(request=pb.RequestEvent())
    plan = event.request.plan
    plan.method, plan.url = b"GET", b"http://h/"
    plan.websocket.client_message_count = 2
    assert line_of(event) == (
        "GET http://h/  sending 2 WebSocket messages, 0 awaited, then the server closes"
    )
    event = pb.Event(response=response(101))
    event.response.ClearField("content")
    event.response.websocket.sent_count = 2
    event.response.websocket.messages.add(content=b"hi")
    line, *bodies = event_lines(event, plain, TODAY, bodies=True)
    assert "  101  2 WebSocket messages sent, 0 received, the server closed  " in line
    assert bodies == ["    <- binary 2 B  hi"]


def test_a_request_tells_each_change() -> None:
    plan = plan_pb2.Plan(
        method=b"PUT",
        url=b"http://h/",
        changes=[plan_pb2.Change(description="Content-Length: 2 added")],
    )
    event = pb.Event(request=pb.RequestEvent(plan=plan, content=b"hi", content_size_bytes=2))
    assert line_of(event) == "PUT http://h/  sending 2 B; Content-Length: 2 added"
    assert list(event_lines(event, plain, TODAY, bodies=True))[1:] == ["    hi"]


def test_what_nobody_saw_the_end_of_is_said_once_and_without_a_time() -> None:
    error = pb.ErrorEvent(
        state=pb.REPLAY_STATE_INTERRUPTED,
        reason=reason_pb2.REASON_INTERRUPTED,
        message="died",
        url=b"http://h/",
        method=b"POST",
    )
    assert line_of(pb.Event(error=error)) == "POST http://h/  INTERRUPTED: died"


def test_each_line_says_which_replay_or_batch_it_is_about() -> None:
    event = pb.Event(batch_id="iyxoll4t", replay_id="iyxoll4t.12", response=response())
    event.record_time.FromDatetime(NOON.astimezone(UTC))
    (line,) = event_lines(event, plain, TODAY)
    assert line.startswith("12:00:00.000  iyxoll4t.12   GET http://h/")
    event = pb.Event(batch_id="iyxoll4t", log=pb.LogEvent(level=pb.LOG_LEVEL_INFO, message="x"))
    assert " iyxoll4t      info: x" in next(event_lines(event, plain, TODAY))
    event = pb.Event(update=pb.UpdateEvent(kind=pb.UPDATE_KIND_PAUSED))
    assert " -             the queue was paused" in next(event_lines(event, plain, TODAY))


@pytest.mark.parametrize(("days", "said"), [(0, ""), (1, "2026-03-04 "), (-1, "2026-03-04 ")])
def test_the_date_of_another_day_is_told(days: int, said: str) -> None:
    event = pb.Event(response=response())
    event.record_time.FromDatetime(NOON.astimezone(UTC))
    (line,) = event_lines(event, plain, TODAY + timedelta(days=days))
    assert line.startswith(f"{said}12:00:00.000  ")


def test_bodies_follow_their_line_escaped() -> None:
    _, *body = event_lines(pb.Event(response=response()), plain, TODAY, bodies=True)
    assert all(line.startswith("    ") and "\x1b" not in line for line in body)
    assert body[-1] == "    ... 1533 more bytes"


def test_a_note_has_its_flow_and_reason() -> None:
    log = pb.LogEvent(
        level=pb.LOG_LEVEL_WARNING,
        message="odd",
        flow_index=0,
        reason=reason_pb2.REASON_CAPTURE_NOTE,
    )
    noted = pb.Event(batch_id="b", log=log)
    assert line_of(noted) == "warning: flow 0: odd [CAPTURE_NOTE]"
    noted.replay_id = "b.0"
    assert line_of(noted) == "warning: odd [CAPTURE_NOTE]"
    assert line_of(pb.Event(log=pb.LogEvent(level=pb.LOG_LEVEL_INFO, message="x"))) == "info: x"


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (pb.UpdateEvent(kind=pb.UPDATE_KIND_PAUSED), "the queue was paused"),
        (pb.UpdateEvent(kind=pb.UPDATE_KIND_RESUMED), "the queue was resumed"),
        (pb.UpdateEvent(kind=pb.UPDATE_KIND_STOPPING), "the daemon is stopping"),
        (
            pb.UpdateEvent(
                kind=pb.UPDATE_KIND_CLEARED,
                replay_count=2,
                ranges=[pb.ReplayRange(batch_id="a"), pb.ReplayRange(batch_id="b")],
            ),
            "cleared 2 replays of batch a, b",
        ),
        (
            pb.UpdateEvent(kind=pb.UPDATE_KIND_QUEUED, replay_count=1, label="l\x1b"),
            r"queued 1 replay (l\x1b)",
        ),
        (
            pb.UpdateEvent(
                kind=pb.UPDATE_KIND_QUEUED, replay_count=2, label="l", resends_batch_id="a"
            ),
            "queued 2 replays (l), which send those of batch a again",
        ),
        (
            pb.UpdateEvent(
                kind=pb.UPDATE_KIND_RESOLVED,
                replay_count=1,
                ranges=[pb.ReplayRange(batch_id="a")],
                resolution=pb.RESOLUTION_RESEND,
                resent_batch_id="b",
            ),
            "resolved 1 replay of batch a: sent again as batch b",
        ),
        (
            pb.UpdateEvent(
                kind=pb.UPDATE_KIND_RESOLVED, replay_count=2, resolution=pb.RESOLUTION_DROP
            ),
            "resolved 2 replays: dropped",
        ),
    ],
)
def test_an_update_says_what_changed(update: pb.UpdateEvent, said: str) -> None:
    batch_id = "own" if update.kind == pb.UPDATE_KIND_QUEUED else ""
    assert line_of(pb.Event(batch_id=batch_id, update=update)) == said


def test_what_a_newer_daemon_sends_is_no_error() -> None:
    assert list(event_lines(pb.Event(sequence=1), plain, TODAY)) == []
    assert reason_name(reason_pb2.Reason.ValueType(9999)) == "9999"
    assert state_name(pb.ReplayState.ValueType(3)) == "SUCCEEDED"
    assert line_of(
        pb.Event(update=pb.UpdateEvent(kind=pb.UpdateKind.ValueType(99), replay_count=3))
    )


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0.0 ms"), (999, "999.0 ms"), (1500, "1.50 s")]
)
def test_durations(milliseconds: int, text: str) -> None:
    duration = Duration()
    duration.FromMilliseconds(milliseconds)
    assert duration_text(duration) == text


@pytest.mark.parametrize(
    ("content", "truncated", "lines"),
    [
        (b"", True, ["    (1.5 KiB that are no plain text; --secrets shows them)"]),
        (b"a mark", False, ["    a mark"]),
        (b"a mark", True, ["    a mark", "    ..."]),
    ],
)
def test_a_content_with_marks_is_said_to_have_them(
    content: bytes, truncated: bool, lines: list[str]
) -> None:
    said = response()
    said.content, said.content_redacted, said.content_truncated = content, True, truncated
    _, *shown = event_lines(pb.Event(response=said), plain, TODAY, bodies=True)
    assert shown == lines
