"""Values of a HAR, in every form that tools give them."""

from typing import Any

import pytest

from replayd.formats.fields import FieldError
from replayd.formats.har import values


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("2026-11-23T00:06:18.700211+00:00", 1795392378.700211),
        ("2026-11-23T00:06:18.700Z", 1795392378.7),
        ("2026-11-23T00:06:18Z", 1795392378.0),
        ("2026-11-22T16:06:18.5-08:00", 1795392378.5),
        ("2026-11-23T01:36:18.5+0130", 1795392378.5),
        ("2026-11-23 00:06:18,5", 1795392378.5),
        ("2026-11-23t00:06:18.5000000000z", 1795392378.5),
        ("1970-01-01T00:00:00Z", 0.0),
        ("2024-02-29T23:59:60Z", 1709251200.0),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_read(said: str | None, seconds: float | None) -> None:
    assert values.time({"t": said}, "t") == seconds


@pytest.mark.parametrize(
    "said",
    ["yesterday", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z", 5, [],
     "2026-01-01T25:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "x" * 100,
     "1970-01-01T00:00:00+01:00", "\u0662026-11-23T00:06:18Z"],
)  # fmt: skip
def test_what_is_no_time_is_said(said: Any) -> None:
    with pytest.raises(FieldError, match=r"'t' is .*, not a time"):
        values.time({"t": said}, "t")


@pytest.mark.parametrize(
    ("said", "number"),
    [(5, 5), (5.0, 5), ("5", 5), ("-1", -1), (None, -1), (True, -1), ("x", -1), (1e300, -1),
     (float("nan"), -1), ([], -1), ("9" * 30, -1)],
)  # fmt: skip
def test_an_integer_is_read_or_unknown(said: Any, number: int) -> None:
    assert values.integer({"n": said}, "n") == number


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(1500, 1.5), (0, 0.0), (-1, None), (None, None), ("5", None), (True, None), (1e11, None),
     (10**400, None), (float("nan"), None)],
)  # fmt: skip
def test_a_duration_is_read_or_unknown(said: Any, seconds: float | None) -> None:
    assert values.duration({"d": said}, "d") == seconds


@pytest.mark.parametrize(
    "listed",
    [
        [{"name": "A", "value": "1"}, {"name": "a", "value": 2}, {"name": "B"}],
        [["A", "1"], ["a", "2"], ["B", None]],
        {"A": "1", "a": 2, "B": None},
        [{"name": "A", "value": ["1"]}, {"name": "a", "value": ["2"]}, {"name": "B", "value": ""}],
    ],
)
def test_fields_are_read_in_every_form(listed: Any) -> None:
    assert values.headers({"h": listed}, "h") == ((b"A", b"1"), (b"a", b"2"), (b"B", b""))


def test_several_values_of_a_name_are_several_fields() -> None:
    found = values.headers({"h": [{"name": "Set-Cookie", "value": ["a=1", "b=2"]}]}, "h")
    assert found == ((b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"))


@pytest.mark.parametrize("listed", [None, [], {}])
def test_no_fields_are_none(listed: Any) -> None:
    assert values.headers({"h": listed}, "h") == ()


def test_odd_bytes_of_fields_are_kept() -> None:
    listed = [{"name": "X-\udcff", "value": "caf\udce9 €\r\n folded"}]
    assert values.headers({"h": listed}, "h") == ((b"X-\xff", b"caf\xe9 \xe2\x82\xac\r\n folded"),)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("x", "'h' must be a list"),
        ([5], r"h\[0\] must have a name and a value"),
        ([["a"]], r"h\[0\] must have a name and a value"),
        ([{"value": "x"}], r"h\[0\] has no name"),
        ([{"name": "", "value": "x"}], r"h\[0\] has no name"),
        ([{"name": "a", "value": {}}], r"'h\[0\]' must be text"),
        ([{"name": "a", "value": True}], r"'h\[0\]' must be text"),
        ([{"name": "a", "value": "\ud800"}], r"h\[0\] holds half a character \('\\ud800'\)"),
    ],
)
def test_what_are_no_fields_is_said(listed: Any, said: str) -> None:
    with pytest.raises(FieldError, match=said):
        values.headers({"h": listed}, "h")


def test_texts_and_objects_are_what_they_must_be() -> None:
    parent: dict[str, Any] = {"text": "x", "number": 5, "null": None, "list": []}
    assert values.text(parent, "text") == "x"
    assert values.text(parent, "number") == "5"
    assert values.optional_text(parent, "null") == ""
    assert values.subobject(parent, "null") == {}
    for wrong in (values.text, values.optional_text, values.subobject):
        with pytest.raises(FieldError, match="'list' must be "):
            wrong(parent, "list")
    with pytest.raises(FieldError, match="'null' is missing"):
        values.text(parent, "null")


def test_the_content_type_is_the_fields_before_the_hars() -> None:
    fields = ((b"content-TYPE", b" a/b "),)
    assert values.content_type(fields, {"mimeType": "c/d"}) == b"a/b"
    assert values.content_type((), {"mimeType": "c/d"}) == b"c/d"
    assert values.content_type((), {"mimeType": 5}) == b""
