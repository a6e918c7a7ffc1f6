"""Header fields and cookies: what is asked for changes, all else stays byte for byte."""

import pytest

from replayd.model.flow import Headers, Request
from replayd.rewriting import fields
from replayd.rewriting.rules import header_rule
from tests.rewriting.rewriting import flow, http2

ODD: Headers = (
    (b"hOST", b"shop.test"),
    (b"X-A", b" 1 "),
    (b"x-b", b""),
    (b"x-a", b"2"),
    (b"Cookie", b"a=1;b=2;  a=3"),
    (b"cookie", b"a=4"),
)


def request(headers: Headers = ODD) -> Request:
    found = flow(headers=headers).request
    assert found is not None
    return found


def http2_request(headers: Headers = (), authority: bytes = b"shop.test") -> Request:
    found = http2(headers=headers, authority=authority).request
    assert found is not None
    return found


def test_modified_fields_are_removed_and_added_at_the_end() -> None:
    modified = [header_rule("", name, value) for name, value in ((b"X-A", b"9"), (b"X-B", b""))]
    made = fields.modify_headers(request(), modified)
    assert made.headers == (ODD[0], ODD[4], ODD[5], (b"X-A", b"9"))
    twice = [header_rule("", b"x-n", b"1"), header_rule("", b"X-N", b"2")]
    assert fields.modify_headers(request(()), twice).headers == ((b"x-n", b"1"), (b"X-N", b"2"))


def test_removed_fields_are_gone_in_any_case() -> None:
    assert fields.remove_headers(request(), [b"X-a", b"nothing"]).headers == (
        *(ODD[0], ODD[2], ODD[4], ODD[5]),
    )


def test_set_fields_stand_where_the_first_one_stood() -> None:
    made = fields.set_headers(request(), ((b"X-A", b"8"), (b"New", b"n"), (b"x-a", b"9")))
    assert made.headers == (
        *(ODD[0], (b"X-A", b"8"), (b"X-A", b"9"), ODD[2], ODD[4], ODD[5], (b"New", b"n")),
    )


def test_set_cookies_stand_where_the_first_one_stood() -> None:
    made = fields.set_cookies(request(), ((b"a", b"9"), (b"c", b"x=y")))
    assert made.headers == (*ODD[:4], (b"Cookie", b"a=9;b=2; c=x=y"))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ((b"Cookie", b"a=9"),)),
        (((b"COOKIE", b"b=1"), (b"X", b"y")), ((b"COOKIE", b"b=1; a=9"), (b"X", b"y"))),
        (((b"Cookie", b""),), ((b"Cookie", b"a=9"),)),
        (((b"Cookie", b"aa=1; a"),), ((b"Cookie", b"aa=1; a=9"),)),
        (((b"Cookie", b" b=1; a=2"),), ((b"Cookie", b" b=1; a=9"),)),
        (
            ((b"Cookie", b"b=1"), (b"Cookie", b"c=1")),
            ((b"Cookie", b"b=1"), (b"Cookie", b"c=1; a=9")),
        ),
        (
            ((b"Cookie", b"a=1"), (b"Cookie", b"a=2; c=1")),
            ((b"Cookie", b"a=9"), (b"Cookie", b"c=1")),
        ),
        (((b"Cookie", b"a=9; a=9"),), ((b"Cookie", b"a=9"),)),
    ],
)
def test_a_cookie_is_set_once(headers: Headers, expected: Headers) -> None:
    assert fields.set_cookies(request(headers), ((b"a", b"9"),)).headers == expected


def test_a_host_is_named_where_one_was() -> None:
    assert fields.with_host(request(), b"n").headers[0] == (b"hOST", b"n")
    assert fields.with_host(request(()), b"n") == request(())
    absolute = request()._replace(authority=b"shop.test")
    assert fields.with_host(absolute, b"n").authority == b"n"
    assert fields.with_host(http2_request(), b"n") == http2_request(authority=b"n")
    assert fields.with_host(request(ODD[1:2]), b"n", anyway=True).headers == (
        *((b"Host", b"n"), ODD[1]),
    )
    nameless = http2_request(authority=b"")
    assert fields.with_host(nameless, b"n", anyway=True) == http2_request(authority=b"n")


def test_in_http2_names_are_in_lower_case_and_a_host_is_the_authority() -> None:
    both = http2_request(((b"host", b"shop.test"),))
    assert fields.set_headers(both, ((b"Host", b"n"), (b"X-N", b"1"))) == http2_request(
        ((b"host", b"n"), (b"x-n", b"1")), b"n"
    )
    assert fields.modify_headers(
        http2_request(), [header_rule("", b"Host", b"n"), header_rule("", b"X-N", b"1")]
    ) == http2_request(((b"x-n", b"1"),), b"n")
    assert fields.remove_headers(both, [b"HOST"]) == http2_request((), b"")
    assert fields.set_cookies(http2_request(), ((b"a", b"1"),)).headers == ((b"cookie", b"a=1"),)


def test_changes_name_fields_and_never_their_values() -> None:
    after = request(((b"hOST", b"shop.test"), (b"X-A", b"secret"), (b"New", b"secret")))
    named = [each.description for each in fields.named_changes(request(), after)]
    assert named == ["X-A set", "New added", "x-b removed", "Cookie removed"]
    moved = request((*ODD[1:], ODD[0]))
    (change,) = fields.named_changes(request(), moved)
    assert change.description == "fields stand in another order"
    assert fields.named_changes(request(), request()) == []
    (change,) = fields.named_changes(http2_request(), http2_request(authority=b""))
    assert change.description == ":authority removed"
