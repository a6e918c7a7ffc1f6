"""What is set for each target: patterns and values."""

from collections.abc import Callable

import pytest

from replayd.errors import ConfigError
from replayd.planning.target_limits import (
    NO_BREAKER,
    SECOND,
    Breaker,
    parse_breaker,
    parse_count,
    parse_limits,
    parse_rate,
)
from replayd.planning.target_rules import Pattern


def test_the_first_pattern_that_fits_wins_and_then_what_is_for_all() -> None:
    limits = parse_limits(
        ["7", "*.test:81=3", "api.test=1", "*.test=2", "10.0.0.0/8=4", "[::1]:80=5"],
        "--x",
        parse_count,
    )
    found = [
        limits.of(host, port)
        for host, port in [
            ("API.test.", 80),
            ("api.test", 81),
            ("other.test", 80),
            ("10.1.2.3", 80),
            ("::1", 80),
            ("::1", 81),
            ("test", 80),
            ("not a host", 80),
        ]
    ]
    assert found == [1, 3, 2, 4, 5, 7, 7, 7]
    assert parse_limits(["a=1"], "--x", parse_count).of("b", 80) is None


def test_another_value_takes_the_place_of_the_one_before() -> None:
    limits = parse_limits(["7", "a=1", "b=2"], "--x", parse_count)
    b, c = Pattern.parse("b"), Pattern.parse("*.c")
    changed = limits.having(b, 3).having(c, 4).having(None, 8).having(b, 5)
    found = [changed.of(host, 80) for host in ("a", "b", "x.c", "d")]
    assert found == [1, 5, 4, 8]
    assert limits.of("b", 80) == 2


def test_what_is_no_rule_is_named() -> None:
    for text, said in (("a/b=1", "--x: 'a/b' is none of"), ("a=b", "--x a=b: 'b' is not a number")):
        with pytest.raises(ConfigError) as caught:
            parse_limits([text], "--x", parse_count)
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10/s", SECOND // 10), ("0.5/s", 2 * SECOND), ("30/m", 2 * SECOND), ("0/s", 0)],
)
def test_rates(text: str, expected: int) -> None:
    assert parse_rate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", Breaker(5, 30 * SECOND)), ("3:500ms", Breaker(3, SECOND // 2)), ("0", NO_BREAKER)],
)
def test_breakers(text: str, expected: Breaker) -> None:
    assert parse_breaker(text) == expected


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_rate, "10"),
        (parse_rate, "10/d"),
        (parse_rate, "x/s"),
        (parse_rate, "-1/s"),
        (parse_rate, "nan/s"),
        (parse_rate, "1e9/s"),
        (parse_count, "-1"),
        (parse_count, "1.5"),
        (parse_breaker, ""),
        (parse_breaker, "x:3"),
        (parse_breaker, "3:x"),
        (parse_breaker, "3:0"),
        (parse_breaker, "3:0.0000000001"),
    ],
)
def test_what_is_none(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
