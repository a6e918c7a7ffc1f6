"""When the replays of a batch are due."""

import pytest

from replayd.journal.pacing import NEVER, Pacing, pacing_for
from replayd.model.pace import Pace

S = 10**9
MS = 10**6


def started(pace: Pace, captured: list[int | None], now: int = 0) -> tuple[Pacing, list[int]]:
    """A schedule that has read these flows and starts; the times at which they are due."""
    pacing = Pacing(pace)
    positions = [pacing.read(each, ended=False) for each in captured]
    pacing.start(now)
    return pacing, [pacing.due(position) for position in positions]


def test_what_is_due_as_soon_as_possible_has_no_schedule() -> None:
    assert pacing_for(Pace()) is None
    assert pacing_for(Pace(rate=1)) is not None


def test_as_recorded_and_faster() -> None:
    captured: list[int | None] = [100 * S, 101 * S, 103 * S]
    assert started(Pace(speed=1), captured, 7)[1] == [7, S + 7, 3 * S + 7]
    assert started(Pace(speed=10), captured)[1] == [0, 100 * MS, 300 * MS]
    assert started(Pace(speed=0.5), captured)[1] == [0, 2 * S, 6 * S]


def test_nothing_is_rounded_to_an_earlier_time() -> None:
    assert started(Pace(speed=3), [0, 1, 2, 3])[1] == [0, 1, 1, 1]
    assert started(Pace(rate=3), [None] * 4)[1] == [0, 333_333_334, 666_666_667, S]


def test_an_even_rate_does_not_drift() -> None:
    due = started(Pace(rate=7), [None] * 70_001)[1]
    assert due[-1] == 10_000 * S


def test_flows_without_a_time_go_with_the_one_before() -> None:
    assert started(Pace(speed=1), [None, 5, None, 8, None])[1] == [0, 0, 0, 3, 3]


def test_flows_are_due_by_their_time_in_whatever_order_they_stand() -> None:
    assert started(Pace(speed=1), [50, 40, 70, 60, 80])[1] == [10, 0, 30, 20, 40]


def test_long_gaps_are_cut() -> None:
    pace = Pace(speed=2, max_gap=10)
    assert started(pace, [0, 4, 100, 102, 500])[1] == [0, 2, 7, 8, 13]
    # What began within such a gap, or before it, is found behind it.
    assert started(pace, [0, 4, 100, 50, 7, 2, 100])[1] == [0, 2, 7, 7, 4, 1, 7]


def test_each_repeat_begins_when_the_last_flow_of_the_one_before_is_due() -> None:
    pacing = Pacing(Pace(speed=1))
    reads = [(10, 0), (5, 0), (25, 0), (10, 1), (5, 1), (25, 1)]
    positions = [pacing.read(captured, repeat, ended=False) for captured, repeat in reads]
    pacing.start(0)
    assert [pacing.due(each) for each in positions] == [5, 0, 20, 25, 20, 40]


def test_what_goes_on_begins_with_the_last_flow_that_ran() -> None:
    pacing = Pacing(Pace(speed=1), resumed=True)
    assert pacing.wants_last
    pacing.read(100, ended=True)
    position = pacing.read(130, ended=False)
    pacing.read(120, ended=True)
    pacing.start(1000)
    assert pacing.due(position) == 1010


def test_lag_is_counted() -> None:
    pacing, _ = started(Pace(rate=1), [None, None])
    assert pacing.take(0, 5) == 5
    assert pacing.take(1, S + 1) == 1
    pacing.take(1, S + 2)
    pacing.put_back(2)
    assert (pacing.taken, pacing.total_lag, pacing.greatest_lag) == (2, 6, 5)


def test_it_is_told_when_the_lag_has_doubled() -> None:
    pacing, _ = started(Pace(rate=1), [None])
    lags = [S - 1, S, S + 1, 9 * S, 15 * S, 16 * S]
    assert [pacing.falls_behind(lag) for lag in lags] == [False, True, False, True, False, True]


def test_time_that_stands_still_moves_the_schedule() -> None:
    pacing, (_, due) = started(Pace(rate=1), [None, None])
    pacing.hold(True, 100)
    pacing.hold(True, 200)
    assert pacing.due(1) == NEVER
    pacing.hold(False, 350)
    pacing.hold(False, 400)
    assert pacing.due(1) == due + 250


@pytest.mark.parametrize(("rate", "due"), [(10, 5 * S + 100 * MS), (0.1, 15 * S)])
def test_another_rate_counts_from_what_was_taken_last(rate: float, due: int) -> None:
    before, _ = started(Pace(rate=1), [None] * 5)
    before.take(4, 5 * S)
    after = Pacing(Pace(rate=rate))
    after.follow(before)
    assert after.due(after.read(None, ended=False)) == due
