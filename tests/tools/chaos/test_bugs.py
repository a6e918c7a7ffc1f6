"""Every bug has its place in the daemon, and breaks something that is looked for.

That chaos finds them is `make chaos-controls`; some of it in tests/system/test_make_chaos.py.
"""

import pytest

from tools.chaos.bugs import BUGS
from tools.chaos.control import Control
from tools.chaos.findings import KINDS
from tools.chaos.once_more import OnceMore
from tools.chaos.steering import Steering


def test_there_are_enough() -> None:
    assert len(BUGS) >= 15


@pytest.mark.parametrize("name", BUGS)
def test_it_has_its_place(name: str) -> None:
    bug = BUGS[name]
    assert bug.kinds
    assert bug.kinds <= KINDS.keys()
    assert callable(bug.make(bug.place.find()[1]))


def test_clients_do_what_they_are_to_do_often() -> None:
    often = {bug.habits.often for bug in BUGS.values() if bug.habits.often}
    assert often
    assert often <= {name for kind in (Control, OnceMore, Steering) for name in vars(kind)}


def test_every_promise_is_broken_by_one() -> None:
    broken = frozenset[str]().union(*(bug.kinds for bug in BUGS.values()))
    assert broken | {"daemon"} == KINDS.keys()
