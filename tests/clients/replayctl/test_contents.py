import pytest
from replayctl.contents import content_lines, size_text


def test_text_is_shown_as_text() -> None:
    content = "één\r\n\ttwo\n\N{RIGHT-TO-LEFT OVERRIDE}".encode()
    assert list(content_lines(content, len(content))) == ["één", "        two", r"\u202e"]


def test_anything_else_is_dumped() -> None:
    content = b"\x00\x1b[31mhello, world!\xff"
    assert list(content_lines(content, len(content))) == [
        "00000000  00 1b 5b 33 31 6d 68 65 6c 6c 6f 2c 20 77 6f 72  ..[31mhello, wor",
        "00000010  6c 64 21 ff                                      ld!.",
    ]


def test_a_cut_is_said() -> None:
    assert list(content_lines(b"abc", 10)) == ["abc", "... 7 more bytes"]


def test_a_cut_inside_a_character_leaves_text_text() -> None:
    shown = list(content_lines("caf\u00e9".encode()[:-1], 5))
    assert shown == ["caf\ufffd", "... 1 more bytes"]


def test_escape_sequences_never_come_through() -> None:
    for content in (b"\x1b]0;title\x07", b"\xc2\x9b31m", b"a\x1b[2Jb"):
        assert all(line.isprintable() for line in content_lines(content, len(content)))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text
