"""Live values in planned requests: what they touch, and that all else stays as captured."""

import pytest

from replayd.codec.websocket import decode_conversation, encode_conversation
from replayd.live.editing import Edited, cookies_of, edited, where_of
from replayd.live.jar import Jar, Where
from replayd.live.values import Values
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.plan import ChangeKind, Http2Request, Plan, Target, WebSocketPlan

NOW = 1_700_000_000.0
TARGET = Target("https", "a.test", 443)


def plan(head: bytes, content: bytes = b"", **parts: object) -> Plan:
    method, target, _ = head.split(b" ", 2)
    url = target if b"://" in target else b"https://a.test" + target
    made = Plan(method, url, TARGET, head, content_size=len(content))
    return made._replace(**parts)  # type: ignore[arg-type]


def edit(
    request: Plan,
    content: bytes | None = b"",
    *,
    jar: Jar | None = None,
    **carried: bytes,
) -> Edited:
    values = Values()
    for recorded, live in carried.items():
        values.put(f"json:$.{recorded}", recorded.encode(), live)
    return edited(request, content, values, jar, NOW)


def a_jar(*, carried: tuple[tuple[bytes, bytes], ...] = (), **live: bytes) -> Jar:
    """A jar with cookies in the place of those that were recorded as `NAME=old`."""
    jar = Jar()
    for name, value in live.items():
        where = Where("a.test", b"/", True)
        answered = [b"%b=%b" % (name.encode(), value)]
        jar.learn(where, carried, [name.encode() + b"=old"], answered, NOW)
    return jar


def described(made: Edited) -> list[str]:
    return [change.description for change in made.plan.changes]


def test_what_holds_nothing_stays_the_same_object() -> None:
    request = plan(b"GET /a HTTP/1.1\r\nCookie: a=1\r\n\r\n")
    assert edit(request, abcd=b"new").plan is request
    assert edit(request, jar=a_jar(b=b"new")).plan is request


def test_a_value_everywhere() -> None:
    head = (
        b"POST /users/abcd?t=abcd HTTP/1.1\r\nhOst: abcd.test\r\nX:abcd \r\n"
        b"Cookie: t=abcd; u=1\r\nContent-Type: application/json\r\nContent-Length:  14\r\n"
        b"Z: 1\r\n folded abcd\r\n\r\n"
    )
    made = edit(plan(head, b'{"a": "abcd"} '), b'{"a": "abcd"} ', abcd=b"n/w12")
    assert made.content == b'{"a": "n/w12"} '
    assert made.plan.head == (
        b"POST /users/n%2Fw12?t=n%2Fw12 HTTP/1.1\r\nhOst: abcd.test\r\nX:n/w12 \r\n"
        b"Cookie: t=n/w12; u=1\r\nContent-Type: application/json\r\nContent-Length:  15\r\n"
        b"Z: 1\r\n folded n/w12\r\n\r\n"
    )
    assert made.plan.url == b"https://a.test/users/n%2Fw12?t=n%2Fw12"
    assert made.plan.content_size == 15
    assert described(made) == [
        "the recorded value of json:$.abcd replaced in the target, the content, x, cookie, z",
        "Content-Length: 14 -> 15",
    ]
    assert made.plan.changes[0].kind is ChangeKind.VALUE_CARRIED


def test_the_form_of_http2() -> None:
    http2 = Http2Request(
        (
            (b":method", b"GET"),
            (b":authority", b"abcd.test"),
            (b":path", b"/abcd"),
            (b"authorization", b"Bearer abcd"),
            (b"cookie", b"sid=old"),
            (b"cookie", b"x=1"),
            (b"content-length", b"4"),
        )
    )
    head = (
        b"GET /abcd HTTP/1.1\r\nHost: abcd.test\r\nauthorization: Bearer abcd\r\n"
        b"cookie: sid=old; x=1\r\ncontent-length: 4\r\n\r\n"
    )
    made = edit(plan(head, b"abcd", http2=http2), b"abcd", jar=a_jar(sid=b"s2"), abcd=b"longer")
    assert made.plan.http2 is not None
    assert made.plan.http2.headers == (
        (b":method", b"GET"),
        (b":authority", b"abcd.test"),
        (b":path", b"/longer"),
        (b"authorization", b"Bearer longer"),
        (b"cookie", b"sid=s2"),
        (b"cookie", b"x=1"),
        (b"content-length", b"6"),
    )
    assert made.plan.head == (
        b"GET /longer HTTP/1.1\r\nHost: abcd.test\r\nauthorization: Bearer longer\r\n"
        b"cookie: sid=s2; x=1\r\ncontent-length: 6\r\n\r\n"
    )
    assert made.plan.http2.changes == made.plan.changes


@pytest.mark.parametrize(
    ("captured", "sent"),
    [
        (b"Cookie: sid=old; b=1\r\n", b"Cookie: sid=new; b=1\r\n"),
        (b"cOOkie:b=1;sid = old ;\r\n", b"cOOkie:b=1;sid = new ;\r\n"),
        (b'Cookie: sid=old; sid=other; q="old"\r\n', b'Cookie: sid=new; sid=other; q="old"\r\n'),
        (b"Cookie: a=1\r\nCookie: sid=old\r\n", b"Cookie: a=1\r\nCookie: sid=new\r\n"),
        (b"Cookie: gone=old; a=1\r\n", b"Cookie: a=1\r\n"),
        (b"Cookie: a=1; gone=old\r\n", b"Cookie: a=1\r\n"),
        (b"Cookie: gone=old\r\n", b""),
    ],
)
def test_cookies_in_their_place(captured: bytes, sent: bytes) -> None:
    jar = a_jar(sid=b"new", gone=b"; Max-Age=0")
    made = edit(plan(b"GET / HTTP/1.1\r\nA: b\r\n%bC: d\r\n\r\n" % captured), jar=jar)
    assert made.plan.head == b"GET / HTTP/1.1\r\nA: b\r\n%bC: d\r\n\r\n" % sent


@pytest.mark.parametrize(
    ("captured", "sent"),
    [
        (b"A: b\r\n", b"A: b\r\nCookie: lb=1; x=2\r\n"),
        (b"Cookie: a=1\r\nA: b\r\n", b"Cookie: a=1; lb=1; x=2\r\nA: b\r\n"),
        (b"Cookie: a=1;\r\n", b"Cookie: a=1; lb=1; x=2\r\n"),
    ],
)
def test_cookies_that_the_capture_never_had(captured: bytes, sent: bytes) -> None:
    jar = Jar()
    jar.learn(Where("a.test", b"/", True), (), (), (b"lb=1", b"x=2"), NOW)
    made = edit(plan(b"GET / HTTP/1.1\r\n%b\r\n" % captured), jar=jar)
    assert made.plan.head == b"GET / HTTP/1.1\r\n%b\r\n" % sent
    assert described(made) == [f"cookie {name} added: the server set it" for name in ("lb", "x")]


def test_a_cookie_is_the_jars_and_others_hold_values() -> None:
    head = b"GET / HTTP/1.1\r\nCookie: sid=oldold; t=oldold\r\n\r\n"
    jar = Jar()
    jar.learn(Where("a.test", b"/", True), (), [b"sid=oldold"], [b"sid=cookie"], NOW)
    made = edit(plan(head), jar=jar, oldold=b"value")
    assert made.plan.head == b"GET / HTTP/1.1\r\nCookie: sid=cookie; t=value\r\n\r\n"


def test_an_absolute_target_keeps_its_host() -> None:
    request = plan(b"GET http://abcd/abcd HTTP/1.1\r\n\r\n")
    made = edit(request, abcd=b"new1")
    assert made.plan.head == b"GET http://abcd/new1 HTTP/1.1\r\n\r\n"
    assert made.plan.url == b"http://abcd/new1"
    connect = plan(b"CONNECT abcd:443 HTTP/1.1\r\n\r\n")
    assert edit(connect, abcd=b"new1").plan is connect


@pytest.mark.parametrize(
    ("fields", "content", "sent"),
    [
        (b"", b"abcd", b"a b/c"),
        (
            b"Content-Type: application/x-www-form-urlencoded; charset=x\r\n",
            b"t=abcd",
            b"t=a%20b%2Fc",
        ),
        (b"Content-Type: application/vnd.api+json\r\n", b'"abcd"', b'"a b/c"'),
        (b"Content-Encoding: gzip\r\n", b"abcd", b"abcd"),
        (b"Content-Encoding: identity\r\n", b"abcd", b"a b/c"),
    ],
)
def test_contents_by_their_type(fields: bytes, content: bytes, sent: bytes) -> None:
    request = plan(b"POST / HTTP/1.1\r\n%b\r\n" % fields, content)
    assert edit(request, content, abcd=b"a b/c").content == sent


def test_what_is_too_large_stays() -> None:
    request = plan(b"PUT / HTTP/1.1\r\n\r\n", b"abcd")
    assert edit(request, None, abcd=b"new") == Edited(request, None)


def test_messages_of_a_websockets_client() -> None:
    text, binary = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY
    messages = [
        WebSocketMessage(text, True, b'{"auth": "abcd"}'),
        WebSocketMessage(text, False, b"abcd"),
        WebSocketMessage(binary, True, b"abcd"),
        WebSocketMessage(text, True, b"abcd"),
    ]
    request = plan(b"GET / HTTP/1.1\r\n\r\n", websocket=WebSocketPlan(3, 1))
    made = edit(request, encode_conversation(messages), abcd=b'n"w')
    assert made.content is not None
    said = [message.content for message in decode_conversation([made.content])]
    assert said == [b'{"auth": "n\\"w"}', b"abcd", b"abcd", b'n"w']
    assert made.plan.content_size == 0
    assert described(made) == ["the recorded value of json:$.abcd replaced in a message"]


def test_what_says_which_cookies_a_request_carries() -> None:
    request = plan(b"GET http://b.test/x/y?z=/q HTTP/1.1\r\nCookie: a=1;b = 2=3 ; c;\r\n\r\n")
    assert where_of(request) == Where("a.test", b"/x/y", True)
    assert cookies_of(request) == ((b"a", b"1"), (b"b", b"2=3"), (b"", b"c"))
