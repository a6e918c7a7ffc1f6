"""Recorded values are replaced however they are written, and nothing else is."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replayd.live import values
from replayd.live.values import Form, Values

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=4)


def replaced_by(kept: Values, text: bytes, form: Form) -> tuple[bytes, list[str]]:
    return kept.replaced(text, form, kept.held_in(text))


def replaced(text: bytes, form: Form, **carried: bytes) -> bytes:
    kept = Values()
    for recorded, live in carried.items():
        kept.put(f"json:$.{recorded}", recorded.encode(), live)
    return replaced_by(kept, text, form)[0]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        (b"Bearer abcd", Form.PLAIN, b"Bearer x/y z"),
        (b"abcd", Form.PLAIN, b"x/y z"),
        (b"/a/abcd?q=abcd&r=abcdabcd", Form.URL, b"/a/x%2Fy%20z?q=x%2Fy%20z&r=abcdabcd"),
        (b"to=%2Fa%3Fq%3Dabcd", Form.URL, b"to=%2Fa%3Fq%3Dx%2Fy%20z"),
        (
            b'{"a": "abcd", "b": "\\nabcd\\u003dabcd"}',
            Form.JSON,
            b'{"a": "x/y z", "b": "\\nx/y z\\u003dx/y z"}',
        ),
        (b"xabcd abcdx _abcd abcd_ ABCD", Form.PLAIN, b"xabcd abcdx _abcd abcd_ ABCD"),
        (b"abcd-abcd.abcd", Form.PLAIN, b"x/y z-x/y z.x/y z"),
    ],
)
def test_where_a_value_stands(text: bytes, form: Form, expected: bytes) -> None:
    assert replaced(text, form, abcd=b"x/y z") == expected


def test_all_at_once_the_longest_first() -> None:
    carried = {"1041": b"1042", "1042": b"1043", "1041.1": b"9"}
    assert replaced(b"1041 1042 1041.1", Form.PLAIN, **carried) == b"1042 1043 9"


@given(TEXT, TEXT)
@example("00%\\", "000:")
@example("000%", "0000")
def test_encoded_as_what_it_replaces(recorded: str, live: str) -> None:
    kept = Values()
    kept.put("json:$.a", recorded.encode(), live.encode())
    text, form = quote(recorded, safe="").encode(), Form.URL
    assert replaced_by(kept, b"/?a=" + text, form)[0] == b"/?a=" + quote(live, safe="").encode()
    quoted = json.dumps(recorded, ensure_ascii=False).encode()
    found = replaced_by(kept, b'{"a": %b}' % quoted, Form.JSON)[0]
    assert json.loads(found) == {"a": live}


def test_values_that_begin_as_words_and_others_beside_each_other() -> None:
    carried = {"/longest/of/all": b"1", "word": b"2", "=other": b"3", "words-and": b"4"}
    text = b"x=other /longest/of/all word words-and wordy"
    assert replaced(text, Form.PLAIN, **carried) == b"x3 1 2 4 wordy"


def test_forms_and_lower_case() -> None:
    kept = Values()
    kept.put("json:$.a", b"a b/c", b"d e/f")
    assert replaced_by(kept, quote_plus("a b/c").encode(), Form.URL)[0] == b"d%20e%2Ff"
    assert replaced_by(kept, b"a%20b%2fc", Form.URL)[0] == b"d%20e%2ff"
    assert replaced_by(kept, rb'"a b\/c"', Form.JSON)[0] == rb'"d e\/f"'


def test_sources_are_told_once() -> None:
    kept = Values()
    kept.put("json:$.a", b"abcd", b"1")
    kept.put("json:$.b", b"efgh", b"2")
    kept.put("json:$.b", b"same", b"same")
    assert replaced_by(kept, b"efgh abcd abcd same", Form.PLAIN) == (
        b"2 1 1 same",
        ["json:$.b", "json:$.a"],
    )


def test_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_VALUES", 2)
    kept = Values()
    for name in (b"aaaa", b"bbbb", b"aaaa", b"cccc"):
        kept.put("json:$.a", name, b"new")
    assert replaced_by(kept, b"aaaa bbbb cccc", Form.PLAIN)[0] == b"new bbbb new"
    assert kept.size == 14


def test_of_many_the_ones_that_are_there() -> None:
    kept = Values()
    for number in range(200):
        kept.put("json:$.a", b"a/%d/token" % number, b"new-%d" % number)
    kept.put("json:$.b", b"+/==", b"core")
    kept.put("json:$.c", b"old/value", b"slash")
    kept.put("json:$.d", b"escaped", b"after")
    text = rb"\nescaped \u003descaped %3Descaped a%2F7%2Ftoken a/19/token +%2F== a\/100\/token "
    text += rb"old%2Fvalue a/200/token"
    expected = rb"\nafter \u003dafter %3Dafter new-7 new-19 core new-100 slash a/200/token"
    assert replaced_by(kept, text, Form.PLAIN)[0] == expected
    assert kept.held_in(b"nothing") == (b"+/==",)


def test_of_very_many_the_shortest_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_HELD", 30)
    kept = Values()
    recorded = [b"abcd", b"abcd-efgh", b"abcd-efgh-ijkl", b"abcd-efgh-ijkl-mnop"]
    for each in recorded:
        kept.put("s", each, b"live")
    text = b" ".join(recorded)
    held = kept.held_in(text)
    assert held == (recorded[2], recorded[1], recorded[0])
    assert kept.replaced(b"abcd-efgh-ijkl", Form.PLAIN, held)[0] == b"live"
    assert kept.held_in(b"abcd-efgh") == (recorded[1], recorded[0])
