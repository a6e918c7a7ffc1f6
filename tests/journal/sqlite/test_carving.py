"""Rows are found in their pages, and only whole ones."""

from collections import Counter
from pathlib import Path

from replayd.journal.interface import Journal
from replayd.journal.sqlite.carving import Carved, carve
from replayd.journal.sqlite.pages import Pages
from tests.support.journals import enqueue, row


def carved(folder: Path) -> list[tuple[Carved | None, bool]]:
    pages = Pages(folder / "journal.db")
    try:
        return [each for number in range(1, pages.count + 1) for each in carve(pages, number)]
    finally:
        pages.close()


def tables(folder: Path) -> Counter[str]:
    return Counter(row.table if row else "damaged" for row, _ in carved(folder))


WHOLE = Counter(meta=21, prepared=12, event=11, replay=5, batch=4, file=2, cleared=1, answered=1)


def test_all_rows_are_found(lived_in: Path) -> None:
    assert tables(lived_in) == WHOLE


def test_a_row_goes_on_in_other_pages(stored: Journal, folder: Path) -> None:
    contents = [bytes([index]) * (1 << (2 * index)) for index in range(1, 9)]
    enqueue(stored, "b1", [row(i, request_content=each) for i, each in enumerate(contents)])
    stored.close()
    found = [each.values for each, _ in carved(folder) if each and each.table == "prepared"]
    assert sorted(values[4] for values in found) == sorted(contents)


def test_a_damaged_row_is_counted_and_the_others_are_read(lived_in: Path) -> None:
    log = lived_in / "journal.db-wal"
    data = bytearray(log.read_bytes())
    at = data.rindex(b"http://a.test/2")
    data[at] ^= 1
    log.write_bytes(data)
    found = tables(lived_in)
    assert found["damaged"] >= 1
    assert found["replay"] == 5


def test_a_page_that_is_none_is_damaged(lived_in: Path) -> None:
    log = lived_in / "journal.db-wal"
    data = bytearray(log.read_bytes())
    at = data.rindex(b"http://a.test/2") // 8216 * 8216 + 32 + 24
    data[at] = 0x77
    log.write_bytes(data)
    found = carved(lived_in)
    assert any(row is None for row, _ in found)
    assert {newest for _, newest in found} == {True, False}


def test_a_chain_of_pages_that_leads_nowhere_is_damage(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0, request_content=b"x" * 100_000)])
    stored.close()
    path = folder / "journal.db"
    path.write_bytes(path.read_bytes()[: -5 * 8192])
    found = tables(folder)
    assert (found["damaged"], found["prepared"]) == (1, 0)
