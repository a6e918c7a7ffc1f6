"""What JSON paths select, and what is none."""

import pytest

from replayd.live.json_path import MAX_FOUND, JsonPath

DOCUMENT = b"""{"token": "a\\u00e9/", "n": 1.50, "yes": true, "none": null,
    "items": [{"id": 7, "token": "b"}, {"id": 8}], "odd name": {"it's": "c"}}"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.token", ["aé/"]),
        ("$.n", ["1.50"]),
        ("$.yes", []),
        ("$.none", []),
        ("$.items", []),
        ("$.absent", []),
        ("$.items[0].id", ["7"]),
        ("$.items[-1].id", ["8"]),
        ("$.items[2].id", []),
        ("$.items[*].id", ["7", "8"]),
        ("$.items.*.token", ["b"]),
        ("$['odd name'][\"it's\"]", ["c"]),
        ("$['odd name']['it\\'s']", ["c"]),
        ("$..token", ["aé/", "b"]),
        ("$..[1]['id']", ["8"]),
        ("$.items..*", ["7", "b", "8"]),
    ],
)
def test_what_a_path_finds(path: str, expected: list[str]) -> None:
    assert JsonPath(path).find(DOCUMENT) == [each.encode() for each in expected]


@pytest.mark.parametrize(
    "path", ["", "token", "$", "$.", "$..", "$.a b", "$[", "$[a]", "$[0", "$.a[?(@.b)]", "$[1:2]"]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="JSON path"):
        JsonPath(path)


@pytest.mark.parametrize("text", [b"", b"{", b"token", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_has_nothing(text: bytes) -> None:
    assert JsonPath("$..a").find(text) == []


def test_there_is_an_end_to_what_is_found() -> None:
    assert len(JsonPath("$[*]").find(b"[%b1]" % (b"1," * 10_000))) == MAX_FOUND


def test_what_many_ways_lead_to_is_found_once() -> None:
    """Of ways through these 500 lists there are more than anybody could walk."""
    assert JsonPath("$..*..*..*").find(b"[" * 500 + b"7777" + b"]" * 500) == [b"7777"]
    assert JsonPath("$..[0]..[0]").find(b"[[[1, 1]], 2]") == [b"1"]
