"""Tnetstrings as mitmproxy writes them."""

import pytest

from replayd.formats.tnetstring import Records
from replayd.formats.tnetstring_parser import Parser
from replayd.formats.writers.tnetstring import Value, tnetstring
from tests.support.captures import Dribble


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, b"0:~"),
        (True, b"4:true!"),
        (False, b"5:false!"),
        (12, b"2:12#"),
        (-1.5, b"4:-1.5^"),
        (b"\x00,", b"2:\x00,,"),
        ("é", b"2:\xc3\xa9;"),
        ([], b"0:]"),
        ({}, b"0:}"),
        # As mitmproxy 12 wrote this one: its keys from the last to the first.
        ({"a": 1, "b": [1, 2.5, None, True]}, b"36:1:b;20:1:1#3:2.5^0:~4:true!]1:a;1:1#}"),
    ],
)
def test_values(value: Value, encoded: bytes) -> None:
    assert b"".join(tnetstring(value)) == encoded


def test_the_reader_reads_it() -> None:
    value = {"a": {"b": [b"x" * 1000, [["c", None]]]}, "d": 1.0}
    (record,) = Records(Dribble(b"".join(tnetstring(value)), 7))
    assert Parser(frozenset()).parse(record) == {
        b"a": {b"b": (b"x" * 1000, (("c", None),))},
        b"d": 1.0,
    }


def test_contents_are_not_copied() -> None:
    content = b"x" * 100_000
    assert any(piece is content for piece in tnetstring({"a": [content]}))
