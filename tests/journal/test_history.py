"""What is kept of a batch's replays, on every journal."""

from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2

from replayd.errors import JournalError, ReplaydError
from replayd.journal import history
from replayd.journal.interface import (
    ROW_CONTENT_LIMIT,
    Journal,
    Past,
    Place,
    Wanted,
    Withheld,
)
from replayd.journal.journal import StoredJournal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from replayd.model.replay import ReplayKey, ReplayState
from replayd.reasons import Reason
from tests.support.journals import NOW, after_crash, enqueue, finish, note, read_all, row, run, trim

S = ReplayState


def states(journal: Journal, batch_id: str = "b1") -> list[tuple[ReplayState, int]]:
    return [(past.state, past.attempt) for past in journal.history(batch_id, -1, 100)]


def terminal(past: Past) -> event_pb2.Event:
    return event_pb2.Event.FromString(past.event)


def test_a_replay_is_kept_with_all_its_parts(journal: Journal) -> None:
    given = row(3, request_content=b"request", recorded_content=b"recorded")
    enqueue(journal, "b0", [row(3)])
    enqueue(journal, "b1", [given])
    run(journal)
    journal.emit([note("between")])
    run(journal, content=b"response")
    (past,) = journal.history("b1", -1, 10)
    event = terminal(past)
    assert past == Past(
        ReplayKey("b1", 0, 3),
        S.SUCCEEDED,
        1,
        given.plan,
        given.flow,
        b"request",
        b"recorded",
        b"response",
        read_all(journal)[-1].SerializeToString(),
    )
    assert (event.replay_id, event.WhichOneof("payload")) == ("b1.3", "response")


def test_every_state_is_told(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, f"s{index}") for index in range(6)])
    failed, killed, running = journal.take(3, NOW)
    assert states(journal)[:4] == [(S.RUNNING, 1)] * 3 + [(S.QUEUED, 0)]
    journal.begin([failed, killed, running])
    finish(journal, failed, S.FAILED)
    assert states(journal)[0] == (S.RUNNING, 1), "not durable yet"
    finish(journal, killed, S.KILLED)
    journal.commit()
    assert [terminal(past).error.state for past in journal.history("b1", -1, 2)] == [4, 5]
    journal.clear("b1", NOW)
    assert states(journal) == [
        (S.FAILED, 1),
        (S.KILLED, 1),
        (S.RUNNING, 1),
        (S.CLEARED, 0),
        (S.CLEARED, 0),
        (S.CLEARED, 0),
    ]
    assert [past.event for past in journal.history("b1", 1, 9)] == [b""] * 4


def test_the_terminal_event_is_the_last_of_its_replay(journal: Journal) -> None:
    """Events handed over together are told apart, also when a commit fails in between."""
    enqueue(journal, "b1", [row(0, "a"), row(1, "b")])
    first, second = journal.take(2, NOW)
    journal.emit([note("before")])
    finish(journal, second)
    journal.emit([note("between")])
    finish(journal, first)
    journal.commit()
    found = [terminal(past).replay_id for past in journal.history("b1", -1, 9)]
    assert found == ["b1.0", "b1.1"]


def test_pages_follow_each_other(journal: Journal) -> None:
    wanted = [2, 3, 5, 8, 13]
    enqueue(journal, "b1", [row(index) for index in wanted])
    enqueue(journal, "b2", [row(1)])
    found: list[int] = []
    while page := journal.history("b1", found[-1] if found else -1, 2):
        assert len(page) <= 2
        found += [past.key.flow_index for past in page]
    assert found == wanted


def test_large_contents_are_read_apart(journal: Journal) -> None:
    large = b"x" * (ROW_CONTENT_LIMIT + 1)
    enqueue(journal, "b1", [row(0, request_content=large, recorded_content=large)])
    run(journal, content=large)
    (past,) = journal.history("b1", -1, 1)
    assert (past.request_content, past.recorded_content, past.response_content) == (None,) * 3


def test_a_trimmed_event_is_missing(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    run(journal)
    trim(journal, journal.latest + 1)
    (past,) = journal.history("b1", -1, 1)
    assert (past.state, past.event) == (S.SUCCEEDED, b"")


def test_an_empty_batch_has_no_history(journal: Journal) -> None:
    enqueue(journal, "b1", [])
    assert list(journal.history("b1", -1, 9)) == []


def test_a_batch_that_was_not_accepted_is_not_found(journal: Journal) -> None:
    journal.stage("staged", [row(0)])
    for batch_id in ("none", "staged"):
        with pytest.raises(ReplaydError) as caught:
            journal.history(batch_id, -1, 9)
        assert caught.value.reason is Reason.BATCH_NOT_FOUND


def test_a_step_of_a_stored_journal_is_bounded(
    stored: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_STEP_BYTES", 1000)
    enqueue(stored, "b1", [row(index, request_content=b"x" * 600) for index in range(5)])
    assert [past.key.flow_index for past in stored.history("b1", -1, 9)] == [0, 1]


def test_what_a_crash_interrupted_has_its_event(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0, "a"), row(1, "b", idempotent=False), row(2, "a")])
    stored.begin(stored.take(2, NOW))
    assert states(stored) == [(S.RUNNING, 1), (S.RUNNING, 1), (S.QUEUED, 0)]
    again = after_crash(folder)
    assert states(again) == [(S.QUEUED, 1), (S.INTERRUPTED, 1), (S.QUEUED, 1)]
    error = terminal(again.history("b1", 0, 1)[0]).error
    assert (error.flow_index, error.state) == (1, S.INTERRUPTED)
    run(again)
    assert states(again)[0] == (S.SUCCEEDED, 2)
    again.clear("b1", NOW)
    assert states(again)[2] == (S.CLEARED, 1)
    again.close()


def listed(
    journal: Journal, wanted: Wanted, limit: int = 100, place: Place | None = None
) -> list[str]:
    """The ids of all replays that a listing finds, step by step."""
    at, more, found = place or Place(), True, []
    while more:
        step = journal.replays(at, wanted, limit)
        assert len(step.replays) <= limit
        assert step.place > at or not step.more
        at, more = step.place, step.more
        found += [past.key.replay_id for past in step.replays]
    return found


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_replays_are_listed_in_the_order_of_the_queue(journal: Journal, limit: int) -> None:
    enqueue(journal, "b2", [row(1), row(5)])
    journal.stage("staged", [row(0)])
    enqueue(journal, "b1", [row(0)])
    enqueue(journal, "empty", [])
    enqueue(journal, "b3", [row(7)])
    assert listed(journal, Wanted(), limit) == ["b2.1", "b2.5", "b1.0", "b3.7"]
    assert listed(journal, Wanted("b2"), limit) == ["b2.1", "b2.5"]
    assert listed(journal, Wanted("empty"), limit) == []
    assert listed(journal, Wanted(), limit, Place(1, 1)) == ["b2.5", "b1.0", "b3.7"]
    with pytest.raises(ReplaydError) as caught:
        listed(journal, Wanted("staged"))
    assert caught.value.reason is Reason.BATCH_NOT_FOUND


def test_replays_are_listed_by_their_states(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, f"s{index}") for index in range(5)])
    enqueue(journal, "b2", [row(0)])
    first, second, running = journal.take(3, NOW)
    journal.begin([first, second, running])
    finish(journal, first, S.FAILED)
    finish(journal, second)
    journal.commit()
    journal.clear("b2", NOW)
    found = {state: listed(journal, Wanted(states=frozenset({state}))) for state in S}
    assert found == {
        S.QUEUED: ["b1.3", "b1.4"],
        S.RUNNING: ["b1.2"],
        S.SUCCEEDED: ["b1.1"],
        S.FAILED: ["b1.0"],
        S.KILLED: [],
        S.CLEARED: ["b2.0"],
        S.INTERRUPTED: [],
    }
    both = Wanted("b1", frozenset({S.FAILED, S.QUEUED}))
    assert listed(journal, both) == ["b1.0", "b1.3", "b1.4"]
    assert listed(journal, Wanted(parked=True)) == []


def test_a_step_of_a_listing_is_bounded(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(journal, "b1", [row(index, request_content=bytes(1000)) for index in range(9)])
    journal.take(1, NOW)
    monkeypatch.setattr(history, "_STEP_ROWS", 4)
    running = Wanted(states=frozenset({S.SUCCEEDED, S.QUEUED}))
    step = journal.replays(Place(), running, 100)
    assert [past.key.flow_index for past in step.replays] == [1, 2, 3]
    assert listed(journal, running) == [f"b1.{index}" for index in range(1, 9)]
    monkeypatch.setattr(history, "_STEP_BYTES", 1500)
    assert len(journal.replays(Place(), Wanted(), 100).replays) == 2
    assert len(listed(journal, Wanted())) == 9


def test_a_batch_without_what_is_wanted_is_passed_over(
    stored: StoredJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(stored, "b1", [row(0)])
    run(stored)
    asked: list[int] = []
    states = stored._ledger.store.states
    monkeypatch.setattr(
        stored._ledger.store,
        "states",
        lambda number, *rest: asked.append(number) or states(number, *rest),
    )
    assert listed(stored, Wanted(states=frozenset({S.FAILED, S.QUEUED}))) == []
    assert asked == []
    assert listed(stored, Wanted(states=frozenset({S.SUCCEEDED}))) == ["b1.0"]
    assert asked == [1]


def test_what_is_shown_and_what_is_withheld_is_kept(journal: Journal) -> None:
    given = row(0, request_content=b"request", shown_plan=b"shown", shown_content=b"")
    enqueue(journal, "b1", [given, row(1)])
    first, second = journal.take(2, NOW)
    assert (first.shown_plan, first.shown_content) == (b"shown", b"")
    assert (second.shown_plan, second.shown_content) == (b"", None)
    journal.begin([first, second])
    finish(journal, first, withheld=b"withheld")
    finish(journal, second)
    journal.commit()
    assert [past.withheld for past in journal.history("b1", -1, 10)] == [b"withheld", b""]


def test_each_journal_has_a_key_of_its_own_for_ever(folder: Path) -> None:
    journal, other = open_sqlite(folder, NOW), open_memory(NOW)
    keys = {journal.info.redaction_key, other.info.redaction_key}
    assert [len(key) for key in keys] == [32, 32]
    journal.close()
    again = open_sqlite(folder, NOW)
    assert again.info.redaction_key in keys
    again.close()


def test_the_ends_of_a_batch_come_in_steps(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_STEP_ENDS", 3)
    enqueue(journal, "b1", [row(index) for index in range(2, 12)])
    for _ in range(8):
        run(journal)
    journal.clear("b1", NOW)
    trim(journal, 4)
    found, after, more = [], -1, True
    while more:
        step = journal.ends("b1", after)
        found.append([event_pb2.Event.FromString(event).replay_id for event in step.events])
        after, more = step.after, step.more
    assert [one for step in found for one in step] == [f"b1.{index}" for index in range(4, 10)]
    assert max(map(len, found)) <= 3
    with pytest.raises(ReplaydError) as caught:
        journal.ends("b2")
    assert caught.value.reason is Reason.BATCH_NOT_FOUND


def test_large_ends_make_short_steps(stored: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_STEP_BYTES", 1)
    enqueue(stored, "b1", [row(index) for index in range(3)])
    for _ in range(3):
        run(stored)
    steps = [stored.ends("b1", after) for after in (-1, 0, 1, 2)]
    assert [(len(step.events), step.after, step.more) for step in steps] == [
        (1, 0, True),
        (1, 1, True),
        (1, 2, False),
        (0, 2, False),
    ]


def test_only_what_was_withheld_is_read(journal: Journal) -> None:
    given = [row(index, "s") for index in range(4)]
    enqueue(journal, "b1", given)
    for index, withheld in enumerate((b"first", b"", b"third")):
        (replay,) = journal.take(1, NOW)
        journal.begin([replay])
        finish(journal, replay, withheld=withheld)
        journal.commit()
        assert replay.key.flow_index == index
    first, third = journal.withheld("b1", -1, 10)
    history_of = journal.history("b1", -1, 10)
    assert first == Withheld(
        ReplayKey("b1", 0, 0), "s", given[0].plan, history_of[0].event, b"first"
    )
    assert (third.key.flow_index, third.withheld) == (2, b"third")
    assert list(journal.withheld("b1", -1, 1)) == [first]
    assert list(journal.withheld("b1", 0, 10)) == [third]
    assert list(journal.withheld("b1", 2, 10)) == []
    assert list(journal.withheld("b1", 3, 10)) == []
    with pytest.raises(ReplaydError) as caught:
        journal.withheld("b0", -1, 10)
    assert caught.value.reason is Reason.BATCH_NOT_FOUND


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE withheld SET event = x'00'",
        "UPDATE event SET body = body || x'00' WHERE sequence = 2",
        "UPDATE prepared SET plan = x'00'",
    ],
)
def test_what_was_withheld_is_checked(stored: Journal, damage: str) -> None:
    enqueue(stored, "b1", [row(0)])
    (replay,) = stored.take(1, NOW)
    stored.begin([replay])
    finish(stored, replay, withheld=b"withheld")
    stored.commit()
    assert isinstance(stored, StoredJournal)
    stored._ledger.store._connection.execute(damage)  # type: ignore[attr-defined]
    with pytest.raises(JournalError, match="damaged"):
        stored.withheld("b1", -1, 10)
