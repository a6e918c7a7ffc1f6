import pytest
from replayctl.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 text", "plain é 漢 text"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", r"caf\xe9"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("right\u202eleft", r"right\u202eleft"),
        ("c1 \x9b31m", r"c1 \x9b31m"),
        ("\U000e0041", r"\U000e0041"),
        ("", ""),
    ],
)
def test_only_what_a_terminal_takes_for_text_comes_through(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown
