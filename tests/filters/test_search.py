"""Both ways of searching find the same, but for what RE2 does not know, or takes no time for."""

import re

import pytest

from replayd.filters import FilterError, Subject, compile_filter
from replayd.filters.search import AS_MITMPROXY, LINEAR
from replayd.model.flow import Flow, Request


@pytest.mark.parametrize(
    ("expression", "flags", "text"),
    [
        ("post", re.NOFLAG, "POST"),
        ("a.b", re.NOFLAG, "a\nb"),
        ("a.b", re.DOTALL, "a\nb"),
        ("^b$", re.NOFLAG, "a\nb\nc"),
        ("^b$", re.MULTILINE, "a\nb\nc"),
        ("\u00fc.x", re.NOFLAG, "\u00fc\u00fcx"),
        ("\u00fcx", re.NOFLAG, "\udcfc\u00fcx"),
        (r"\d{2}", re.NOFLAG, "x1y22"),
    ],
)
def test_both_find_the_same(expression: str, flags: re.RegexFlag, text: str) -> None:
    octets = text.encode("utf-8", "surrogateescape")
    assert LINEAR.text(expression, flags)(text) is AS_MITMPROXY.text(expression, flags)(text)
    assert LINEAR.octets(expression, flags)(octets) is AS_MITMPROXY.octets(expression, flags)(
        octets
    )


def test_what_would_backtrack_for_ever_takes_no_time() -> None:
    """With `re` it takes longer than anybody would wait for this test."""
    flow = Flow(request=Request(b"POST", b"http", "a", 80, b"/", content=b"x" * 5000))
    assert not compile_filter("~bq '(x+x+)+y'", linear=True)(Subject(flow))


def test_what_re2_does_not_know_is_refused() -> None:
    compile_filter("~u '(?!x)'")
    with pytest.raises(FilterError, match="no regular expression"):
        compile_filter("~u '(?!x)'", linear=True)


def test_what_would_take_seconds_for_a_content_is_refused() -> None:
    for term in ("~u", "~bq"):
        with pytest.raises(FilterError, match="too large"):
            compile_filter(f"{term} '(.{{0,900}}x)+'", linear=True)
