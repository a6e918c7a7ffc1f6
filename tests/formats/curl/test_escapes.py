"""Backslashes, as a shell and its printf take them."""

import pytest

from replayd.formats.curl.escapes import UnknownOutputError, ansi_c, printf


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rb"a\tb\n\r\\\'\"\?", b"a\tb\n\r\\'\"?"),
        (rb"\a\b\e\E\f\v", b"\a\b\x1b\x1b\f\v"),
        (rb"\101\7x\x41\x4z\400", b"A\x07xA\x04z"),
        (rb"\u0021\u20ac\U1F435\u41g", "!€🐵Ag".encode()),
        (rb"\ca\cZ", b"\x01\x1a"),
        (b"\\q\\", b"\\q\\"),
        (rb"one\0two", b"one"),
        (rb"\U110000", rb"\U110000"),
        (rb"\ud800", b"\xed\xa0\x80"),
    ],
)
def test_ansi_c_quoting(text: bytes, found: bytes) -> None:
    assert ansi_c(text) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([rb"put body\x0aline 2\x0a"], b"put body\nline 2\n"),
        ([rb"100%%\x25d"], b"100%%d"),
        ([b"%s-%s", b"a\\n", b"b"], b"a\\n-b"),
        ([b"%s|"], b"|"),
    ],
)
def test_printf(words: list[bytes], found: bytes) -> None:
    assert printf([b"printf", *words]) == found


@pytest.mark.parametrize(
    "words",
    [[b"printf"], [b"date", b"x"], [b"printf", b"%d"], [b"printf", b"-x"], [b"printf", b"a", b"b"],
     [b"printf", b"%"]],
)  # fmt: skip
def test_other_output_is_unknown(words: list[bytes]) -> None:
    with pytest.raises(UnknownOutputError):
        printf(words)
