"""Take, begin and finish, on every journal."""

from collections.abc import Callable

import pytest

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Part, Running
from replayd.model.replay import Counts, ReplayKey, ReplayState
from replayd.reasons import Reason
from tests.support.journals import (
    NOW,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    plan,
    read_all,
    row,
    run,
)

KIB = 1024
MIB = 1024 * KIB


def test_a_replay_has_what_sending_takes(journal: Journal) -> None:
    enqueue(journal, "b1", [row(3, "s", idempotent=False, request_content=b"hello")])
    (replay,) = journal.take(5, NOW)
    assert replay.key == ReplayKey("b1", 0, 3)
    assert (replay.session, replay.idempotent, replay.attempt) == ("s", False, 1)
    assert replay.request_content == b"hello"
    assert plan(3, idempotent=False).head in replay.plan


def test_a_large_request_leaves_what_was_recorded_with_it(journal: Journal) -> None:
    large = bytes(range(256)) * 1100
    contents = [(large, b"small"), (b"small", large), (large, large[1:])]
    rows = [
        row(index, request_content=asked, recorded_content=recorded)
        for index, (asked, recorded) in enumerate(contents)
    ]
    enqueue(journal, "b1", rows)
    for index, expected in enumerate(contents):
        key = ReplayKey("b1", 0, index)
        parts = (Part.REQUEST, Part.RECORDED)
        assert tuple(b"".join(journal.content(key, part)) for part in parts) == expected


def test_what_is_taken_runs_until_its_outcome_is_committed(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1), row(2)])
    first, second = journal.take(2, NOW + 5)
    assert journal.count("b1") == Counts(queued=1, running=2)
    assert journal.running() == [Running(first.key, 1, NOW + 5), Running(second.key, 1, NOW + 5)]
    journal.begin([first, second])
    finish(journal, first)
    assert journal.count("") == Counts(queued=1, running=2)
    assert kinds(read_all(journal)) == ["queued"]
    journal.commit()
    assert journal.count("") == journal.count("b1") == Counts(queued=1, running=1, succeeded=1)
    assert kinds(read_all(journal)) == ["queued", "response"]
    assert [each.key for each in journal.running()] == [second.key]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (ReplayState.SUCCEEDED, "response"),
        (ReplayState.FAILED, "error"),
        (ReplayState.KILLED, "error"),
    ],
)
def test_every_outcome_is_counted(journal: Journal, state: ReplayState, kind: str) -> None:
    enqueue(journal, "b1", [row(0)])
    (replay,) = journal.take(1, NOW)
    finish(journal, replay, state)
    journal.commit()
    assert journal.count("b1") == Counts(**{state.name.lower(): 1})
    assert kinds(read_all(journal)) == ["queued", kind]
    assert journal.count("b1").idle


def test_a_session_runs_one_at_a_time(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, "a"), row(1, "a"), row(2, "b"), row(3, "a")])
    taken = journal.take(9, NOW)
    assert indices(taken) == [0, 2]
    assert journal.take(9, NOW) == []
    finish(journal, taken[0])
    assert indices(journal.take(9, NOW)) == [1]


def test_sessions_of_two_batches_are_two(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, "s")])
    enqueue(journal, "b2", [row(0, "s")])
    assert [each.key.batch_id for each in journal.take(9, NOW)] == ["b1", "b2"]


def test_the_oldest_ready_session_comes_first(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, "a"), row(1, "b"), row(2, "a"), row(3, "b"), row(4, "c")])
    a, b = journal.take(2, NOW)
    finish(journal, b)
    finish(journal, a)
    assert indices(journal.take(1, NOW)) == [2]
    assert indices(journal.take(2, NOW)) == [3, 4]


def test_one_at_a_time_nothing_overtakes(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, f"s{index % 7}") for index in range(1000)])
    enqueue(journal, "b2", [row(index, "one") for index in range(1000)])
    keys = drain(journal)
    assert [(key.batch_id, key.flow_index) for key in keys] == [
        (batch, index) for batch in ("b1", "b2") for index in range(1000)
    ]


def test_many_at_a_time_a_session_keeps_its_order(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, f"s{index * index % 13}") for index in range(2000)])
    order = indices(drain(journal, 32))
    assert sorted(order) == list(range(2000))
    for session in range(13):
        mine = [index for index in order if index * index % 13 == session]
        assert mine == sorted(mine)


def test_finish_tells_whether_more_of_its_session_waits(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, "a"), row(1, "b"), row(2, "a")])
    first, other = journal.take(2, NOW)
    assert finish(journal, first)
    assert not finish(journal, other)
    (second,) = journal.take(1, NOW)
    assert not finish(journal, second)


def test_begin_tells_whether_it_committed(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1), row(2, idempotent=False)])
    assert journal.begin(journal.take(1, NOW))
    assert not journal.begin(journal.take(1, NOW))
    third = journal.take(1, NOW)
    assert journal.begin(third)
    assert not journal.begin(third)


def test_many_at_once_claim_as_many_again(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, f"s{index}") for index in range(1000)])
    assert journal.begin(journal.take(50, NOW))
    for _ in range(3):
        assert not journal.begin(journal.take(50, NOW))
    assert journal.begin(journal.take(50, NOW))


def test_where_many_run_many_are_claimed_though_few_begin_at_once(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, f"s{index}") for index in range(1000)])
    running = journal.take(50, NOW)
    assert journal.begin(running)
    commits = 0
    for at in range(500):
        finish(journal, running[at])
        running += journal.take(1, NOW)
        commits += journal.begin(running[-1:])
    assert commits <= 5, "13 where only those that begin count"


def test_a_replay_is_finished_once(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    (replay,) = journal.take(1, NOW)
    finish(journal, replay)
    with pytest.raises(ValueError, match=r"b1\.0 was finished before"):
        finish(journal, replay)


@pytest.mark.parametrize("idempotent", [True, False])
def test_begin_takes_along_what_was_handed_over(journal: Journal, idempotent: bool) -> None:
    enqueue(journal, "b1", [row(0), row(1, idempotent=idempotent)])
    first = journal.take(1, NOW)
    second = journal.take(1, NOW)
    finish(journal, first[0])
    journal.begin(second)
    assert kinds(read_all(journal)) == ["queued", "response"]
    journal.begin(second)
    assert journal.count("") == Counts(running=1, succeeded=1)


def test_most_idempotent_replays_begin_without_a_commit(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "s") for index in range(320)])
    appended: list[int] = []
    journal.on_append(lambda: appended.append(1))
    for _ in range(320):
        (replay,) = journal.take(1, NOW)
        journal.begin([replay])
        finish(journal, replay)
    assert len(appended) <= 10


@pytest.mark.parametrize(
    "size", [0, 1, 256 * KIB, 256 * KIB + 1, 3 * MIB, 4 * MIB, 4 * MIB + 1, 9 * MIB]
)
def test_contents_of_any_size(journal: Journal, size: int) -> None:
    def content(name: bytes) -> bytes:
        return (name * (size // len(name) + 1))[:size]

    requested, recorded = content(b"request"), content(b"recorded")
    answered = content(b"response")
    enqueue(journal, "b1", [row(7, request_content=requested, recorded_content=recorded), row(8)])
    (replay,) = journal.take(1, NOW)
    assert replay.request_content == (requested if size <= 256 * KIB else None)
    assert list(journal.content(replay.key, Part.RESPONSE)) == []
    finish(journal, replay, content=answered)
    journal.commit()
    for part, expected in (
        (Part.REQUEST, requested),
        (Part.RECORDED, recorded),
        (Part.RESPONSE, answered),
    ):
        pieces = list(journal.content(replay.key, part))
        assert b"".join(pieces) == expected
        assert all(0 < len(piece) <= 256 * KIB for piece in pieces)
        assert list(journal.content(ReplayKey("b1", 0, 8), part)) == []


@pytest.mark.parametrize("key", [ReplayKey("b1", 0, 9), ReplayKey("b1", 1, 0)])
def test_an_unknown_replay_has_no_content(journal: Journal, key: ReplayKey) -> None:
    enqueue(journal, "b1", [row(0, request_content=b"x")])
    run(journal)
    assert [list(journal.content(key, part)) for part in Part] == [[], [], []]


def test_an_unknown_batch_has_no_replays(journal: Journal) -> None:
    with pytest.raises(ReplaydError) as caught:
        next(journal.content(ReplayKey("other", 0, 0), Part.REQUEST))
    assert caught.value.reason is Reason.BATCH_NOT_FOUND


def test_a_paused_queue_gives_nothing(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1)])
    (running,) = journal.take(1, NOW)
    journal.pause(True, NOW)
    assert journal.take(1, NOW) == []
    finish(journal, running)
    journal.commit()
    journal.pause(False, NOW)
    assert indices(journal.take(1, NOW)) == [1]


def test_a_taken_replay_is_not_shown_twice_to_two_threads(
    journal: Journal, in_threads: Callable[[int, Callable[[], None]], None]
) -> None:
    enqueue(journal, "b1", [row(index) for index in range(1000)])
    seen: list[int] = []

    def work() -> None:
        while replays := journal.take(3, NOW):
            seen.extend(indices(replays))

    in_threads(4, work)
    assert sorted(seen) == list(range(1000))


def test_what_is_deferred_is_queued_again_at_its_place(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "ab"[index % 2]) for index in range(4)])
    one, two = journal.take(2, NOW)
    journal.defer([one.key], held=False)
    assert journal.count("b1") == Counts(queued=3, running=1)
    assert indices(journal.take(2, NOW)) == [0]
    assert two.key.flow_index == 1


def test_a_held_session_is_not_taken_from_until_it_is_let_go(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "ab"[index % 2]) for index in range(4)])
    enqueue(journal, "b2", [row(0)])
    taken = journal.take(2, NOW)
    held = journal.defer([each.key for each in taken], held=True)
    assert journal.count("b1") == Counts(queued=4)
    assert [key.batch_id for key in drain(journal)] == ["b2"]
    journal.let_go(held[:1])
    assert indices(drain(journal)) == [0, 2]
    journal.let_go(held[1:])
    assert indices(drain(journal)) == [1, 3]


def test_a_held_session_can_be_cleared_and_let_go(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, "a"), row(1, "a")])
    held = journal.defer([replay.key for replay in journal.take(1, NOW)], held=True)
    journal.cancel([ReplayKey("b1", 0, 0)], NOW)
    journal.clear("b1", NOW)
    assert journal.count("b1") == Counts(cleared=2)
    journal.let_go(held)
    assert journal.take(1, NOW) == []
