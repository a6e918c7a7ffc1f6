"""Checksums notice every flip, and values that move or change their type."""

from typing import Any

import pytest

from replayd.journal.sqlite.checksum import (
    MISPLACED,
    checksum,
    damaged,
    event_checksum,
    flow_checksum,
    outcome_checksum,
    prepared_checksum,
    replay_checksum,
)

VALUES = (1, "session", True, b"plan", b"content")


def test_equal_values_have_equal_checksums() -> None:
    assert checksum(*VALUES) == checksum(*VALUES)


@pytest.mark.parametrize(
    "other",
    [
        (2, "session", True, b"plan", b"content"),
        (1, "session", True, b"planc", b"ontent"),
        (1, "session", True, b"content", b"plan"),
        (1, "session", True, b"plan", None),
        (1, "session", True, b"plan", "content"),
        (1, b"session", True, b"plan", b"content"),
    ],
)
def test_other_values_have_another(other: tuple[object, ...]) -> None:
    assert checksum(*other) != checksum(*VALUES)


def test_every_flipped_bit_is_noticed() -> None:
    data = bytes(range(64))
    flipped = {
        checksum(1, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
        for at in range(64)
        for bit in range(8)
    }
    assert len(flipped) == 512
    assert checksum(1, data) not in flipped


def test_damage_names_the_file_and_what_to_do() -> None:
    assert "event 3 in /x is damaged" in damaged("/x", "event 3").message
    assert "replayd journal check" in damaged("/x", "event 3").message


@pytest.mark.parametrize("content", [b"", b"content", None])
def test_a_row_has_the_same_checksum_the_short_way(content: bytes | None) -> None:
    columns = (1 << 32 | 7, 3, 1, 99, content)
    assert replay_checksum(*columns) == checksum(*columns)
    for session in ("s", "it's", "\ud800", b"damaged", None):
        for idempotent in (1, None, "damaged"):
            for plan in (b"plan", b""):
                row: Any = (7, session, idempotent, plan, content)
                assert prepared_checksum(*row) == checksum(*row)


def test_an_event_has_the_same_checksum_the_short_way() -> None:
    for kind, batch_id, body in ((1, "b1", b"body"), (4, "", b""), (1, "b1", b"other")):
        assert event_checksum(kind, batch_id, body) == checksum(kind, batch_id, body)


def test_a_flow_has_the_same_checksum_the_short_way() -> None:
    for flow in (b"flow", b"", "damaged", None):
        for content in (b"content", b"", "damaged", None):
            assert flow_checksum(7, flow, content) == checksum(7, flow, content)


def test_a_row_of_the_other_table_has_no_checksum() -> None:
    """Both have as many columns, and swapped pages put the one in the place of the other."""
    assert prepared_checksum(7, 3, 1, 99, b"content") == MISPLACED
    assert outcome_checksum(7, "session", 1, b"plan", b"content") == MISPLACED
    assert outcome_checksum(7, 3, 1, 99, b"content") == checksum(7, 3, 1, 99, b"content")
