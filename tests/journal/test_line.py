"""Whose turn it is, and of which batch to read on."""

from replayd.journal.batch import Batch
from replayd.journal.line import Line
from replayd.journal.store import Figures, StoredBatch


def batch(number: int, *, ready: int = 0, unread: int = 0) -> Batch:
    """One of which so many are ready, and so many were not read yet."""
    figures = Figures(number, ready, 0, 0, 0, 0, 0)
    count = ready + unread
    made = Batch(StoredBatch(number, f"b{number}", number, "", count, 0, count - 1, figures))
    made.ready = [(index, (number, f"{index}")) for index in range(ready)]
    return made


def line(*batches: Batch, strict_order: bool = True) -> Line:
    return line_of(Line(strict_order=strict_order), *batches)


def line_of(made: Line, *batches: Batch) -> Line:
    """Has batches enter a line."""
    for each in batches:
        made.enter(each)
        made.enter_unread(each)
    return made


def to_read(line: Line, limit: int = 1, room: int = 1) -> Batch | None:
    return line.to_read(limit, lambda _batch, _limit: room)


def turns(line: Line) -> list[int]:
    """Takes everything that is ready; returns the batches' numbers."""
    taken = []
    while (batch := line.first()) is not None:
        batch.ready.pop()
        line.served(batch)
        taken.append(batch.number)
    return taken


def test_batches_have_their_turn_by_rank() -> None:
    assert turns(line(batch(2, ready=2), batch(1, ready=1), batch(3, ready=1))) == [1, 2, 2, 3]


def test_a_batch_comes_again_when_it_has_something_ready_again() -> None:
    one, two = batch(1, ready=1), batch(2, ready=2)
    made = line(one, two)
    assert made.first() is one
    one.ready.clear()
    assert made.first() is two
    one.ready.append((0, (1, "")))
    made.enter(one)
    assert made.first() is one


def test_a_batch_that_is_moved_has_its_turn_where_it_stands_now() -> None:
    one, two, three = (batch(number, ready=1, unread=1) for number in (1, 2, 3))
    made = line(one, two, three)
    three.rank = 0
    made.move(three)
    assert [each.number for each in made.batches()] == [3, 1, 2]
    three.rank = 3
    made.move(three)
    three.rank = 0
    made.move(three)
    assert to_read(made, 2) is three
    assert turns(made) == [3, 1, 2]


def test_a_paused_batch_has_no_turn_until_it_goes_on() -> None:
    one, two = batch(1, ready=1, unread=1), batch(2, ready=1, unread=1)
    made = line(one, two)
    one.paused = True
    assert (made.first(), to_read(made, 2), list(made.batches())) == (two, two, [two])
    one.paused = False
    made.move(one)
    assert (made.first(), to_read(made, 2), list(made.batches())) == (one, one, [one, two])


def test_a_batch_is_read_on_when_too_few_are_ready_before_its_rest() -> None:
    one, two, three = batch(1, ready=2), batch(2, ready=1, unread=1), batch(3, ready=9)
    made = line(one, two, three)
    assert to_read(made, 3) is None
    assert to_read(made, 4) is two


def test_another_batch_is_read_on_when_the_first_has_no_room() -> None:
    one, two = batch(1, unread=1), batch(2, unread=1)
    made = line(one, two)
    assert made.to_read(1, lambda batch, _: batch is two) is two
    assert to_read(made, room=0) is None


def test_an_open_batch_holds_up_what_stands_behind_it_in_strict_order() -> None:
    one, two = batch(1, ready=1), batch(2, ready=1)
    two.tally.open_batches = 1
    three = batch(3, ready=1, unread=1)
    made = line(one, two, three)
    assert (turns(made), to_read(made)) == ([1, 2], None)
    assert made.holds_up(two)
    two.paused = True
    assert (made.first(), made.holds_up(two)) == (three, False)
    two.paused = False
    made.close(two)
    assert turns(made) == [3]


def test_an_open_batch_holds_up_nobody_where_order_is_not_strict() -> None:
    one, two = batch(1), batch(2, ready=1)
    one.tally.open_batches = 1
    made = line(one, two, strict_order=False)
    assert not made.holds_up(one)
    assert turns(made) == [2]
