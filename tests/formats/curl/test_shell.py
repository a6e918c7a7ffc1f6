"""Shell text to words, beside what a real shell makes of it."""

import shutil
import subprocess
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayd.formats.curl.shell import Command, Shell, UnclosedError, Word
from tests.support.work import limited_time


def commands(text: str | bytes) -> list[Command]:
    return list(Shell(text.encode() if isinstance(text, str) else text).commands())


def words(text: str) -> list[list[bytes]]:
    """The words of each command, none of which is unknown."""
    found = commands(text)
    assert not any(word.unknown for command in found for word in command.words)
    return [[word.text for word in command.words] for command in found]


SAME = [
    "echo a 'b c' \"d e\" f\\ g",
    "echo 'it'\"'\"'s' a'b'\"c\"$'d\\n'e",
    'echo "a\\"b\\\\c\\$d\\`e\\f" "g\\\nh"',
    "echo a \\\n  b\\\nc",
    "echo '' \"\" $'' x",
    "echo a#b #c d",
    "echo a; echo b && echo c\\necho e | cat; echo f",
    "echo $'\\u20ac\\x41\\'' $\"x\"",
    "echo \"$(printf 'a\\x0ab\\n\\n')\" $(printf 'one')$(printf %s two)",
    "echo 'multi\nline' \"and\nmore\"",
    "echo a >/dev/null b 2>&1; echo c &>/dev/null d",
    'echo $ a$ "$" "a$."',
    "(echo a; (echo b)); echo c",
    'echo \\"',
]


@pytest.mark.parametrize("text", SAME)
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_words_are_those_of_bash(text: str) -> None:
    # \0 ends each word, \1 each command.
    echo = "echo() { printf '%s\\0' \"$@\" >&3; printf '\\1' >&3; }"
    script = f"exec 3>&1\n{echo}\n{text}"
    ended = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, check=True)
    told = [line.split(b"\0")[:-1] for line in ended.stdout.split(b"\1")[:-1]]
    assert [each[1:] for each in words(text) if each[0] == b"echo"] == told


def test_windows_line_ends_are_line_ends() -> None:
    assert words('curl a \\\r\n -d b\r\ncurl "c\\\r\nd"\r\n') == [
        [b"curl", b"a", b"-d", b"b"],
        [b"curl", b"cd"],
    ]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("echo $TOKEN", "the value of '$TOKEN'"),
        ('echo "a ${B:-c} d"', "the value of '${B:-c}'"),
        ("echo a$1", "the value of '$1'"),
        ("echo `date`", "the output of 'date'"),
        ("echo $(cat x)y", "the output of 'cat x'"),
        ('echo "$(printf "%d" 5)"', "the output of 'printf \"%d\" 5'"),
        ("echo $(a; b)", "the output of 'a; b'"),
        ("echo $(printf $X)", "the output of 'printf $X'"),
    ],
)
def test_what_only_a_shell_knows_is_said(text: str, unknown: str) -> None:
    [command] = commands(text)
    assert command.words[1].unknown == unknown


@pytest.mark.parametrize(
    ("text", "stdin"),
    [
        ("cat <<E\none\n\ttwo\nE\n", Word(b"one\n\ttwo\n")),
        ("cat <<-'E' x\n\tone $X\n\tE\n", Word(b"one $X\n")),
        ("cat <<E\n$X\nE", Word(b"$X\n", "what a shell makes of the text that it reads")),
        ("cat <<E\nno end", Word(b"no end\necho after")),
        ("cat <<< 'a b'", Word(b"a b\n")),
        ("cat < file", Word(b"", "the file 'file'")),
        ("cat < $F", Word(b"", "the value of '$F'")),
        ("cat", None),
    ],
)
def test_what_a_command_reads(text: str, stdin: Word | None) -> None:
    first, *_ = commands(text + "\necho after")
    assert first.stdin == stdin


def test_a_pipe_feeds_the_next_command() -> None:
    first, second, third = commands("a | b; c")
    assert second.stdin == Word(b"", "the output of another command")
    assert first.stdin is third.stdin is None


def test_a_comment_belongs_to_the_command_below() -> None:
    first, second = commands("#1700000000\na\nb")
    assert (first.comment, second.comment) == (b"#1700000000", b"")
    assert (first.offset, second.offset) == (12, 14)


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a $'b", "a $(b", "a `b", 'a "$(b', "$(" * 20])
def test_what_has_no_end_is_said_and_passed_over(text: str) -> None:
    shell = Shell(f"x\n{text}\nlast".encode())
    found = shell.commands()
    assert next(found).words == [Word(b"x")]
    with pytest.raises(UnclosedError):
        next(found)
    shell.skip_line(shell.command.offset)
    assert [command.words for command in shell.commands()] == [[Word(b"last")]]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*"ab '\"\\$`(){}|&;<>\n\r\t#=-", "$(", "<<E\n", "E\n", "$'"])))
def test_nothing_else_is_raised_and_every_text_ends(pieces: list[str]) -> None:
    data = "".join(pieces).encode()
    shell = Shell(data)
    while True:
        try:
            for command in shell.commands():
                assert 0 <= command.offset <= len(data)
            return
        except UnclosedError:
            shell.skip_line(shell.command.offset)


def test_braces_without_an_end_take_the_time_of_their_bytes() -> None:
    with limited_time(8):
        [command] = commands('echo "' + "${" * 100_000 + '"')
    assert len(command.words[1].text) == 200_000
    [command] = commands('echo "$a${b}$c$d$e"')
    assert command.words[1].unknown == "the value of '$a', the value of '${b}', the value of '$c'"


def test_long_quotes_take_little_memory() -> None:
    tracemalloc.start()
    try:
        [command] = commands("echo $'" + "x" * 1_000_000 + "\\n'")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(command.words[1].text) == 1_000_001
    assert peak < 20 << 20
