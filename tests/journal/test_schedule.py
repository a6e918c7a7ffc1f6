"""Which replay may run next."""

from replayd.journal.batch import Batch
from replayd.journal.line import Line
from replayd.journal.schedule import Entry, Schedule
from replayd.journal.store import Ahead, Figures, Prepared, StoredBatch, place_of, split_place


def batch(number: int = 1) -> Batch:
    figures = Figures(number, 0, 0, 0, 0, 0, 0)
    return Batch(StoredBatch(number, f"b{number}", number, "", 9, 0, 8, figures))


def entry(batch: Batch, index: int, session: str, **fields: object) -> Entry:
    ahead = Ahead(index, session, fields.get("idempotent", True), fields.get("attempt", 1), False)
    return Entry(place_of(batch.number, index), batch, ahead)


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
