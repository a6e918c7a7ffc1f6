"""Counts, cursors and the ranges of what is queued."""

import pytest

from replayd.journal.batch import Batch, Tally
from replayd.journal.store import ClearedRange, Figures, StoredBatch, place_of
from replayd.model.replay import Counts, ReplayState


def batch(count: int = 10, cursor: int = 0, cleared: tuple[tuple[int, int], ...] = ()) -> Batch:
    figures = Figures(1, cursor, 0, 0, 0, 0, 0)
    return Batch(StoredBatch(1, "b1", 4, "", count, 0, count - 1, figures, cleared))


def read(made: Batch, *indices: int) -> None:
    for index in indices:
        made.opened(index)


def queued(made: Batch, waiting: list[int], ended: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    places = {place_of(1, index) for index in waiting}
    found = made.queued_ranges(places, ended)
    assert all(isinstance(each, ClearedRange) and each.number == 1 for each in found)
    return [(each.first, each.last) for each in found]


def test_queued_is_what_remains() -> None:
    tally = Tally(10, {ReplayState.FAILED: 2, ReplayState.CLEARED: 1})
    tally.running = 3
    assert tally.counts() == Counts(queued=4, running=3, failed=2, cleared=1)


def test_the_cursor_follows_the_first_without_outcome() -> None:
    made = batch()
    assert made.cursor == 0
    read(made, 0, 2, 5)
    assert (made.cursor, made.next_index) == (0, 6)
    made.end([2], {ReplayState.FAILED: 1})
    assert made.cursor == 0
    made.end([0], {ReplayState.SUCCEEDED: 1})
    assert made.cursor == 5
    made.end([5], {ReplayState.SUCCEEDED: 1})
    assert made.cursor == 6


def test_figures_add_what_a_commit_ends() -> None:
    made = batch()
    read(made, 0, 1)
    made.end([0], {ReplayState.SUCCEEDED: 1})
    figures = made.figures({ReplayState.SUCCEEDED: 2, ReplayState.KILLED: 1})
    assert figures == Figures(1, 1, 3, 0, 1, 0, 0)


def test_queued_ranges_of_what_was_not_read() -> None:
    assert queued(batch(), []) == [(0, 9)]
    assert queued(batch(cursor=4), []) == [(4, 9)]
    assert queued(batch(), [], ended=(0, 3, 9)) == [(1, 2), (4, 8)]


def test_queued_ranges_leave_out_what_runs() -> None:
    made = batch()
    read(made, 0, 1, 2, 3, 4)
    assert queued(made, [1, 2, 4]) == [(1, 2), (4, 9)]
    assert queued(made, []) == [(5, 9)]
    assert queued(made, [0, 1, 2, 3, 4]) == [(0, 9)]


def test_queued_ranges_leave_out_what_was_passed_over() -> None:
    made = batch(cleared=((2, 3), (7, 9)))
    read(made, 0, 1)
    made.skip_cleared()
    assert (made.next_index, made.next_cleared) == (4, 6)
    assert queued(made, [0, 1]) == [(0, 1), (4, 6)]
    read(made, 4)
    made.opened(5, ended=True)
    assert queued(made, [0, 1, 4]) == [(0, 1), (4, 4), (6, 6)]


@pytest.mark.parametrize(
    ("cursor", "next_index", "next_cleared"),
    [(0, 0, 1), (1, 1, 1), (2, 5, 7), (4, 5, 7), (5, 5, 7), (8, 10, 9), (9, 10, 9)],
)
def test_cleared_ranges_are_not_read(cursor: int, next_index: int, next_cleared: int) -> None:
    made = batch(cursor=cursor, cleared=((2, 4), (8, 9)))
    made.skip_cleared()
    assert (made.next_index, made.next_cleared) == (next_index, next_cleared)


def test_clear_leaves_what_runs() -> None:
    made = batch()
    read(made, 0, 1, 2)
    made.tally.running = 1
    made.clear({place_of(1, 0), place_of(1, 2)}, [ClearedRange(1, 0, 0), ClearedRange(1, 2, 9)])
    assert made.tally.counts() == Counts(running=1, cleared=9)
    assert (made.cursor, made.read_so_far) == (1, True)
    made.end([1], {ReplayState.SUCCEEDED: 1})
    assert made.finished


def test_what_was_cleared_is_not_cleared_again() -> None:
    made = batch()
    read(made, 0, 1, 2)
    made.clear({place_of(1, 0), place_of(1, 2)}, [ClearedRange(1, 0, 0), ClearedRange(1, 2, 9)])
    # What ran could not be begun and waits once more.
    assert queued(made, [1]) == [(1, 1)]


def test_ranges_cleared_side_by_side_are_not_read() -> None:
    made = batch(cursor=2, cleared=((0, 3), (4, 4), (5, 6), (8, 9)))
    made.skip_cleared()
    assert (made.next_index, made.next_cleared) == (7, 7)
