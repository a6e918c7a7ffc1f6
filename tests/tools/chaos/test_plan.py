"""A round follows from its seed and number."""

from tools.chaos.failpoints import ALL, AT_START
from tools.chaos.plan import FAULTS, at_each_failpoint, plan


def test_a_seed_makes_the_same_plan_again() -> None:
    rounds = [plan(7, number, FAULTS) for number in range(200)]
    assert rounds == [plan(7, number, FAULTS) for number in range(200)]
    assert {each.end for each in rounds} == {"kill", "failpoint", "term"}
    assert {what for each in rounds for what in each.on_the_way} == set(FAULTS[3:])


def test_only_what_is_asked_for_happens() -> None:
    rounds = [plan(7, number, ("kill", "stop")) for number in range(200)]
    assert {each.end for each in rounds} == {"kill"}
    assert {each.on_the_way for each in rounds} == {(), ("stop",)}
    assert {each.failpoint for each in rounds} == {""}


def test_a_failpoint_ends_a_life_that_nothing_else_has_interrupted() -> None:
    rounds = [plan(7, number, ("failpoint",)) for number in range(200)]
    assert all(each.failpoint in ALL for each in rounds)
    assert "pause" not in {each.rest for each in rounds}


def test_each_failpoint_has_its_turn() -> None:
    rounds = [at_each_failpoint(7, number) for number in range(len(ALL))]
    assert [each.failpoint for each in rounds] == list(ALL)
    assert {each.passing for each in rounds if each.failpoint in AT_START} == {1}
    assert max(each.passing for each in rounds) > 2
