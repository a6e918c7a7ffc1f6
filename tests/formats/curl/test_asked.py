"""What curl's options ask for."""

import pytest

from replayd.formats.curl.asked import Asked, asked
from replayd.formats.curl.options import UsageError
from replayd.formats.curl.shell import Command, Shell, Word
from replayd.formats.multipart import Part
from tests.support.work import limited_time


def ask(line: str) -> tuple[Asked, list[str]]:
    """What a command asks for, and the notes about it."""
    [command] = Shell(f"curl {line}".encode()).commands()
    notes: list[str] = []
    [found] = asked(command, notes)
    return found, notes


@pytest.mark.parametrize(
    ("line", "data"),
    [
        ("-d a -d b", b"a&b"),
        ("-d @- <<< 'a\nb'", b"ab"),
        ("--data-binary @- <<< 'a\nb'", b"a\nb\n"),
        ("--data-raw @x --data-ascii y", b"@x&y"),
        ("--data-urlencode 'n=a b&c' --data-urlencode '=d e' --data-urlencode 'f g'",
         b"n=a+b%26c&d+e&f+g"),
        ("--data-urlencode n@- <<< 'x y'", b"n=x+y%0A"),
        ("--json '{' --json '}'", b"{}"),
        ("-d ''", b""),
        ("-s", None),
    ],
)  # fmt: skip
def test_data_is_put_together(line: str, data: bytes | None) -> None:
    found, notes = ask(line)
    assert (found.data, found.missing, notes) == (data, False, [])


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("-d @f", "the file 'f'"),
        ("--json @f", "the file 'f'"),
        ("-d @- < f", "the file 'f'"),
        ("-d @-", "the terminal"),
        ("-F a=@f", "the file 'f'"),
        ("-T f", "the file 'f'"),
        ("-T . < $X", "the value of '$X'"),
    ],
)
def test_content_of_files_is_missing(line: str, where: str) -> None:
    found, notes = ask(line)
    assert found.missing
    assert notes == [f"content is read from {where}, which the capture does not have"]


def test_fields_are_kept_emptied_or_taken_out() -> None:
    found, notes = ask("-H 'A:  b ' -H 'C;' -H 'D:' -H 'E: ' -H F:g -H 'no field' -H 'H;i'")
    assert found.headers == [
        (b"A", b" b "), (b"C", b""), (b"D", None), (b"E", None), (b"F", b"g"),
    ]  # fmt: skip
    assert notes == [
        "'no field' is no field: curl ignores it",
        "'H;i' is no field: curl ignores it",
    ]


def test_the_rest() -> None:
    found, notes = ask(
        "-b a=1 -b jar -b @jar -F x=y --form-string z=@ --http1.0 -G --compressed -A '' -e r "
        "--url-query 'a=b c' --url-query +raw -k -o f h.test --url g.test"
    )
    assert found.urls == [b"h.test", b"g.test"]
    assert found.cookies == [b"a=1"]
    assert found.parts == [Part(b"x", b"y"), Part(b"z", b"@")]
    assert found.version == b"HTTP/1.0"
    assert found.switches == {"get", "compressed"}
    assert found.values == {"user-agent": b"", "referer": b"r"}
    assert found.queries == [b"a=b+c", b"raw"]
    assert notes == [
        "the cookies in the file 'jar' are not known",
        "the cookies in the file '@jar' are not known",
        "--insecure is no part of a request and was ignored",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-H @f", "fields are in the file 'f'"),
        ("-K f", "options are in the file 'f'"),
        ('-H "A: $B"', "it holds the value of '$B', which only the shell knew"),
        ("--url-query @f", "part of its URL is in a file"),
        ('^"http://h^"', "copied for the cmd of Windows"),
    ],
)
def test_what_can_not_be_told(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(line)
    assert said in str(caught.value)


def test_what_only_curl_itself_needs_may_be_unknown() -> None:
    assert ask('-o $FILE -w "$FORMAT" h.test')[1] == []


def test_next_begins_anew() -> None:
    [command] = Shell(b"curl -d a x --next y").commands()
    first, second = asked(command, [])
    assert (first.urls, first.data) == ([b"x"], b"a")
    assert (second.urls, second.data) == ([b"y"], None)


def test_many_data_take_the_time_of_their_bytes() -> None:
    words = [Word(b"curl"), *[Word(b"--data-raw"), Word(b"abc")] * 250_000]
    with limited_time(8):
        [found] = asked(Command(0, words), [])
    assert found.data is not None
    assert len(found.data) == 4 * 250_000 - 1
