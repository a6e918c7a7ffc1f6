"""What changes with every answer, in values."""

import re

import pytest

from replayd.comparing.volatile import is_id, is_moment, masked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("id 7b1c6b1e-1111-4222-8333-94a94a94a94a.", "id 00000000-0000-4000-8000-000000000000."),
        ("2026-11-23 16:00:00", "2025-01-01T00:00:00.5Z"),
        ("at Mon, 23 Nov 2026 16:00:00 GMT", "at Tue, 01 Jan 2030 01:02:03 GMT"),
        ("Mon Nov 23 16:00:00 2026", "Tue Dec  1 01:00:00 2026"),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"),
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-" + "c" * 32 + "-" + "d" * 16 + "-00"),
        ('<script nonce="abc">', '<script nonce="xyz">'),
        (
            '<input type="hidden" name="csrf_token" value="aaa">',
            '<input type="hidden" name="csrf_token" value="bbb">',
        ),
        ('<meta name="csrf-token" content="aaa">', '<meta name="csrf-token" content="bbb">'),
    ],
)
def test_two_of_a_kind_look_the_same(one: str, other: str) -> None:
    assert masked(one) == masked(other)
    assert masked(one, volatile=False) != masked(other, volatile=False)


def test_two_of_different_kinds_do_not() -> None:
    uuid = "7b1c6b1e-1111-4222-8333-94a94a94a94a"
    assert len({masked(text) for text in (uuid, "2026-11-23T16:00:00Z", "none")}) == 3


def test_what_is_no_moment_stays() -> None:
    for text in ("2026-11-23", "12:30:00", "1.2.3-4", "deadbeef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
        assert masked(text) == text


def test_patterns_come_first() -> None:
    assert masked("build 17", [re.compile(r"\d+")]) == masked("build 18", [re.compile(r"\d+")])


@pytest.mark.parametrize("key", ["requestId", "request_id", "X-Request-Id", "traceID", "csrfToken"])
def test_keys_of_ids(key: str) -> None:
    assert is_id(key)


@pytest.mark.parametrize("key", ["id", "orderId", "identity", ""])
def test_keys_of_other_things(key: str) -> None:
    assert not is_id(key)


@pytest.mark.parametrize("key", ["timestamp", "created_at", "updatedAt", "exp", "time_ms", "ts"])
def test_moments(key: str) -> None:
    assert is_moment(key, 1_700_000_000)
    assert is_moment(key, 1_700_000_000_123_456_789)
    assert not is_moment(key, 42)
    assert not is_moment(key, "1700000000")


@pytest.mark.parametrize("key", ["amount", "format", "station", "contents", "id"])
def test_numbers_of_other_keys_are_none(key: str) -> None:
    assert not is_moment(key, 1_700_000_000)
