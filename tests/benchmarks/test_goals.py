import pytest

from benchmarks.contenders import BESIDE
from benchmarks.figures import Spread
from benchmarks.goals import (
    GOALS,
    IDEAL,
    IDLE_MEMORY,
    OURS,
    Goal,
    figure,
    verdicts,
)
from benchmarks.workloads import ALL, GET_32, SLOW

AT_LEAST = Goal("fast enough", "ours", 2.0, "theirs")
AT_MOST = Goal("small enough", "size", 10.0, at_most=True)


@pytest.mark.parametrize(
    ("goal", "values", "met"),
    [
        (AT_LEAST, {"ours": 4.0, "theirs": 2.0}, True),
        (AT_LEAST, {"ours": 3.9, "theirs": 2.0}, False),
        (AT_MOST, {"size": 10.0}, True),
        (AT_MOST, {"size": 10.1}, False),
    ],
)
def test_a_goal_is_met_at_its_limit(goal: Goal, values: dict[str, float], met: bool) -> None:
    (verdict,) = verdicts([values], [goal])
    assert verdict.met is met


def test_the_median_of_the_rounds_ratios_decides() -> None:
    rounds = [{"ours": ours, "theirs": 1.0} for ours in (1.0, 2.5, 9.0)]
    (verdict,) = verdicts(rounds, [AT_LEAST])
    assert (verdict.reached, verdict.met) == (Spread(2.5, 1.0, 9.0), True)


def test_a_goal_without_its_peer_is_not_judged() -> None:
    (verdict,) = verdicts([{"ours": 4.0}], [AT_LEAST])
    assert (verdict.reached, verdict.met) == (None, None)


def test_every_peer_of_a_goal_is_run_beside_its_workload() -> None:
    run = {figure(workload, name) for workload, beside in BESIDE.items() for name in beside}
    run |= {figure(workload, OURS) for workload in BESIDE}
    run |= {figure(workload, IDEAL) for workload in BESIDE if workload.answer == SLOW}
    titles = tuple(workload.title for workload in ALL)
    wanted = {goal.against for goal in GOALS if goal.against.startswith(titles)}
    own = {name for name in wanted if name.startswith(f"{GET_32.title}: {OURS}, ")}
    assert wanted - own <= run


def test_memory_and_times_are_to_be_small() -> None:
    assert [goal.at_most for goal in GOALS if goal.figure == IDLE_MEMORY] == [True]
