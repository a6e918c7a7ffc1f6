import pytest

from replayd.redaction.printable import printable, said, said_of


def test_printable_keeps_what_people_read() -> None:
    assert printable("größe 尺寸") == "größe 尺寸"


@pytest.mark.parametrize("char", ["\x1b", "\r", "\n", "\u202e", "\u2066", "\x9b", "\u2028", "\x00"])
def test_nothing_moves_a_cursor_or_turns_text_around(char: str) -> None:
    assert char not in printable(f"a{char}b")
    assert char not in said(f"a{char}b")


def test_an_error_keeps_to_its_margin() -> None:
    lines = said_of(ValueError("a\nb token=s3cr3t")).split("\n")
    assert lines == ["    | ValueError: a", "    | b token=‹redacted 6B›"]
