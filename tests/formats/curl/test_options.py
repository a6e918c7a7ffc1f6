"""curl's words to options."""

import pytest

from replayd.formats.curl.options import Option, UsageError, options
from replayd.formats.curl.shell import Word


def read(*words: str) -> list[tuple[str, str]]:
    found = options([Word(word.encode()) for word in ("curl", *words)])
    return [(option.name, option.value.text.decode()) for option in found]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["-X", "PUT", "u"], [("request", "PUT"), ("url", "u")]),
        (["-XPUT"], [("request", "PUT")]),
        (["-sSLd", "x"], [("silent", ""), ("show-error", ""), ("location", ""), ("data", "x")]),
        (["-sd@f"], [("silent", ""), ("data", "@f")]),
        (["--data-raw", "-x"], [("data-raw", "-x")]),
        (["--comp", "--url", "u"], [("compressed", ""), ("url", "u")]),
        (["--unheard-of", "u"], [("unheard-of", ""), ("url", "u")]),
        (["-:", "--next"], [("next", ""), ("next", "")]),
        (["--", "-x", "--y"], [("url", "-x"), ("url", "--y")]),
        (["-", ""], [("url", "-"), ("url", "")]),
        (["-o", "-x", "-e", ""], [("output", "-x"), ("referer", "")]),
    ],
)
def test_words_become_options(words: list[str], found: list[tuple[str, str]]) -> None:
    assert read(*words) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [(["-X"], "request has no value"), (["--header"], "header has no value"),
     (["--data-", "x"], "--data- is ambiguous")],
)  # fmt: skip
def test_what_curl_refuses(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(*words)


def test_options_know_what_they_matter() -> None:
    def of(name: str) -> tuple[bool, bool]:
        option = Option(name, Word(b""))
        return option.effective, option.harmless

    assert of("header") == (True, False)
    assert of("output") == of("no-buffer") == of("no-silent") == (False, True)
    assert of("insecure") == of("unheard-of") == (False, False)


def test_a_value_that_only_a_shell_knows_stays_unknown() -> None:
    word = Word(b"-H", "the value of '$H'")
    [option] = options([Word(b"curl"), word])
    assert option == Option("header", Word(b"", "the value of '$H'"))
