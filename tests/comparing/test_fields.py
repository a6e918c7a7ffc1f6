"""Header fields, compared."""

import pytest

from replayd.comparing.fields import FieldsCompared, compare_fields
from replayd.comparing.rules import Rules, parse_rules
from replayd.model.comparison import DifferenceKind
from replayd.model.flow import Headers

DEFAULT = Rules()


def compared(old: Headers, new: Headers, rules: Rules = DEFAULT) -> FieldsCompared:
    return compare_fields(
        old, new, rules, DifferenceKind.HEADER, lambda name, value: b"%b!%b" % (name, value)
    )


def names(old: Headers, new: Headers, rules: Rules = DEFAULT) -> list[str]:
    return [each.path for each in compared(old, new, rules).differences]


def test_the_order_of_different_names_and_their_case_mean_nothing() -> None:
    assert names(((b"A", b"1"), (b"b", b"2")), ((b"B", b"2"), (b"a", b"1"))) == []


def test_the_order_of_one_name_means_something_unless_it_is_a_set() -> None:
    assert names(((b"a", b"1"), (b"a", b"2")), ((b"a", b"2"), (b"a", b"1"))) == ["a"]
    assert names(((b"vary", b"A, b"),), ((b"Vary", b"b"), (b"vary", b"a"))) == []


def test_values_are_told_with_their_marks() -> None:
    (found,) = compared(((b"X", b"1"), (b"x", b"2")), ((b"Y", b"3"),)).differences[:1]
    assert found.recorded == (b"1\n2", b"x!1\nx!2")
    assert found.replayed is None
    assert found.noise == ("header:x",)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (b"Date", b"a", b"b"),
        (b"CF-Ray", b"a", b"b"),
        (b"Set-Cookie", b"a=1; Path=/", b"a=2; path=/; Max-Age=9"),
        (b"Content-Type", b"text/html;charset=UTF-8", b'text/html; charset="utf-8"'),
        (
            b"Location",
            b"/o/7b1c6b1e-1111-4222-8333-94a94a94a94a",
            b"/o/" + b"0" * 8 + b"-0000" * 3 + b"-" + b"0" * 12,
        ),
        (
            b"Content-Security-Policy",
            b"script-src 'nonce-aaaaaaaaaa'",
            b"script-src 'nonce-bbbbbbbbbb'",
        ),
    ],
)
def test_what_is_volatile_is_counted_and_left_out(name: bytes, old: bytes, new: bytes) -> None:
    found = compared(((name, old),), ((name, new),))
    assert (found.differences, found.ignored) == ([], 1)
    assert names(((name, old),), ((name, new),), Rules(volatile=False)) == [name.decode().lower()]


def test_framing_is_not_even_counted() -> None:
    assert compared(((b"Content-Length", b"1"),), ((b"Connection", b"close"),)) == ([], 0)


def test_rules_leave_out_by_pattern() -> None:
    rules = parse_rules(["header:X-Debug-*"])
    found = compared(((b"x-debug-a", b"1"), (b"x-other", b"1")), (), rules)
    assert ([each.path for each in found.differences], found.ignored) == (["x-other"], 1)


def test_a_cookie_that_is_gone_is_told() -> None:
    assert names(
        ((b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=1")), ((b"Set-Cookie", b"a=9"),)
    ) == ["set-cookie"]
