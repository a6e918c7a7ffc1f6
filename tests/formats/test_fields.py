"""Values by name and type: what fits is returned, what does not is named."""

from collections.abc import Callable

import pytest

from replayd.formats import fields
from replayd.formats.fields import FieldError, Structure, TimeRangeError
from replayd.formats.tnetstring_parser import Value


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (fields.octets, b"x", b"x"),
        (fields.octets, "ü", "ü".encode()),
        (fields.optional_octets, None, None),
        (fields.optional_octets, b"", b""),
        (fields.text, "ü", "ü"),
        (fields.text, "ü".encode(), "ü"),
        (fields.optional_text, None, None),
        (fields.flag, True, True),
        (fields.integer, -1, -1),
        (fields.optional_time, None, None),
        (fields.optional_time, 3, 3.0),
        (fields.optional_time, 0.5, 0.5),
        (fields.headers, ((b"a", b"1"), (b"a", b"")), ((b"a", b"1"), (b"a", b""))),
        (fields.optional_headers, None, ()),
        (fields.substructure, {}, {}),
        (fields.optional_substructure, None, None),
    ],
)
def test_what_fits(
    read: Callable[[Structure, bytes], object], given: Value, expected: object
) -> None:
    assert read({b"it": given}, b"it") == expected


@pytest.mark.parametrize(
    ("read", "given", "said"),
    [
        (fields.octets, 1, "must be bytes, but is of type int"),
        (fields.octets, None, "must be bytes, but is null"),
        (fields.text, (), "must be text"),
        (fields.text, b"\xff", "not UTF-8"),
        (fields.flag, 1, "must be true or false"),
        (fields.flag, None, "must be true or false"),
        (fields.integer, True, "must be an integer"),
        (fields.integer, 1.0, "must be an integer"),
        (fields.integer, 1 << 31, "out of range"),
        (fields.optional_time, "now", "must be a time"),
        (fields.optional_time, False, "must be a time"),
        (fields.headers, None, "must be a list"),
        (fields.headers, b"a: 1", "must be a list"),
        (fields.headers, ((b"a",),), "list of pairs"),
        (fields.headers, (b"ab",), "list of pairs"),
        (fields.headers, ((b"a", b"1"), ("a", b"1")), "pairs of bytes"),
        (fields.optional_headers, b"", "must be a list"),
        (fields.substructure, None, "must be a dictionary"),
        (fields.optional_substructure, (), "must be a dictionary"),
    ],
)
def test_what_does_not_fit(
    read: Callable[[Structure, bytes], object], given: Value, said: str
) -> None:
    with pytest.raises(FieldError, match=f"'it'.*{said}"):
        read({b"it": given}, b"it")


@pytest.mark.parametrize(
    "given",
    [
        float("nan"),
        float("inf"),
        -1,
        253_402_300_800,
        pytest.param(10**400, id="huge"),
        pytest.param(-(10**400), id="minus huge"),
    ],
)
def test_a_number_that_is_no_time(given: float) -> None:
    with pytest.raises(TimeRangeError, match="'it'"):
        fields.optional_time({b"it": given}, b"it")


def test_what_is_missing() -> None:
    with pytest.raises(FieldError, match="'it' is missing"):
        fields.require({}, b"it")
