"""Two responses, compared."""

import gzip
import json

import pytest

from replayd.comparing import compare as module
from replayd.comparing.compare import Answer, compare
from replayd.comparing.contents import LOOKED_INTO
from replayd.comparing.rules import Rules, parse_rules
from replayd.model.comparison import Comparison, DifferenceKind, Verdict
from replayd.model.flow import Headers, Response
from replayd.redaction.redactor import Redactor

DEFAULT = Rules()
REDACTOR = Redactor(b"key")


def answer(
    content: bytes | None = b"",
    *,
    status: int = 200,
    headers: Headers = (),
    trailers: Headers = (),
) -> Answer:
    head = Response(b"HTTP/1.1", status, b"", headers, b"", trailers)
    return Answer(head, None if content is None else (content,))


def compared(old: Answer, new: Answer, rules: Rules = DEFAULT, *, limit: int = 100) -> Comparison:
    return compare(old, new, rules, REDACTOR, limit=limit)


def places(comparison: Comparison) -> list[tuple[DifferenceKind, str]]:
    return [(each.kind, each.path) for each in comparison.differences]


def test_equal_ones() -> None:
    assert compared(answer(b"x"), answer(b"x")) == Comparison(Verdict.EQUAL)


def test_status_fields_trailers_and_content_are_told() -> None:
    found = compared(
        answer(b'{"a":1}', headers=((b"X", b"1"),)),
        answer(b'{"a":2}', status=500, trailers=((b"T", b"1"),)),
    )
    kinds = DifferenceKind
    assert found.verdict is Verdict.DIFFERENT
    assert places(found) == [
        (kinds.STATUS, ""),
        (kinds.HEADER, "x"),
        (kinds.TRAILER, "t"),
        (kinds.JSON, "$.a"),
    ]


def test_rules_leave_out_status_and_body() -> None:
    found = compared(answer(b"a"), answer(b"b", status=500), parse_rules(["status", "body"]))
    assert found == Comparison(Verdict.EQUAL, ignored_count=2)


def test_contents_are_decoded_first() -> None:
    encoded = answer(gzip.compress(b"[1]"), headers=((b"Content-Encoding", b"gzip"),))
    assert compared(answer(b"[1]"), encoded).verdict is Verdict.EQUAL
    assert places(compared(answer(b"[2]"), encoded)) == [(DifferenceKind.JSON, "$[0]")]


def test_a_content_that_was_not_captured_is_told() -> None:
    found = compared(answer(None), answer(b"x"))
    assert found.verdict is Verdict.EQUAL
    assert "left the recorded content out" in found.note


def test_text_beside_json_is_compared_as_text() -> None:
    (found,) = compared(answer(b'{"a": 1}'), answer(b"<p>sorry</p>")).differences
    assert found.kind is DifferenceKind.TEXT


def test_binary_is_told_by_size_and_place() -> None:
    (found,) = compared(answer(b"\0abc"), answer(b"\0abX!")).differences
    assert (found.kind, found.path) == (DifferenceKind.CONTENT, "from byte 3 on")
    assert found.replayed is not None
    assert found.replayed.value == b"5 bytes"


def test_large_contents_are_told_by_size() -> None:
    large = b"x" * (LOOKED_INTO + 1)
    assert compared(answer(large), answer(large)).verdict is Verdict.EQUAL
    found = compared(answer(large), answer(large + b"y"))
    assert places(found) == [(DifferenceKind.CONTENT, "")]
    assert "not looked into" in found.note


def test_json_that_is_nested_too_deeply_is_text() -> None:
    old, new = (b"[" * 700 + number + b"]" * 700 for number in (b"1", b"2"))
    found = compared(answer(old), answer(new))
    assert places(found)[0][0] in (DifferenceKind.TEXT, DifferenceKind.JSON)


def test_all_are_counted_and_the_first_told() -> None:
    old, new = (json.dumps([{"n": n + more} for n in range(50)]).encode() for more in (0, 100))
    found = compared(answer(old), answer(new), limit=3)
    assert (found.difference_count, len(found.differences)) == (50, 3)


def test_secrets_have_marks_by_what_they_stand_under() -> None:
    old, new = ({"token": {"value": n}, "card": f"password={n}"} for n in ("one", "two"))
    found = compared(
        answer(json.dumps(old).encode(), headers=((b"X-Api-Key", b"k1"), (b"X", b"a"))),
        answer(json.dumps(new).encode(), headers=((b"X-Api-Key", b"k2"), (b"X", b"b"))),
    )
    values = {each.path: each.replayed for each in found.differences}
    for path in ("x-api-key", "$.token.value", "$.card"):
        assert b"redacted" in values[path][1], path
        assert b"redacted" not in values[path][0]
    assert values["x"] == (b"b", b"b")


def test_secrets_in_text_have_marks() -> None:
    (found,) = compared(answer(b"a\npassword: one"), answer(b"a\npassword: two")).differences
    assert b"redacted" in found.replayed[1]
    assert b"two" not in found.replayed[1]


def test_long_values_are_cut_around_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUE", 20)
    monkeypatch.setattr(module, "MOST_PATH", 5)
    old, new = (json.dumps({"long name": "x" * 100 + n + "y" * 100}).encode() for n in "12")
    (found,) = compared(answer(old), answer(new)).differences
    assert found.replayed == (b"...xxxxx2yyyyyyyyyyyyyy...",) * 2
    assert found.path == "$['lo..."
