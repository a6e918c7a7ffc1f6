"""Fields, found as a lenient server would find them."""

import pytest

from replayd.formats import header_fields

FIELDS = ((b"A", b" 1 "), (b"b ", b"2"), (b"a", b"x, Y,,z"))


def test_fields_are_found_by_name() -> None:
    assert list(header_fields.values_of(FIELDS, b"a")) == [b"1", b"x, Y,,z"]
    assert header_fields.value_of(FIELDS, b"b") == b"2"
    assert header_fields.value_of(FIELDS, b"c") == b""
    assert header_fields.members_of(FIELDS, b"a") == [b"1", b"x", b"y", b"z"]
    assert header_fields.without(FIELDS, b"a") == FIELDS[1:2]


@pytest.mark.parametrize(
    ("values", "length"),
    [([], None), ([b"5"], 5), ([b" 5 "], 5), ([b"5", b"5"], 5), ([b"5, 5"], 5),
     ([b"5", b"6"], None),
     ([b"x"], None), ([b"-1"], None), ([b""], None), ([b"9" * 30], None)],
)  # fmt: skip
def test_a_length_is_one_number_or_none(values: list[bytes], length: int | None) -> None:
    fields = tuple((b"Content-LENGTH", value) for value in values)
    assert header_fields.content_length(fields) == length


def test_a_websocket_was_asked_for_and_opened() -> None:
    asked = ((b"upgrade", b"h2c, WebSocket"),)
    assert header_fields.is_websocket(asked, 101)
    assert not header_fields.is_websocket(asked, 200)
    assert not header_fields.is_websocket((), 101)
