"""Fair turns between clients."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from replayd.journal.turns import FairLine
from replayd.model.batch import Controls, Terms
from tests.journal.test_line import batch, line_of, to_read, turns
from tests.support.journals import NOW, drain, enqueue, row


@pytest.fixture(params=["memory", "sqlite"])
def fair(request: pytest.FixtureRequest, folder: Path) -> Iterator[Journal]:
    """A journal with fair turns."""
    memory = request.param == "memory"
    opened = open_memory(NOW, fair=True) if memory else open_sqlite(folder, NOW, fair=True)
    with closing(opened) as journal:
        yield journal


def order(journal: Journal) -> str:
    return " ".join(key.replay_id for key in drain(journal))


def queue(
    journal: Journal, batch_id: str, count: int, owner: str = "", label: str = "", priority: int = 0
) -> None:
    controls = Controls(owner=owner, priority=priority)
    rows = [row(index, "s") for index in range(count)]
    enqueue(journal, batch_id, rows, terms=Terms(label, controls=controls))


def test_a_small_batch_is_not_held_up_by_a_large_one(fair: Journal) -> None:
    queue(fair, "big", 4, "a")
    queue(fair, "small", 2, "b")
    assert order(fair) == "big.0 small.0 big.1 small.1 big.2 big.3"


def test_the_batches_of_one_client_come_one_after_the_other(fair: Journal) -> None:
    queue(fair, "a1", 2, "a")
    queue(fair, "a2", 1, "a")
    queue(fair, "b1", 2, "b")
    assert order(fair) == "a1.0 b1.0 a1.1 b1.1 a2.0"


def test_without_an_owner_a_label_tells_or_each_is_for_itself(fair: Journal) -> None:
    queue(fair, "x1", 1, label="x")
    queue(fair, "x2", 1, label="x")
    queue(fair, "n1", 2)
    queue(fair, "n2", 1)
    assert order(fair) == "x1.0 n1.0 n2.0 x2.0 n1.1"


def test_a_higher_priority_comes_before_all_turns(fair: Journal) -> None:
    queue(fair, "a1", 1, "a")
    queue(fair, "b1", 1, "b", priority=1)
    queue(fair, "c1", 2, "c", priority=1)
    assert order(fair) == "b1.0 c1.0 c1.1 a1.0"


def test_the_front_is_before_all_turns(fair: Journal) -> None:
    queue(fair, "a1", 2, "a")
    queue(fair, "b1", 2, "b")
    queue(fair, "c1", 1, "c")
    fair.set_priority("b1", None, NOW)
    fair.set_priority("c1", None, NOW)
    assert order(fair) == "c1.0 b1.0 b1.1 a1.0 a1.1"


def test_who_comes_later_stands_at_the_end(fair: Journal) -> None:
    queue(fair, "a1", 3, "a")
    queue(fair, "b1", 2, "b")
    (first,) = fair.take(1, NOW)
    queue(fair, "c1", 1, "c")
    assert [each.key.replay_id for each in fair.take(9, NOW)] == ["b1.0", "c1.0"]
    assert first.key.replay_id == "a1.0"


def test_a_paused_batch_has_no_turn(fair: Journal) -> None:
    queue(fair, "a1", 2, "a")
    queue(fair, "b1", 1, "b")
    fair.pause(True, NOW, "a1")
    assert order(fair) == "b1.0"
    fair.set_priority("a1", None, NOW)
    fair.pause(False, NOW, "a1")
    assert order(fair) == "a1.0 a1.1"


def test_an_open_batch_holds_up_its_own_client_alone(fair: Journal) -> None:
    mine = Terms(controls=Controls(owner="a"))
    fair.extend("a1", [row(0)], now=NOW, terms=mine)
    enqueue(fair, "a2", [row(0)], terms=mine)
    queue(fair, "b1", 1, "b")
    assert order(fair) == "a1.0 b1.0"
    assert fair.holds_up("a1")
    fair.set_priority("a1", 2, NOW)
    fair.accept("a1", now=NOW, answer=b"")
    assert order(fair) == "a2.0"


def test_each_client_has_its_share_ready() -> None:
    one, two = batch(1, ready=5), batch(2, unread=5)
    made = line_of(FairLine(), one, two)
    assert to_read(made, 1) is None
    assert to_read(made, 2) is two
    assert list(made.guess(4)) == [(one, 2)]
    assert (turns(made), made.first()) == ([1] * 5, None)
