"""Text by line."""

import re

import pytest

from replayd.comparing.rules import Rules, parse_rules
from replayd.comparing.texts import TextsCompared, compare_texts, text_of

DEFAULT = Rules()


def compared(old: str, new: str, rules: Rules = DEFAULT) -> TextsCompared:
    return compare_texts(old, new, rules, lambda text: text.replace("secret", "***"))


def told(
    old: str, new: str, rules: Rules = DEFAULT
) -> list[tuple[str, bytes | None, bytes | None]]:
    return [
        (
            each.path,
            each.recorded.value if each.recorded else None,
            each.replayed.value if each.replayed else None,
        )
        for each in compared(old, new, rules).differences
    ]


@pytest.mark.parametrize(
    ("new", "differences"),
    [
        ("a\nb\nc", []),
        ("a\nX\nc", [("line 2", b"b", b"X")]),
        ("a\nc", [("line 2", b"b", None)]),
        ("a\nb\nn\nc", [("after line 2", None, b"n")]),
        ("X\nY\nc", [("lines 1-2", b"a\nb", b"X\nY")]),
    ],
)
def test_lines_that_changed(new: str, differences: object) -> None:
    assert told("a\nb\nc", new) == differences


def test_volatile_parts_of_lines_are_left_out() -> None:
    assert compared("at 2026-01-01T00:00:00Z", "at 2026-02-02T00:00:00Z") == ([], 1)
    assert compared("v1", "v2", parse_rules([r"body:v\d"])) == ([], 1)


def test_lines_that_are_noise_are_left_out() -> None:
    assert compared("a\nb\nc", "a\nX\nY", parse_rules(["line:2", "line:3"])) == ([], 1)
    assert len(compared("a\nb\nc", "a\nX\nY", parse_rules(["line:2"])).differences) == 1


def test_noise_has_the_lines_of_the_new_text() -> None:
    (found,) = compared("a\nb", "a\nX\nY").differences
    assert found.noise == ("line:2", "line:3")


def test_markup_in_one_line_is_told_by_its_tags() -> None:
    page = "<p>" + "<b>x</b>" * 100 + "<i>{}</i></p>"
    assert told(page.format(1), page.format(2)) == [("line 102", b"<i>1</i>", b"<i>2</i>")]


def test_secrets_have_marks() -> None:
    (found,) = compared("a\nsecret 1", "a\nsecret 2").differences
    assert found.recorded == (b"secret 1", b"*** 1")


def test_a_text_that_may_not_be_shown_is_not() -> None:
    (found,) = compare_texts("a", "b", DEFAULT, lambda _: None).differences
    assert found.replayed == (b"b", b"")


def test_of_a_secret_of_several_lines_none_is_shown() -> None:
    def hide(text: str) -> str:
        return re.sub("<secret>[^<]*", "<secret>***", text).replace("pin=1", "pin=***")

    old, new = (f"pin=1\n{each}\n<secret>\nof\n-{each}\n</secret>" for each in "ab")
    first, second = compare_texts(old, new, DEFAULT, hide).differences
    assert (first.recorded, first.replayed) == ((b"a", b"a"), (b"b", b"b"))
    assert (second.recorded, second.replayed) == ((b"-a", b""), (b"-b", b""))


def test_lines_beside_a_secret_of_several_are_shown_with_their_marks() -> None:
    def hide(text: str) -> str:
        return re.sub("(?s)<secret>[^<]*", "<secret>***", text).replace("pin=1", "pin=***")

    old, new = "pin=1 a\n<secret>\nx\n</secret>", "pin=1 b\n<secret>\nx\n</secret>"
    (found,) = compare_texts(old, new, DEFAULT, hide).differences
    assert found.replayed == (b"pin=1 b", b"pin=*** b")


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        (b"\xef\xbb\xbfa", b"", "a"),
        (b"\xe4", b"text/plain; charset=latin-1", "ä"),
        (b"\xe4", b"text/plain", "ä"),
        (b"\xe4", b"application/octet-stream", None),
        (b"a\0b", b"text/plain", None),
        (b"a", b"text/plain; charset=none-such", "a"),
    ],
)
def test_what_is_text(content: bytes, content_type: bytes, text: str | None) -> None:
    assert text_of(content, content_type) == text
