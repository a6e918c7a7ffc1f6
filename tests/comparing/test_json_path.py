"""JSON paths of rules."""

import pytest

from replayd.comparing.json_path import Search, path_text
from replayd.json_path import Key, parse_json_path


def found(path: str, *keys: Key) -> bool:
    search = Search((parse_json_path(path),))
    for key in keys:
        search = search.down(key)
    return search.hit


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("$.a.b", ("a", "b")),
        ("$.a[*].id", ("a", 7, "id")),
        ("$.a[2]", ("a", 2)),
        ("$.*.id", ("x", "id")),
        ("$..id", ("a", 0, "b", "id")),
        ("$..id", ("id",)),
        ("$..items[0]..x", ("b", "items", 0, "c", "x")),
        ("$['odd key'][\"an.other\"]", ("odd key", "an.other")),
        (r"$['it\'s']", ("it's",)),
    ],
)
def test_what_a_path_finds(path: str, keys: tuple[Key, ...]) -> None:
    assert found(path, *keys)
    assert not found(path, *keys, "more")


def test_what_it_does_not() -> None:
    assert not found("$.a", "b")
    assert not found("$.a[0]", "a", 1)
    assert not found("$.a.b", "a")


def test_places_are_written_as_paths_are_read() -> None:
    keys: tuple[Key, ...] = ("a", 0, "odd key", "it's", "")
    assert path_text(keys) == r"$.a[0]['odd key']['it\'s']['']"
    assert [step.key for step in parse_json_path(path_text(keys))] == list(keys)
