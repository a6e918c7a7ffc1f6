"""A round follows from its seed and number."""

from tools.chaos.plan import FAULTS, plan


def test_a_seed_makes_the_same_plan_again() -> None:
    rounds = [plan(7, number, FAULTS) for number in range(200)]
    assert rounds == [plan(7, number, FAULTS) for number in range(200)]
    assert {each.end for each in rounds} == {"kill", "term"}
    assert {what for each in rounds for what in each.on_the_way} == {"client", "stop", "target"}


def test_only_what_is_asked_for_happens() -> None:
    rounds = [plan(7, number, ("kill", "stop")) for number in range(200)]
    assert {each.end for each in rounds} == {"kill"}
    assert {each.on_the_way for each in rounds} == {(), ("stop",)}
