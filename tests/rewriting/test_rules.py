"""Rules are checked and compiled; what is wrong with one has its place."""

from collections.abc import Callable

import pytest

from replayd.model.flow import Response
from replayd.rewriting import rules
from replayd.rewriting.rules import Place, RuleError, Target, split_url
from tests.rewriting.rewriting import flow


@pytest.mark.parametrize(
    ("url", "place", "rest"),
    [
        ("http://shop.test", Place("http", "shop.test", 80), ""),
        ("HTTPS://shop.test:8443/a?b#c", Place("https", "shop.test", 8443), "/a?b#c"),
        ("http://[::1]:81?q", Place("http", "::1", 81), "?q"),
        ("http://bücher.test/", Place("http", "xn--bcher-kva.test", 80), "/"),
        ("http://shop.test:/", Place("http", "shop.test", 80), "/"),
    ],
)
def test_a_url_leads_to_a_place(url: str, place: Place, rest: str) -> None:
    assert split_url(url) == (place, rest)


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.test/", "ftp://shop.test/", "http://", "http:///a", "http://a b/"),
        *("http://u:p@shop.test/", "http://shop.test:0/", "http://shop.test:65536/"),
        *("http://shop.test:http/", "http://::1/", "http://shop.test:999999999999/"),
    ],
)
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(ValueError, match=r"not a URL|the host of|the port of"):
        split_url(url)


def test_a_place_is_written_without_the_scheme_s_own_port() -> None:
    assert str(Place("https", "a.test", 443)) == "https://a.test"
    assert str(Place("http", "a.test", 443)) == "http://a.test:443"
    assert Place("http", "::1", 80).authority == "[::1]"


def test_a_target_may_have_a_path_and_nothing_more() -> None:
    assert rules.target("https://a.test/v2/") == Target(Place("https", "a.test", 443), b"/v2")
    assert rules.target("http://a.test/").prefix == b""
    for wrong in ("http://a.test/?x", "http://a.test#x", "http://a.test/a b", "http://a.test/ä"):
        with pytest.raises(RuleError, match="has a"):
            rules.target(wrong)
    with pytest.raises(RuleError, match="not a URL"):
        rules.target("a.test")


@pytest.mark.parametrize(
    ("make", "part", "position"),
    [
        (lambda: rules.header_rule("~m POST & ~zz", b"A", b""), "filter", 10),
        (lambda: rules.url_rule("", "a(b", ""), "url_regex", 1),
        (lambda: rules.url_rule("", "(a)", r"x\2"), "replacement", 2),
        (lambda: rules.url_rule("", "(a)", r"\g<b>"), "replacement", None),
        (lambda: rules.content_rule("", b"a[", b""), "regex", 1),
        (lambda: rules.content_rule("(", b"a", b""), "filter", 1),
        (lambda: rules.header_rule("", b"", b""), "name", None),
        (lambda: rules.field_name(b":path"), "name", None),
        (lambda: rules.server_name("a b"), "", None),
    ],
)
def test_what_is_wrong_has_its_place(
    make: Callable[[], object], part: str, position: int | None
) -> None:
    with pytest.raises(RuleError) as caught:
        make()
    assert (caught.value.part, caught.value.position) == (part, position)


def test_filters_are_asked_as_before_a_response() -> None:
    answered = flow()._replace(response=Response(b"HTTP/1.1", 200))
    assert rules.finds(rules.header_rule("~q", b"A", b"").matches, answered)
    assert not rules.finds(rules.header_rule("~s", b"A", b"").matches, answered)
    assert rules.finds(rules.header_rule("", b"A", b"").matches, answered)
