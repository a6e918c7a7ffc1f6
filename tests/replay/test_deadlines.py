"""Who is late: each keeps its own deadline, and all are looked at only when one may be."""

from dataclasses import dataclass

from replayd.replay.deadlines import NEVER, Deadlines


@dataclass
class Waiting:
    name: str
    deadline: int


def test_nobody_is_late_before_the_earliest_deadline() -> None:
    deadlines, ann, bob = Deadlines(), Waiting("ann", 10), Waiting("bob", 20)
    deadlines.announce(20)
    deadlines.announce(10)
    assert deadlines.next == 10
    assert list(deadlines.due([ann, bob], 9)) == []
    assert list(deadlines.due([ann, bob], 10)) == [ann]
    assert deadlines.next == 20
    assert list(deadlines.due([bob], 25)) == [bob]
    assert deadlines.next == NEVER


def test_one_that_moved_later_is_not_late() -> None:
    deadlines, ann = Deadlines(), Waiting("ann", 10)
    deadlines.announce(10)
    ann.deadline = 30
    assert list(deadlines.due([ann], 15)) == []
    assert deadlines.next == 30


def test_one_that_ended_is_forgotten() -> None:
    deadlines = Deadlines()
    deadlines.announce(10)
    assert list(deadlines.due([], 10)) == []
    assert deadlines.next == NEVER


def test_one_that_another_moved_on_meanwhile_is_not_late() -> None:
    deadlines, ann, bob = Deadlines(), Waiting("ann", 10), Waiting("bob", 10)
    deadlines.announce(10)
    late = []
    for each in deadlines.due([ann, bob], 10):
        late.append(each)
        bob.deadline = 30
    assert late == [ann]
