"""Which replay may run next."""

from replayd.journal.batch import Batch
from replayd.journal.schedule import Entry, Schedule
from replayd.journal.store import Ahead, Figures, Prepared, StoredBatch, place_of, split_place


def entry(index: int, session: str, *, number: int = 1, **fields: object) -> Entry:
    ahead = Ahead(index, session, fields.get("idempotent", True), fields.get("attempt", 1), False)
    place = place_of(number, index)
    figures = Figures(number, 0, 0, 0, 0, 0, 0)
    batch = Batch(StoredBatch(number, f"b{number}", number, "", 9, 0, 8, figures))
    return Entry(place, place, batch, ahead)


def schedule(sessions: str, number: int = 1) -> Schedule:
    """One replay a letter, of the session with this name."""
    made = Schedule()
    for index, session in enumerate(sessions):
        made.add(entry(index, session, number=number))
    return made


def pop(schedule: Schedule, limit: int = 1) -> list[int]:
    return [each.key.flow_index for each in schedule.pop(limit)]


def test_ready_is_one_a_session() -> None:
    made = schedule("aabac")
    assert made.ready == 3
    assert pop(made, 9) == [0, 2, 4]
    assert made.ready == 0
    made.free((1, "a"))
    assert (made.ready, pop(made)) == (1, [1])


def test_what_only_waits_has_little_of_its_own() -> None:
    made = Schedule()
    first, second = entry(0, "".join(["long", "name"])), entry(1, "".join(["long", "name"]))
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
    made = schedule("a")
    pop(made)
    made.add(entry(1, "a"))
    assert made.ready == 0
    assert made.free((1, "a"))
    assert pop(made) == [1]
    assert not made.free((1, "a"))


def test_put_back_is_as_before() -> None:
    made = schedule("aab")
    taken = made.pop(2)
    for each in taken:
        made.put_back(each)
    assert pop(made, 9) == [0, 2]


def test_drop_forgets_what_waits_and_keeps_what_is_busy() -> None:
    made = schedule("aab")
    made.add(entry(0, "a", number=2))
    assert pop(made) == [0]
    made.drop(1)
    assert [each.key.batch_id for each in made.pop(9)] == ["b2"]
    made.free((1, "a"))
    assert (made.ready, made.entries) == (0, {})
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
    made = Schedule()
    made.add(entry(0, "a", idempotent=False))
    made.add(entry(1, "a"))
    made.add(entry(2, "b", attempt=2))
    assert likely(made, ["a", "gone"], 9) == [1]
