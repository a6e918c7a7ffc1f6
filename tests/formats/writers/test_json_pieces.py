"""JSON in pieces is the JSON that one would have made at once."""

import base64
import json

import pytest

from replayd.formats.writers import json_pieces as writer
from replayd.formats.writers.json_pieces import (
    Base64,
    LongList,
    LongText,
    Value,
    is_text,
    json_pieces,
)


def made(value: Value) -> object:
    return json.loads(b"".join(json_pieces(value)))


@pytest.mark.parametrize(
    "value", [None, True, 3, -1.5, "é\n\u2028", [], {}, {"a": {"b": ["c", {"d": None}]}}]
)
def test_values(value: Value) -> None:
    assert made(value) == value


def test_bytes_that_are_no_text_survive() -> None:
    text = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert b"".join(json_pieces(text)) == b'"caf\\udce9"'
    assert made(text) == text


@pytest.mark.parametrize("step", [3, 192 * 1024])
def test_contents(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(writer, "_STEP", step)
    text = 'a"\\\n\té日🐵'
    data = bytes(range(256))
    assert is_text(text.encode())
    found = made({"text": LongText(text.encode()), "data": Base64(data)})
    assert found == {"text": text, "data": base64.b64encode(data).decode()}


def test_a_list_may_hold_long_texts() -> None:
    assert made(LongList([])) == []
    assert made(LongList([{"a": LongText(b"b")}, 1, LongList([Base64(b"c")])])) == [
        {"a": "b"},
        1,
        ["Yw=="],
    ]


def test_a_large_content_is_never_made_at_once() -> None:
    assert max(map(len, json_pieces(Base64(bytes(5 << 20))))) < 1 << 20


@pytest.mark.parametrize("data", [b"\x00", b"a\x1b[0m", b"\xff", "é".encode()[:1], b"\x7f"])
def test_what_is_no_text(data: bytes) -> None:
    assert not is_text(data)


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        list(json_pieces(float("nan")))
