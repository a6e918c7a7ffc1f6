"""Contents are rewritten as they are before they are packed; what can't be is told."""

import gzip
import zlib

import pytest

from replayd.model.flow import Flow, FlowKind, Headers, WebSocket, WebSocketMessage
from replayd.model.flow import WebSocketMessageKind as Kind
from replayd.model.plan import ChangeKind
from replayd.reasons import Reason
from replayd.rewriting import rules
from replayd.rewriting.rules import Unrewritable
from tests.rewriting.rewriting import LIMIT, flow, request_of, rewritten

BEES = (rules.content_rule("", b"a", b"bb"),)


def posted(content: bytes, *headers: tuple[bytes, bytes]) -> Flow:
    return flow(method=b"POST", content=content, headers=headers)


def packed(content: bytes, coding: bytes) -> Flow:
    return posted(content, (b"Content-Encoding", coding))


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def test_a_content_and_its_length_are_rewritten() -> None:
    lengths: Headers = ((b"content-LENGTH", b"3"), (b"X", b"3"))
    made, changes = rewritten(posted(b"aca", *lengths), modify_body=BEES)
    assert made.request is not None
    assert made.request.content == b"bbcbb"
    assert made.request.headers == ((b"content-LENGTH", b"5"), (b"X", b"3"))
    assert [(each.kind, each.description) for each in changes] == [
        (ChangeKind.FIELD_REWRITTEN, "content-LENGTH set"),
        (ChangeKind.CONTENT_REWRITTEN, "content rewritten: 3 -> 5 bytes"),
    ]


def test_a_length_that_was_wrong_stays_wrong() -> None:
    made = request_of(posted(b"a", (b"Content-Length", b"9")), modify_body=BEES)
    assert made.headers == ((b"Content-Length", b"9"),)


def test_a_replacement_is_no_template_and_a_dot_finds_line_ends() -> None:
    rule = rules.content_rule("", b"^(.*)$", rb"\1\g<0>")
    assert request_of(posted(b"a\nb"), modify_body=(rule,)).content == rb"\1\g<0>"


def test_rules_of_contents_build_on_each_other() -> None:
    then = rules.content_rule("~bq bb", b"bb", b"c")
    assert request_of(posted(b"a"), modify_body=(*BEES, then)).content == b"c"


@pytest.mark.parametrize(
    ("content", "coding", "unpack"),
    [
        (gzip.compress(b"aca", mtime=0), b"gzip", gzip.decompress),
        (
            gzip.compress(b"a", mtime=0) + gzip.compress(b"ca", mtime=0),
            b" X-GZip ",
            gzip.decompress,
        ),
        (zlib.compress(b"aca"), b"deflate", zlib.decompress),
        (deflated(b"aca"), b"Deflate", lambda made: zlib.decompress(made, -15)),
        (b"aca", b"identity", bytes),
        (b"aca", b"", bytes),
    ],
)
def test_a_packed_content_is_packed_again(content: bytes, coding: bytes, unpack: object) -> None:
    made = request_of(packed(content, coding), modify_body=BEES).content
    assert unpack(made) == b"bbcbb"  # type: ignore[operator]


def test_a_content_in_which_nothing_is_found_stays_as_captured() -> None:
    # Not as it would be packed today.
    captured = packed(gzip.compress(b"x" * 99, 1, mtime=7), b"gzip")
    assert rewritten(captured, modify_body=BEES) == (captured, ())


@pytest.mark.parametrize(
    ("content", "coding", "reason"),
    [
        (b"aca", b"gzip", Reason.REWRITE_FAILED),
        (gzip.compress(b"aca", mtime=0)[:-9], b"gzip", Reason.REWRITE_FAILED),
        (gzip.compress(b"aca", mtime=0) + b"rest", b"gzip", Reason.REWRITE_FAILED),
        (b"\xff", b"deflate", Reason.REWRITE_FAILED),
        (b"aca", b"br", Reason.REWRITE_FAILED),
        (b"aca", b"gzip, gzip", Reason.REWRITE_FAILED),
        (gzip.compress(b"x" * (3 * LIMIT), mtime=0), b"gzip", Reason.CONTENT_TOO_LARGE),
        (b"a" * (LIMIT // 2 + 1), b"", Reason.CONTENT_TOO_LARGE),
    ],
)
def test_what_can_not_be_unpacked_or_grows_too_large_is_refused(
    content: bytes, coding: bytes, reason: Reason
) -> None:
    with pytest.raises(Unrewritable) as caught:
        rewritten(packed(content, coding), modify_body=BEES)
    assert caught.value.reason is reason


def test_only_contents_of_found_flows_are_unpacked() -> None:
    captured = packed(b"no gzip", b"gzip")
    elsewhere = rules.content_rule("~u other", b"a", b"b")
    assert rewritten(captured, modify_body=(elsewhere,)) == (captured, ())


def test_no_content_can_become_one() -> None:
    rule = rules.content_rule("", b"^", b"new")
    assert request_of(posted(b""), modify_body=(rule,)).content == b"new"
    made = request_of(packed(b"", b"gzip"), modify_body=(rule,)).content
    assert gzip.decompress(made or b"") == b"new"


def said(content: bytes, kind: Kind = Kind.TEXT, **more: bool) -> WebSocketMessage:
    return WebSocketMessage(kind, **{"from_client": True, **more}, content=content)


def test_each_message_of_a_client_is_rewritten() -> None:
    messages = (
        *(said(b"a"), said(b"a", from_client=False), said(b"a", dropped=True)),
        *(said(b"x"), said(b"\xffa", Kind.BINARY)),
    )
    captured = flow()._replace(kind=FlowKind.WEBSOCKET, websocket=WebSocket(messages))
    made, changes = rewritten(captured, modify_body=(*BEES, rules.content_rule("", b"^$", b"n")))
    assert made.websocket is not None
    assert [each.content for each in made.websocket.messages] == [
        *(b"bb", b"a", b"a", b"x", b"\xffbb")
    ]
    assert made.request == captured.request
    assert [each.description for each in changes] == ["2 messages rewritten"]
    assert rewritten(captured, modify_body=(rules.content_rule("", b"z", b""),)) == (captured, ())


def test_a_text_message_stays_text() -> None:
    captured = flow()._replace(websocket=WebSocket((said(b"a"),)))
    with pytest.raises(Unrewritable, match="not UTF-8") as caught:
        rewritten(captured, modify_body=(rules.content_rule("", b"a", b"\xff"),))
    assert caught.value.reason is Reason.REWRITE_FAILED
