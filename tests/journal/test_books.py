"""Which batches there are: open ones, those to read on in, the totals."""

import pytest

from replayd.journal.batch import Batch
from replayd.journal.books import Books
from replayd.journal.line import Line
from replayd.journal.memory import MemoryStore
from replayd.journal.store import Figures, StoredBatch
from replayd.model.replay import Counts, ReplayState


def stored(number: int, count: int = 1) -> StoredBatch:
    figures = Figures(number, 0, 0, 0, 0, 0, 0)
    return StoredBatch(number, f"b{number}", number, "", count, 0, count - 1, figures)


def books(line: Line | None = None) -> Books:
    return Books(MemoryStore().load(), line or Line())


def read(batch: Batch) -> None:
    """Reads all that there is of a batch, as the reading ahead does."""
    for index in range(batch.next_index, batch.last + 1):
        batch.opened(index)


def next_unread(line: Line) -> Batch | None:
    return line.to_read(1, lambda _batch, _limit: 1)


def run(made: Books, batch: Batch, index: int) -> None:
    made.start(batch)
    made.end(batch, [index], {ReplayState.SUCCEEDED: 1})


def test_an_open_batch_is_live_until_it_is_closed() -> None:
    made = books()
    batch = made.open(stored(1))
    made.extend(batch, stored(1, 2))
    read(batch)
    for index in range(2):
        run(made, batch, index)
    assert made.live == {"b1": batch}
    assert made.total.counts() == Counts(succeeded=2, open_batches=1)
    made.close(batch)
    made.close(batch)
    assert made.live == {}
    assert made.total.counts() == made.counts("b1") == Counts(succeeded=2)


@pytest.mark.parametrize("strict_order", [True, False])
def test_an_open_batch_is_read_before_those_behind_it(strict_order: bool) -> None:
    line = Line(strict_order=strict_order)
    made = books(line)
    first = made.open(stored(1))
    made.accept(stored(2))
    second = made.live["b2"]
    assert next_unread(line) is first
    read(first)
    assert next_unread(line) is (None if strict_order else second)
    made.extend(first, stored(1, 2))
    assert next_unread(line) is first
    read(first)
    made.close(first)
    assert next_unread(line) is second


def test_only_in_strict_order_an_open_batch_holds_others_up() -> None:
    for strict_order in (True, False):
        made = books(Line(strict_order=strict_order))
        batch = made.open(stored(1))
        read(batch)
        run(made, batch, 0)
        assert not made.holds_up("b1")
        made.accept(stored(2))
        assert made.holds_up("b1") is strict_order
        assert not made.holds_up("b2")


def test_batches_that_began_are_known_in_that_order() -> None:
    made = books()
    for number in (1, 2, 3):
        made.accept(stored(number))
    third, first = made.live["b3"], made.live["b1"]
    made.begin(third, 7)
    made.begin(first, 9)
    made.begin(third, 11)
    assert [(batch.batch_id, batch.begin) for batch in made.begun] == [("b3", 8), ("b1", 10)]
    run(made, third, 0)
    assert list(made.begun) == [first]
