"""What `show` says of a replay."""

from datetime import date

from flowreplay.v1 import event_pb2, flow_pb2, plan_pb2, reason_pb2
from flowreplay.v1.history_pb2 import Replay, ReplayDetails
from replayctl.kept import Content, replay_lines

TODAY = date(2026, 1, 2)
PLAN = plan_pb2.Plan(
    method=b"POST",
    url=b"http://h/",
    target=plan_pb2.Target(scheme="http", host="h", port=80),
    head=b"POST / HTTP/1.1\r\nHost: h\r\n\r\n",
    content_size_bytes=2,
    changes=[plan_pb2.Change(kind=plan_pb2.CHANGE_KIND_CONTENT_LENGTH, description="a change")],
)


def lines(details: ReplayDetails, **contents: Content) -> list[str]:
    return list(replay_lines(details, contents, lambda text, _: text, TODAY))


def content(data: bytes, *, truncated: bool = False, redacted: bool = False) -> Content:
    made = Content()
    made.data += data
    made.truncated, made.redacted = truncated, redacted
    return made


def test_all_of_one_that_succeeded() -> None:
    header = flow_pb2.Header(name=b"A", value=b"b\x1b")
    event = event_pb2.Event()
    response = event.response
    response.head.CopyFrom(
        event_pb2.ResponseHead(
            http_version=b"HTTP/1.1",
            status_code=404,
            reason_phrase=b"Not Found",
            headers=[header],
            interim_status_codes=[103],
        )
    )
    response.content_size_bytes = 3000
    response.connection.address, response.connection.local_address = "1.2.3.4:80", "5.6.7.8:9"
    response.connection.reused = response.connection.proxied = True
    response.connection.tls_version, response.connection.tls_cipher = "TLSv1.3", "AES"
    response.timings.sent_duration.FromMilliseconds(1)
    response.timings.total_duration.FromMilliseconds(2500)
    details = ReplayDetails(
        replay=Replay(
            replay_id="b.1",
            state=event_pb2.REPLAY_STATE_SUCCEEDED,
            attempt=2,
            resends_replay_id="a.1",
        ),
        flow=flow_pb2.Flow(
            response=flow_pb2.Response(status_code=200, reason_phrase=b"OK", headers=[header])
        ),
        plan=PLAN,
        end_event=event,
    )
    shown = lines(
        details,
        request=content(b"hi"),
        recorded=content(b"was"),
        response=content(b"x" * 1000, truncated=True),
    )
    begun = next(line for line in shown if line.startswith("  begun "))
    assert begun.endswith(", sent after 1.0 ms, ended after 2.50 s")
    assert [line for line in shown if line is not begun] == [
        "b.1: SUCCEEDED, attempt 2",
        "  sends a.1 again",
        "flow 0: POST http://h/",
        "  to h:80",
        "  changed: a change [CONTENT_LENGTH]",
        "  with 2 B of content",
        "    POST / HTTP/1.1",
        "    Host: h",
        "",
        "    hi",
        "recorded: 200 OK",
        "    A: b\\x1b",
        "",
        "    was",
        "response: HTTP/1.1 404 Not Found, after 103, 2.9 KiB",
        "  from 1.2.3.4:80 (the upstream), as 5.6.7.8:9, on a kept connection, TLSv1.3 AES",
        "    A: b\\x1b",
        "",
        "    " + "x" * 1000,
        "    ... 2.0 KiB more",
    ]


def test_one_that_failed_or_was_parked() -> None:
    event = event_pb2.Event()
    event.error.reason = reason_pb2.REASON_CONNECT_FAILED
    details = ReplayDetails(
        replay=Replay(
            replay_id="b.1",
            state=event_pb2.REPLAY_STATE_INTERRUPTED,
            reason=reason_pb2.REASON_INTERRUPTED,
            message="it died",
            resolution=event_pb2.RESOLUTION_RESEND,
            resent_replay_id="c.1",
        ),
        flow=flow_pb2.Flow(error=flow_pb2.FlowError(message="refused")),
        plan=PLAN,
        end_event=event,
    )
    shown = lines(details)
    assert shown[:3] == [
        "b.1: INTERRUPTED",
        "  INTERRUPTED: it died",
        "  resolved: RESEND c.1",
    ]
    assert shown[-3:-1] == ["recorded: no response: refused", "response: none"]


def test_what_may_not_be_seen_is_said() -> None:
    event = event_pb2.Event()
    event.response.head.status_code = 200
    details = ReplayDetails(plan=PLAN, end_event=event)
    shown = lines(details, response=content(b"", redacted=True))
    assert shown[-1] == "    (no plain text; --secrets shows it)"
    shown = lines(details, response=content(b"mark", redacted=True, truncated=True))
    assert shown[-2:] == ["    mark", "    ..."]
