"""Where values stand in an answer."""

import time

import pytest

from replayd.live.sources import MAX_VALUE, finder, work

HEADERS = ((b"x-token", b" abc "), (b"Location", b"/a?code=c1&x"), (b"X-TOKEN", b"second"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("json:$.a", [b"value"]),
        ("header:X-Token", [b"abc", b"second"]),
        ("header:location:code=([^&]+)", [b"c1"]),
        ("header:Location:c\\d", [b"c1"]),
        ('regex:"b": "([^"]+)"', [b"caf\xc3\xa9"]),
        ("regex:valu.", [b"value"]),
        ("regex:^(nothing)?[{]", [b""]),
        ("header:X-None", []),
    ],
)
def test_what_a_source_finds(source: str, expected: list[bytes]) -> None:
    assert finder(source).find(HEADERS, '{"a": "value", "b": "café"}'.encode()) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("token", "is no source"),
        ("cookie:sid", "is no source"),
        ("json:", "is no source"),
        ("json:token", "does not begin with"),
        ("header::x", "names no field"),
        ("regex:(", "missing"),
        ("regex:(?=a)", "can't be read"),
        ("regex:((a|b){0,30}){0,30}", "is too large"),
    ],
)
def test_what_is_no_source(source: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        finder(source)


def test_what_would_break_a_request_is_empty() -> None:
    content = b'["good", "a\\r\\nb", "%b", "good too"]' % (b"x" * (MAX_VALUE + 1))
    assert finder("json:$[*]").find((), content) == [b"good", b"", b"", b"good too"]


def test_no_expression_takes_long() -> None:
    begun = time.process_time()
    assert finder("regex:(a*)*b").find((), b"a" * 100_000) == []
    assert time.process_time() - begun < 5, "Python's own would take until the end of days"


def test_how_long_it_may_take_is_told_before() -> None:
    assert work([], HEADERS, b"a" * 1000) == 0
    lists, plain, counts = (
        work([source], (), b"a" * 1000)
        for source in ("json:$.a", "regex:csrf=([a-z]+)", "regex:a[ab]{100}c")
    )
    assert 0 < plain < lists < counts
    both = work(["json:$.a", "regex:csrf=([a-z]+)"], (), b"a" * 1000)
    assert both == lists + plain
    assert work(["header:A:b+"], (), b"a" * 1000) == 0
    assert work(["header:A:b+"], ((b"A", b"b" * 1000),), b"") > 0
