"""JSON by structure."""

import json
from typing import Any

import pytest

from replayd.comparing.json_path import path_text
from replayd.comparing.json_values import JsonCompared, NoJsonError, read_json, render
from replayd.comparing.rules import parse_rules

UUIDS = "7b1c6b1e-1111-4222-8333-94a94a94a94a", "00000000-0000-4000-8000-000000000000"


def told(old: str, new: str, *rules: str, volatile: bool = True) -> tuple[dict[str, Any], int]:
    compared = JsonCompared(parse_rules(rules, volatile=volatile))
    found = {}
    for each in compared.differences(read_json(old.encode()), read_json(new.encode())):
        values = [
            render(value).decode() if there else None
            for value, there in ((each.recorded, each.had), (each.replayed, each.has))
        ]
        found[path_text(each.keys)] = "order" if each.reordered else tuple(values)
    return found, compared.ignored


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ("[1, 10, 0.5]", "[1.0, 1e1, 5e-1]"),
        ('"\\u00e4"', '"ä"'),
        ("9007199254740993", "9007199254740993.0"),
    ],
)
def test_what_means_the_same_is_equal(old: str, new: str) -> None:
    assert told(old, new) == ({}, 0)


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        ('{"a": {"b": 1}}', '{"a": {"b": 2}}', {"$.a.b": ("1", "2")}),
        ('{"a": null}', "{}", {"$.a": ("null", None)}),
        ("{}", '{"a": [0]}', {"$.a": (None, "[0]")}),
        ("[1]", "[true]", {"$[0]": ("1", "true")}),
        ('{"n": "1"}', '{"n": 1}', {"$.n": ('"1"', "1")}),
        ("9007199254740993", "9007199254740992", {"$": ("9007199254740993", "9007199254740992")}),
        ("0.1", "0.10000000000000000001", {"$": ("0.1", "0.10000000000000000001")}),
        ("[]", "{}", {"$": ("[]", "{}")}),
        ("[1, 2, 3]", "[9, 1, 2, 3]", {"$[0]": (None, "9")}),
        ("[1, 2, 3]", "[1, 3]", {"$[1]": ("2", None)}),
        ("[[1, 2], 3]", "[[1, 5], 3]", {"$[0][1]": ("2", "5")}),
        ("[1, 2, 3]", "[3, 2, 1]", {"$": "order"}),
        ("[1]", "[2]", {"$[0]": ("1", "2")}),
    ],
)
def test_each_difference_has_its_path(old: str, new: str, differences: dict[str, Any]) -> None:
    assert told(old, new) == (differences, 0)


def test_an_element_that_came_is_found_among_others_that_vary() -> None:
    old = [{"id": UUIDS[0], "name": name} for name in "abc"]
    new = [{"id": UUIDS[1], "name": name} for name in "azbc"]
    found, ignored = told(json.dumps(old), json.dumps(new))
    assert found == {"$[1]": (None, render(new[1]).decode())}
    assert ignored == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'{{"order": "{UUIDS[0]}"}}', f'{{"order": "{UUIDS[1]}"}}'),
        ('["2026-01-02T03:04:05Z"]', '["2027-01-02T03:04:05.123+01:00"]'),
        ('{"created_at": 1700000000}', '{"created_at": 1800000000}'),
        ('{"updatedAt": 1700000000123}', '{"updatedAt": 1800000000123}'),
        ('{"requestId": "a"}', '{"requestId": "b"}'),
        ('{"trace_id": 5}', '{"trace_id": 6}'),
    ],
)
def test_what_is_volatile_is_left_out_and_counted(old: str, new: str) -> None:
    assert told(old, new) == ({}, 1)
    found, ignored = told(old, new, volatile=False)
    assert (len(found), ignored) == (1, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"id": 1700000000}', '{"id": 1700000001}'),
        ('{"at": 17}', '{"at": 18}'),
        ('{"day": "2026-01-02"}', '{"day": "2026-01-03"}'),
        ('{"request_id": "a"}', '{"request_id": 1}'),
        (f'"{UUIDS[0]}"', '"none"'),
    ],
)
def test_what_only_looks_like_it_is_not(old: str, new: str) -> None:
    assert len(told(old, new)[0]) == 1


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("json:$.a", '{"a": 1}', "{}"),
        ("json:$.a[*].id", '{"a": [{"id": 1}]}', '{"a": [{"id": 2}]}'),
        ("json:$..id", '{"a": {"id": 1}}', '{"a": {"id": {}}}'),
        ("order:$.a", '{"a": [1, 2, {"b": 1}]}', '{"a": [{"b": 1}, 2, 1]}'),
        (r"body:v\d+", '{"a": "app v1"}', '{"a": "app v2"}'),
    ],
)
def test_rules_leave_out(rule: str, old: str, new: str) -> None:
    assert told(old, new, rule) == ({}, 1)
    assert len(told(old, new)[0]) == 1


def test_a_rule_leaves_out_no_more_than_it_says() -> None:
    found, _ = told('{"a": [1, 2], "b": [1, 2]}', '{"a": [2, 1], "b": [2, 1]}', "order:$.a")
    assert found == {"$.b": "order"}


@pytest.mark.parametrize("content", [b"", b"{", b"NaN", b"[1,]", b"<html>", b"[" * 100_000])
def test_what_is_none(content: bytes) -> None:
    with pytest.raises(NoJsonError):
        read_json(content)


def test_long_numbers_are_read_and_compared() -> None:
    digits = "7" * 5000
    assert told(digits, digits) == ({}, 0)
    assert told(digits, digits[:-1] + "8")[0].keys() == {"$"}
