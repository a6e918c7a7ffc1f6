"""What a scope learns from answers, and puts into requests."""

import gzip

from replayd.codings import unpacked
from replayd.live.scope import Scope, found, looked_through, sources_of
from replayd.live.sources import CONTENT_LIMIT
from replayd.model.flow import Headers
from replayd.model.outcome import LiveValue
from replayd.model.plan import LivePlan, Plan, RecordedValue, Target

NOW = 1_700_000_000.0
TOKEN = RecordedValue("json:$.token", b"recorded")


def plan(head: bytes = b"GET / HTTP/1.1\r\n\r\n", **live: object) -> Plan:
    made = LivePlan()._replace(**live)  # type: ignore[arg-type]
    return Plan(b"GET", b"http://a.test/", Target("http", "a.test", 80), head, live=made)


def found_in(plan: Plan, headers: Headers, content: bytes) -> tuple[LiveValue, ...]:
    text = unpacked(content[:CONTENT_LIMIT], headers, CONTENT_LIMIT)
    return found(plan, looked_through(sources_of(plan), headers, text))


def test_values_are_found_where_the_recorded_ones_were() -> None:
    values = (
        TOKEN,
        RecordedValue("json:$.ids[*]", b"1041"),
        RecordedValue("json:$.ids[*]", b"1042"),
    )
    headers: Headers = ((b"content-encoding", b"gzip"),)
    content = gzip.compress(b'{"token": "new", "ids": [7]}')
    assert found_in(plan(recorded_values=values), headers, content) == (
        LiveValue("json:$.token", b"recorded", b"new"),
        LiveValue("json:$.ids[*]", b"1041", b"7"),
        LiveValue("json:$.ids[*]", b"1042", b""),
    )
    assert found_in(plan(), headers, content) == ()


def test_short_values_keep_the_places_of_others_and_are_not_carried() -> None:
    values = (RecordedValue("json:$.ids[*]", b"7"), RecordedValue("json:$.ids[*]", b"1041"))
    assert found_in(plan(recorded_values=values), (), b'{"ids": [8, 1042]}') == (
        LiveValue("json:$.ids[*]", b"1041", b"1042"),
    )


def test_what_was_learnt_is_in_later_requests() -> None:
    scope = Scope()
    login = plan(recorded_values=(TOKEN,), sticky_cookies=True, recorded_set_cookies=(b"s=1",))
    sent = scope.edited(login, b"", NOW).plan
    carried = found_in(sent, (), b'{"token": "new"}')
    assert scope.learn(sent, ((b"Set-Cookie", b"s=2"),), carried, NOW) == (
        LiveValue("json:$.token", b"recorded", b"new"),
        LiveValue("cookie:s", b"1", b"2"),
    )
    head = b"GET / HTTP/1.1\r\nA: recorded\r\nCookie: s=1\r\n\r\n"
    made = scope.edited(plan(head, sticky_cookies=True), b"", NOW).plan
    assert made.head == b"GET / HTTP/1.1\r\nA: new\r\nCookie: s=2\r\n\r\n"
    assert scope.edited(plan(head), b"", NOW).plan.head.endswith(b"Cookie: s=1\r\n\r\n")
    assert scope.size == len(b"recordednew") + len(b"ss1s2/a.test")


def test_cookies_are_followed_by_what_was_captured_also_in_an_edited_request() -> None:
    scope = Scope()
    head = b"GET / HTTP/1.1\r\nCookie: s=1\r\n\r\n"
    first = plan(sticky_cookies=True, recorded_set_cookies=(b"s=1",))
    scope.learn(first, ((b"set-cookie", b"s=2"),), (), NOW)
    sent = scope.edited(plan(head, sticky_cookies=True), b"", NOW).plan
    assert b"s=2" in sent.head
    scope.learn(sent, ((b"set-cookie", b"s=3"),), (), NOW)
    assert b"s=3" in scope.edited(plan(head, sticky_cookies=True), b"", NOW).plan.head


def test_an_answer_without_any_gives_nothing() -> None:
    scope = Scope()
    assert scope.learn(plan(sticky_cookies=True), ((b"A", b"b"),), (), NOW) == ()
    missing = LiveValue("json:$.token", b"recorded")
    assert scope.learn(plan(), ((b"Set-Cookie", b"a=b"),), (missing,), NOW) == (missing,)
    assert scope.size == 0
