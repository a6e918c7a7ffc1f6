"""Payloads to values: every type, exact offsets, and a memory that never shows."""

import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.formats.tnetstring import Records, TnetstringError
from replayd.formats.tnetstring_parser import MAX_DEPTH, MAX_REMEMBERED, Parser, Value
from tests.support.tnetstring import dumps


def parse(data: bytes, *skip: bytes) -> Value:
    [record] = Records(io.BytesIO(data))
    return Parser(frozenset(skip)).parse(record)


def error_of(data: bytes) -> TnetstringError:
    with pytest.raises(TnetstringError) as caught:
        parse(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"5:hello,", b"hello"),
        ("6:grüß;".encode(), "grüß"),
        (b"2:42#", 42),
        (b"3:-42#", -42),
        (b"4:1_0 #", 10),
        (b"3:0.5^", 0.5),
        (b"3:inf^", math.inf),
        (b"4:true!", True),
        (b"5:false!", False),
        (b"0:~", None),
        (b"0:]", ()),
        (b"0:}", {}),
        (b"13:1:1#6:3:a:b,]]", (1, (b"a:b",))),
        (b"8:1:a;1:1#}", {b"a": 1}),
        (b"8:1:a,1:1#}", {b"a": 1}),
        (b"16:1:a;1:1#1:a;1:2#}", {b"a": 2}),
    ],
)
def test_every_type(data: bytes, value: Value) -> None:
    assert parse(data) == value


def test_nan() -> None:
    value = parse(b"3:nan^")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("data", "offset", "said"),
    [
        (b"3:abc?", 5, "no type b'?'"),
        (b"12:1:a;5:hello?}", 14, "no type"),
        (b"3:abc#", 2, "no integer"),
        (b"3:abc^", 2, "no number"),
        (b"4:True!", 2, "no boolean"),
        (b"1:x~", 2, "no null"),
        (b"2:\xff\xfe;", 2, "no UTF-8 text"),
        (b"7:1:a;1:x}", 6, "reaches too far"),
        (b"5:3:abc]", 2, "reaches too far"),
        (b"6:999:ab]", 2, "reaches too far"),
        (b"4:1:a;}", 6, "a length and a colon are missing"),
        (b"8:1:1#1:a;}", 5, "a key must be text"),
        (b"3:abc]", 2, "a length and a colon are missing"),
        (b"9:-1:abcdef]", 2, "a length and a colon are missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_byte(data: bytes, offset: int, said: str) -> None:
    error = error_of(data)
    assert said in error.message
    assert error.byte_offset == offset


def test_offsets_count_from_the_streams_beginning() -> None:
    records = iter(Records(io.BytesIO(b"3:abc,3:abc#")))
    parser = Parser()
    parser.parse(next(records))
    with pytest.raises(TnetstringError) as caught:
        parser.parse(next(records))
    assert caught.value.byte_offset == 8


def test_an_integer_of_a_million_digits_is_refused() -> None:
    assert "no integer" in error_of(b"1000000:" + b"1" * 1_000_000 + b"#").message


@pytest.mark.parametrize("tag", [b"]", b"}"])
def test_nesting_is_bounded(tag: bytes) -> None:
    def nested(depth: int) -> bytes:
        data = b"0:~"
        for _ in range(depth):
            inner = data if tag == b"]" else b"1:a;" + data
            data = b"%d:%b%b" % (len(inner), inner, tag)
        return data

    parse(nested(MAX_DEPTH))
    assert "nest deeper than 16" in error_of(nested(MAX_DEPTH + 1)).message


def test_skipped_containers_are_not_looked_into() -> None:
    data = dumps({"a": b"xxxx", "b": {"c": 1}, "d": None, "e": [2]}).replace(b"xxxx,", b"xxxx]")
    assert parse(data, b"a", b"b", b"d") == {b"a": (), b"b": {}, b"d": None, b"e": (2,)}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=20,
)


def decoded(value: Any) -> Any:
    """What a parser makes of a value that was written."""
    if isinstance(value, list):
        return tuple(map(decoded, value))
    if isinstance(value, dict):
        return {key.encode(): decoded(inner) for key, inner in value.items()}
    return value


@given(st.lists(VALUES, max_size=6))
def test_what_was_remembered_changes_nothing(values: list[Any]) -> None:
    # Each value twice and once more at the end, so that memory is right, wrong and stale.
    stream = [copy for value in values for copy in (value, value)] + values
    parser = Parser()
    records = Records(io.BytesIO(b"".join(map(dumps, stream))))
    # repr compares NaN too, and 1 with True.
    assert [repr(parser.parse(record)) for record in records] == [
        repr(decoded(value)) for value in stream
    ]


def test_a_remembered_pair_must_fit_its_dictionary() -> None:
    # The same bytes, once a pair, once cut by the end of their dictionary.
    pair = b"1:a;10:}1:b;3:xyz,"
    whole, cut = b"1:x;18:%b}" % pair, b"1:x;7:%b" % pair
    records = Records(io.BytesIO(b"".join(b"%d:%b}" % (len(each), each) for each in (whole, cut))))
    parser = Parser()
    first, second = records
    assert parser.parse(first) == {b"x": {b"a": b"}1:b;3:xyz"}}
    with pytest.raises(TnetstringError, match="a length of 10 reaches too far"):
        parser.parse(second)


def test_memory_is_bounded() -> None:
    parser = Parser()
    many = {f"{number:0100}": {"x": "y" * 20000} for number in range(200)}
    wide = {str(number): number for number in range(200)} | {"h": [[str(n)] for n in range(3000)]}
    for record in Records(io.BytesIO(dumps(many) + dumps(wide) + dumps({"n": {"a": 1}}))):
        parser.parse(record)
    assert len(parser._seen) <= MAX_REMEMBERED
    assert all(len(seen.pairs) <= MAX_REMEMBERED for seen in parser._seen.values())
    assert len(parser._elements) <= 1024
    remembered = [pair for seen in parser._seen.values() for pair in seen.pairs]
    assert max(len(raw) for raw, _, _, _ in remembered) <= 16 << 10
    runs = [run for seen in parser._seen.values() for run in seen.runs.values()]
    assert max(len(raw) for raw, _, _ in runs) <= 16 << 10
