"""Which replay may run next."""

import pytest

from replayd.journal.batch import Batch
from replayd.journal.line import Line
from replayd.journal.pacing import NEVER, Pacing
from replayd.journal.schedule import Entry, Schedule
from replayd.journal.store import Ahead, Figures, Prepared, StoredBatch, place_of, split_place
from replayd.model.pace import Pace


def batch(number: int = 1) -> Batch:
    figures = Figures(number, 0, 0, 0, 0, 0, 0)
    return Batch(StoredBatch(number, f"b{number}", number, "", 9, 0, 8, figures))


def entry(batch: Batch, index: int, session: str, **fields: object) -> Entry:
    ahead = Ahead(index, session, fields.get("idempotent", True), fields.get("attempt", 1), False)
    return Entry(place_of(batch.number, index), batch, ahead)


class Timed:
    """A schedule with a clock to set, of one batch that has a rate of one replay a second."""

    def __init__(self, sessions: str, *, strict_order: bool) -> None:
        self.now = 0
        line = Line(strict_order=strict_order)
        self.schedule = Schedule(line, strict_order=strict_order, clock=lambda: self.now)
        self.pacing = Pacing(Pace(rate=1))
        self.batch = batch()
        self.batch.pacing = self.pacing
        for index, session in enumerate(sessions):
            self.add(index, session)

    def add(self, index: int, session: str) -> None:
        made = entry(self.batch, index, session)
        made.position = self.pacing.read(None, ended=False)
        self.schedule.add(made)

    def at(self, seconds: float, limit: int = 9) -> list[int]:
        """What is taken then."""
        self.now = int(seconds * 1e9)
        return pop(self.schedule, limit)


def schedule(sessions: str, of: Batch | None = None) -> Schedule:
    """One replay a letter, of the session with this name."""
    made = Schedule(Line())
    of = of or batch()
    for index, session in enumerate(sessions):
        made.add(entry(of, index, session))
    return made


def pop(schedule: Schedule, limit: int = 1) -> list[int]:
    return [each.key.flow_index for each in schedule.pop(limit)]


def test_ready_is_one_a_session() -> None:
    made = schedule("aabac")
    assert pop(made, 9) == [0, 2, 4]
    made.free((1, "a"))
    assert pop(made, 9) == [1]


def test_what_only_waits_has_little_of_its_own() -> None:
    made = Schedule(Line())
    one = batch()
    first, second = (entry(one, index, "".join(["long", "name"])) for index in range(2))
    made.add(first)
    made.add(second)
    assert second.session is first.session
    assert not hasattr(second, "key")


def test_a_freed_session_takes_its_turn_by_age() -> None:
    made = schedule("abab")
    assert pop(made, 2) == [0, 1]
    made.free((1, "b"))
    made.free((1, "a"))
    assert pop(made, 2) == [2, 3]


def test_a_busy_session_is_not_ready_when_more_is_added() -> None:
    one = batch()
    made = schedule("a", one)
    pop(made)
    made.add(entry(one, 1, "a"))
    assert pop(made) == []
    assert made.free((1, "a"))
    assert pop(made) == [1]
    assert not made.free((1, "a"))


def test_put_back_is_as_before() -> None:
    made = schedule("aab")
    taken = made.pop(2)
    for each in taken:
        made.put_back(each)
    assert taken[0].batch.ahead == 3
    assert pop(made, 9) == [0, 2]


def test_batches_come_one_after_the_other() -> None:
    made = Schedule(Line())
    for number in (2, 1):
        one = batch(number)
        for index in range(3):
            made.add(entry(one, index, f"{index}"))
    taken = made.pop(4)
    assert [each.key.replay_id for each in taken] == ["b1.0", "b1.1", "b1.2", "b2.0"]


def test_drop_forgets_what_waits_and_keeps_what_is_busy() -> None:
    one, two = batch(1), batch(2)
    made = schedule("aab", one)
    made.add(entry(two, 0, "a"))
    assert pop(made) == [0]
    made.drop(one)
    assert [each.key.batch_id for each in made.pop(9)] == ["b2"]
    made.free((1, "a"))
    assert (one.ahead, two.ahead, made.entries) == (0, 0, {})
    made.free((2, "a"))


def test_what_sending_takes_is_kept_and_measured() -> None:
    made = schedule("ab")
    made.prepare(Prepared(place_of(1, 1), b"plan", b"content"))
    made.prepare(Prepared(place_of(1, 9), b"plan", b"of nobody"))
    assert made.prepared_bytes == 11
    first, second = made.pop(2)
    assert first.prepared is None
    assert second.prepared is not None
    assert made.prepared_bytes == 0
    assert second.replay(second.prepared).request_content == b"content"
    made.put_back(second)
    assert made.prepared_bytes == 11


def likely(made: Schedule, begun: list[str], limit: int) -> list[int]:
    keys = [(1, session) for session in begun]
    return [split_place(each.place)[1] for each in made.likely_next(keys, limit)]


def test_likely_next_are_the_followers_and_the_oldest_ready() -> None:
    made = schedule("aaabcd")
    assert pop(made) == [0]
    assert likely(made, ["a"], 3) == [1, 3, 4]
    assert likely(made, ["a"], 9) == [1, 3, 4, 5, 2]


def test_likely_next_are_the_oldest_ready_ones() -> None:
    made = schedule("".join(chr(ord("A") + index % 50) for index in range(500)))
    for _ in range(30):
        taken = made.pop(7)
        for each in reversed(taken):
            made.free(each.session)
    guessed = likely(made, [], 10)
    assert guessed == pop(made, 10)


def test_likely_next_leaves_out_what_needs_an_intent_of_its_own() -> None:
    made = Schedule(Line())
    one = batch()
    made.add(entry(one, 0, "a", idempotent=False))
    made.add(entry(one, 1, "a"))
    made.add(entry(one, 2, "b", attempt=2))
    assert likely(made, ["a", "gone"], 9) == [1]


@pytest.mark.parametrize("strict_order", [True, False])
def test_nothing_is_taken_before_it_is_due(strict_order: bool) -> None:
    made = Timed("abc", strict_order=strict_order)
    assert made.at(5) == [0]
    assert made.schedule.next_due == 6 * 10**9
    assert made.at(5.999_999_999) == []
    assert made.at(6) == [1]
    assert made.at(100) == [2]
    assert made.schedule.next_due == NEVER


def test_in_strict_order_others_wait_with_what_is_not_due() -> None:
    made = Timed("ab", strict_order=True)
    made.schedule.add(entry(batch(2), 0, "other"))
    assert made.at(0) == [0]
    assert made.at(0.5) == []
    assert made.at(1) == [1, 0]


def test_others_overtake_what_is_not_due() -> None:
    made = Timed("ab", strict_order=False)
    made.schedule.add(entry(batch(2), 7, "other"))
    assert made.at(0) == [0, 7]
    assert made.at(1) == [1]


def test_a_late_session_keeps_its_order_and_its_schedule() -> None:
    made = Timed("aab", strict_order=False)
    assert made.at(0) == [0]
    assert made.at(3) == [2]
    made.schedule.free((1, "a"))
    made.schedule.free((1, "b"))
    (late,) = made.schedule.pop(9)
    assert (late.key.flow_index, late.lag) == (1, 2 * 10**9)


def test_a_schedule_begins_when_it_is_its_turn() -> None:
    made = Timed("", strict_order=False)
    made.schedule.add(entry(batch(0), 5, "other"))
    made.add(6, "a")
    made.add(7, "b")
    assert made.at(3, limit=1) == [5]
    assert made.at(8) == [6]
    assert made.schedule.next_due == 9 * 10**9


def test_what_waits_for_its_time_is_put_back_dropped_and_held() -> None:
    made = Timed("abc", strict_order=False)
    (taken,) = made.schedule.pop(1)
    made.schedule.put_back(taken)
    assert made.at(0) == [0]
    made.schedule.hold(True, [made.batch])
    assert made.at(1) == []
    assert made.schedule.next_due == NEVER
    made.schedule.hold(False, [made.batch])
    assert made.at(1) == []
    assert made.at(2) == [1]
    made.schedule.drop(made.batch)
    assert made.at(9) == []
    assert (made.schedule.next_due, made.batch.ahead) == (NEVER, 0)


def test_what_waits_for_its_time_is_removed_one_by_one() -> None:
    made = Timed("abbc", strict_order=False)
    assert made.at(0) == [0]
    made.schedule.remove([place_of(1, 1), place_of(1, 3)])
    assert made.at(1.5) == []
    assert made.at(2) == [2]


def test_likely_next_are_those_that_wait_for_their_time_too() -> None:
    made = Timed("abc", strict_order=False)
    assert made.at(0) == [0]
    assert likely(made.schedule, [], 9) == [1, 2]
