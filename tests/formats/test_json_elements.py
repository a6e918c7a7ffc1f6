"""The elements of a list inside JSON, whatever stands around them."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.formats.json_elements import Elements, JsonError
from tests.support.captures import Dribble

PATH = ("log", "entries")


def elements(data: bytes, step: int = 1 << 20, max_size: int = 1 << 20) -> list[bytes]:
    return [bytes(each.data) for each in Elements(Dribble(data, step), PATH, max_size)]


def document(*listed: Any, **around: Any) -> bytes:
    inner = {"before": around, "entries": list(listed), "after": [around]}
    return json.dumps({"x": [around, ']}"\\'], "log": inner, "y": -1.5e3}, indent=1).encode()


ODD = [
    "",
    '"',
    "\\",
    '\\"',
    "}]",
    '[{"',
    "\\\\\\",
    "é\u2028\0",
    {"a": ["}", {'"': "\\"}]},
    [[]],
    -1.5,
    None,
]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
def test_elements_are_cut_out_whole(step: int) -> None:
    found = elements(document(*ODD, odd=ODD), step)
    assert [json.loads(each) for each in found] == ODD


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(ANYTHING, max_size=4), ANYTHING, st.integers(1, 50))
def test_whatever_they_hold(listed: list[Any], around: Any, step: int) -> None:
    found = elements(document(*listed, around=around), step)
    assert [json.loads(each) for each in found] == listed


def test_each_knows_where_it_begins() -> None:
    data = document({"a": 1}, "b", 3)
    for each in Elements(io.BytesIO(data), PATH, 100):
        assert data[each.offset :].startswith(bytes(each.data))


@pytest.mark.parametrize(
    "data", [b'{"log":{"entries":[]}}', b'\xef\xbb\xbf \r\n{"log":{"entries":[ ]}}\n']
)
def test_an_empty_list_has_none(data: bytes) -> None:
    assert elements(data, 1) == []


def test_only_the_lists_own_path_counts() -> None:
    data = (
        b'{"entries": [1], "log": {"x": {"entries": [2]}, "entries": [3]}, "Log": {"entries": [4]}}'
    )
    assert elements(data) == [b"3"]


def test_names_may_be_escaped() -> None:
    assert elements(b'{"\\u006cog": {"entries": [1]}}') == [b"1"]


@pytest.mark.parametrize(
    ("data", "said", "byte_offset"),
    [
        (b"", "ends before it is whole", 0),
        (b"[]", "the document must be an object", 0),
        (b"{}", "it has no log.entries", 0),
        (b'{"log": 5}', "log must be an object", 8),
        (b'{"log": {"entries": {}}}', "log.entries must be a list", 20),
        (b'{"log": {"entries": []}} x', "something follows", 25),
        (b'{"log": {"entries": [], "entries": []}}', "log.entries twice", 34),
        (b'{"log": {"entries": [1 2]}}', "a comma or ] must follow", 23),
        (b'{"log": {"entries": [1,]}}', "a value must stand here", 23),
        (b'{"log": {"entries": [,1]}}', "a value must stand here", 21),
        (b'{"log": {"entries": [:]}}', "a value must stand here", 21),
        (b'{"log": {"entries": [1]]}', "a comma or } must follow", 23),
        (b'{"log": {"entries": [{]}]}}', "does not close what was opened last", 22),
        (b'{"log" {}}', "a colon must follow", 7),
        (b"{log: {}}", "a name in double quotes", 1),
        (b'{"a": 1,}', "a name in double quotes", 8),
        (b'{"\\x": 1}', "this is no JSON string", 1),
        (b'{"' + b"x" * 2000 + b'": 1}', "a value is larger than 1024 bytes", 1),
        (b'{"x": ' + b"9" * 2000 + b"}", "a value is larger than 1024 bytes", 6),
        (b'{"log": {"entries": ["' + b"x" * 2000 + b'"]}}', "a value is larger than 1000", 21),
        (b'{"log": {"entries": [' + b"[" * 300, "nest deeper than 256 levels", 277),
        (b'{"x": ' + b'{"a":[' * 200, "nest deeper than 256 levels", 774),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, said: str, byte_offset: int) -> None:
    for step in (1, 1 << 20):
        with pytest.raises(JsonError) as caught:
            elements(data, step, max_size=1000)
        assert said in caught.value.message
        assert caught.value.byte_offset == byte_offset
