"""What matches a layout is what the parser would read, cut out; anything else does not."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.formats.tnetstring import Records
from replayd.formats.tnetstring_layout import Layout, Place
from replayd.formats.tnetstring_parser import Parser
from tests.support.tnetstring import dumps

INNER = frozenset({b"in"})
VARYING = {Place(b"", b"a"): b",", Place(b"in", b"b"): b";", Place(b"in", b"d"): b"}"}


def payload(value: Any) -> bytes:
    [record] = Records(io.BytesIO(dumps(value)))
    return record.payload


def layout(value: Any) -> Layout:
    return Layout(payload(value), INNER, lambda place, tag: VARYING.get(place) == bytes((tag,)))


def test_values_that_may_differ_are_cut_out() -> None:
    like = layout({"a": b"1", "in": {"b": "x", "c": 5, "d": {"e": 1}}, "f": None})
    other = {"a": b"longer", "in": {"b": "", "c": 5, "d": {}}, "f": None}
    assert like.match(payload(other)) == [b"longer", b"", b""]
    assert [(place.key, tag) for place, tag in like.slots] == [
        (b"a", ord(",")),
        (b"b", ord(";")),
        (b"d", ord("}")),
    ]
    assert like.fixed == {Place(b"in", b"c"): b"5#", Place(b"", b"f"): b"~"}
    assert not like.repeats


@pytest.mark.parametrize(
    "other",
    [
        {"a": b"1", "in": {"b": "x", "c": 6}, "f": None},
        {"a": "1", "in": {"b": "x", "c": 5}, "f": None},
        {"a": b"1", "in": {"b": "x"}, "f": None},
        {"a": b"1", "in": {"b": "x", "c": 5}, "f": None, "g": None},
        {"in": {"b": "x", "c": 5}, "f": None, "a": b"1"},
        {},
    ],
)
def test_what_is_laid_out_in_another_way_does_not_match(other: Any) -> None:
    assert layout({"a": b"1", "in": {"b": "x", "c": 5}, "f": None}).match(payload(other)) is None


@pytest.mark.parametrize("size", [b"1", b"16", b"18", b"999", b"x", b"", b"-1", b"0017"])
def test_the_length_of_what_is_looked_into_is_checked(size: bytes) -> None:
    octets = payload({"in": {"b": "x", "c": 5}})
    assert octets.startswith(b"2:in;16:")
    changed = octets.replace(b"16:", size + b":", 1)
    matched = layout({"in": {"b": "x", "c": 5}}).match(changed)
    assert matched == ([b"x"] if size == b"16" else None)


def test_a_key_that_is_there_twice_is_told() -> None:
    assert Layout(b"1:a,1:1,1:a;1:2,", INNER, lambda *_: True).repeats


@given(st.data())
def test_damage_matches_only_what_the_parser_reads_too(data: st.DataObject) -> None:
    value = {"a": b"12:345", "in": {"b": "0:,", "c": 5}, "f": None}
    octets, like = bytearray(payload(value)), layout(value)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(octets) - 1))
        octets[position : position + 1] = data.draw(st.sampled_from([b"0", b"1", b"9", b":", b""]))
    damaged = bytes(octets)
    values = like.match(damaged)
    if values is not None:
        [record] = Records(io.BytesIO(b"%d:%b}" % (len(damaged), damaged)))
        read = Parser().parse(record)
        assert read == {b"a": values[0], b"in": {b"b": values[1].decode(), b"c": 5}, b"f": None}
