"""A batch's flows, outcomes and contents are checked, and its books."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journal.sqlite.test_check import check

FIRST = "place & 0xffffffff = 0"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE prepared SET plan = x'00'", "batch 1, flow 2: the request: its checksum is"),
        ("UPDATE prepared SET flow = x'00'", "batch 1, flow 0: what was captured: its checksum"),
        ("UPDATE replay SET attempt = 7", "batch 1, flow 0: the outcome: its checksum is wrong"),
        ("DELETE FROM file WHERE part = 'response'", "batch 1, flow 2: the response content: a"),
        ("UPDATE file SET size = 7", "batch 1, flow 2: the request content: the name of"),
        (
            "DELETE FROM event WHERE sequence = 2",
            "batch 1, flow 0: event 2, which ended it, is missing",
        ),
        (f"DELETE FROM replay WHERE {FIRST}", "batch 1, flow 0: its outcome is missing"),
        (f"DELETE FROM replay WHERE {FIRST}", "batch ended: 1 of its flows are SUCCEEDED, not 2"),
        ("DELETE FROM prepared WHERE place & 0xffffffff = 1", "batch waits: it has 2 flows of 3"),
        ("UPDATE batch SET label = 'other'", "batch 1: the batch 'ended' (number 1)"),
        ("DELETE FROM cleared", "batch cleared: 0 of its flows are CLEARED, not 2"),
        ("UPDATE cleared SET last = 7", "batch 3: what was cleared of batch number 3"),
        (
            "UPDATE prepared SET place = place + 5 WHERE place & 0xffffffff = 2",
            "batch waits: its flows are 0 to 7, not 0 to 2",
        ),
    ],
)
def test_what_is_damaged_is_found(
    lived_in: Path, harm: Callable[[str], None], statement: str, found: str
) -> None:
    harm(statement)
    assert [each for each in check(lived_in) if each.startswith(found)], check(lived_in)


def test_a_damaged_file_is_found(lived_in: Path) -> None:
    for path in (lived_in / "blobs").iterdir():
        data = bytearray(path.read_bytes())
        data[299_000] ^= 1
        path.write_bytes(data)
    found = check(lived_in)
    assert len(found) == 2
    assert all("content:" in each and "is damaged at byte 262144" in each for each in found)
