import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.model.flow import Headers, WebSocketMessage, WebSocketMessageKind
from replayd.model.outcome import Outcome, ResponseHead, Timings, WebSocketResult
from replayd.model.plan import Change, ChangeKind, Http2Request, Plan, Target, WebSocketPlan
from replayd.model.replay import ReplayState
from replayd.redaction.redactor import UNKEYED

PLAIN: Headers = (
    (b"Date", b"d"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"2"),
)


def outcome(headers: Headers = PLAIN, content: bytes = b"{}", **fields: object) -> Outcome:
    head = ResponseHead(b"HTTP/1.1", 200, b"OK", headers)
    return Outcome(
        ReplayState.SUCCEEDED,
        Timings(1),
        **{"head": head, "content_prefix": content, "content_size": len(content), **fields},
    )


def test_an_outcome_without_secrets_is_the_same_one() -> None:
    for same in (
        outcome(),
        outcome(content=b""),
        outcome(head=None),
        outcome(trailers=((b"a", b"b"),)),
    ):
        assert UNKEYED.outcome(same) is same


def test_what_an_outcome_hides() -> None:
    said = WebSocketMessage(WebSocketMessageKind.TEXT, False, b'{"token":"s3cr3t"}')
    binary = WebSocketMessage(WebSocketMessageKind.BINARY, False, b"s3cr3t")
    shown = UNKEYED.outcome(
        outcome(
            ((b"Set-Cookie", b"sid=s3cr3t; Path=/"), *PLAIN),
            b'{"token":"s3cr3t"}',
            trailers=((b"X-Token", b"s3cr3t"),),
            message="https://u:s3cr3t@h/ failed",
            websocket=WebSocketResult(messages=(said, binary), close_reason="password=s3cr3t"),
        )
    )
    assert "s3cr3t" not in repr(shown)
    assert shown.head is not None
    assert shown.head.headers[1:] == PLAIN
    assert shown.websocket is not None
    assert shown.websocket.messages_truncated
    assert [each.content for each in shown.websocket.messages] == [
        '{"token":"‹redacted 6B›"}'.encode(),
        b"",
    ]


@pytest.mark.parametrize(
    ("phrase", "found"),
    [(b"", b""), (b"Not Found", b"Not Found"), (b"s3cr3t", "‹redacted 6B›".encode())],
)
def test_a_reason_phrase_is_a_usual_one(phrase: bytes, found: bytes) -> None:
    shown = UNKEYED.outcome(outcome(head=ResponseHead(b"HTTP/1.1", 404, phrase)))
    assert shown.head is not None
    assert shown.head.reason_phrase == found


@pytest.mark.parametrize(
    ("fields", "content", "may"),
    [
        ((), b"text", True),
        ((), b"\xff\xfe", False),
        ((), b"a\0b", False),
        ((), "cut é".encode()[:-1], True),
        (((b"content-type", b"text/plain; charset=latin-1"),), b"caf\xe9", True),
        (((b"Content-Type", b"application/problem+json"),), b"{}", True),
        (((b"Content-Type", b"image/svg+xml"),), b"<svg/>", True),
        (((b"Content-Type", b"text/html; charset=UTF-16"),), b"<h", False),
        (((b"Content-Type", b"application/grpc"),), b"text", False),
        (((b"Content-Type", b"image/png"),), b"text", False),
        (((b"Content-Encoding", b"gzip"),), b"text", False),
        (((b"Content-Encoding", b"gzip"), (b"Content-Type", b"text/html")), b"text", False),
        (((b"Content-Encoding", b"identity"),), b"text", True),
    ],
)
def test_what_can_t_be_looked_through_is_not_shown(
    fields: Headers, content: bytes, may: bool
) -> None:
    found = content if may else None
    assert UNKEYED.response_content(content, fields) == found
    assert UNKEYED.request_content(content, fields) == found
    shown = UNKEYED.outcome(outcome(fields, content))
    assert shown.content_prefix == (found or b"")


def test_a_form_is_taken_apart() -> None:
    fields = ((b"Content-Type", b"application/x-www-form-urlencoded"),)
    shown = UNKEYED.request_content(b"code=abc&%70assword=x", fields)
    assert shown == "code=‹redacted 3B›&%70assword=‹redacted 1B›".encode()


def test_what_a_plan_hides() -> None:
    change = Change(ChangeKind.ABSOLUTE_TARGET, "the target became http://u:s3cr3t@h/")
    headers = ((b":path", b"/?key=s3cr3t"), (b"cookie", b"a=s3cr3t"))
    plan = Plan(
        b"GET",
        b"http://h/?key=s3cr3t",
        Target("http", "h", 80),
        b"GET /?key=s3cr3t HTTP/1.1\r\nCookie: a=s3cr3t\r\n\r\n",
        trailer_section=b"X-Token: s3cr3t\r\n",
        changes=(change,),
        http2=Http2Request(headers, headers, (change,)),
        websocket=WebSocketPlan(close_reason="token=s3cr3t"),
    )
    shown = UNKEYED.plan(plan)
    assert "s3cr3t" not in repr(shown)
    assert shown.target is plan.target
    assert UNKEYED.plan(shown) is shown


WORDS = b"token password key sig=x Cookie: = & ; ? # @ // : \\ ' < > [ ] { } %3D %26 -----".split()
PIECES = st.sampled_from([*WORDS, b'"', b"\r\n", b" ", "‹redacted 3B›".encode()])
TEXTS = st.lists(PIECES | st.binary(max_size=6), max_size=40).map(b"".join)


@given(TEXTS)
def test_anything_can_be_redacted(octets: bytes) -> None:
    UNKEYED.plan(
        Plan(b"GET", octets, Target("http", "h", 80), b"GET " + octets, trailer_section=octets)
    )
    headers = ((octets, octets), (b"Cookie", octets), (b"Set-Cookie", octets), (b"Link", octets))
    UNKEYED.outcome(outcome(headers, octets, message=octets.decode("latin-1"), trailers=headers))
    for content_type in (b"", b"text/html", b"application/x-www-form-urlencoded"):
        UNKEYED.request_content(octets, ((b"Content-Type", content_type),))
