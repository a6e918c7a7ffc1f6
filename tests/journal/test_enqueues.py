"""The way onto the queue, on every journal."""

import pytest

from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal, Kept
from replayd.journal.memory import MemoryStore
from replayd.journal.sqlite.store import SqliteStore
from replayd.journal.store import Change, Store
from replayd.model.batch import Terms
from replayd.model.replay import Counts, ReplayState
from replayd.reasons import Reason
from tests.support.journals import (
    NOW,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    note,
    ranges,
    read_all,
    row,
    run,
)


def test_an_accepted_batch_is_queued_with_one_event(journal: Journal) -> None:
    journal.stage("b1", [row(0), row(1)])
    journal.stage("b1", [row(5)])
    assert journal.count("") == Counts()
    assert journal.take(10, NOW) == []
    receipt = journal.accept("b1", now=NOW, answer=b"yes", terms=Terms("mine"))
    assert (receipt.answer, receipt.sequence, receipt.duplicate) == (b"yes", 0, False)
    assert journal.count("b1") == journal.count("") == Counts(queued=3)
    (event,) = read_all(journal)
    assert kinds([event]) == ["queued"]
    assert (event.sequence, event.batch_id, event.update.label) == (1, "b1", "mine")
    assert (ranges(event), event.update.replay_count) == ([("b1", 0, 0, 5)], 3)


def test_its_notes_come_first_and_its_receipt_lies_before_them(journal: Journal) -> None:
    journal.emit([note("handed over before")])
    journal.stage("b1", [row(0)])
    receipt = journal.accept("b1", now=NOW, answer=b"", notes=[note("refused", "b1")])
    assert receipt.sequence == 1
    assert kinds(read_all(journal)) == ["log", "log", "queued"]
    assert [event.sequence for event in read_all(journal)] == [1, 2, 3]


def test_an_empty_batch_is_accepted_and_finished(journal: Journal) -> None:
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    enqueue(journal, "b1", [], notes=[note("all refused", "b1")])
    assert journal.count("b1") == Counts()
    assert kinds(read_all(journal)) == ["log"]
    assert woken == []


def test_batches_queue_in_the_order_of_acceptance(journal: Journal) -> None:
    journal.stage("late", [row(0), row(1)])
    journal.stage("early", [row(0), row(1)])
    journal.accept("early", now=NOW, answer=b"")
    journal.accept("late", now=NOW, answer=b"")
    assert [key.batch_id for key in drain(journal)] == ["early", "early", "late", "late"]


def test_many_rows_in_one_call(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "s") for index in range(0, 4000, 2)])
    assert journal.count("").queued == 2000
    assert indices(drain(journal)) == list(range(0, 4000, 2))


@pytest.mark.parametrize("count", [0, 1, 1500])
def test_what_is_discarded_was_never_there(journal: Journal, count: int) -> None:
    journal.stage("b1", [row(index) for index in range(count)])
    journal.discard("b1")
    journal.discard("b1")
    with pytest.raises(ReplaydError) as caught:
        journal.accept("b1", now=NOW, answer=b"")
    assert caught.value.reason is Reason.BATCH_NOT_FOUND
    assert journal.count("") == Counts()
    assert journal.latest == 0
    enqueue(journal, "b1", [row(3)])
    assert indices(drain(journal)) == [3]


def test_discard_leaves_an_accepted_batch_alone(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    journal.discard("b1")
    assert journal.count("b1").queued == 1


def test_a_batch_is_accepted_once(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    with pytest.raises(ReplaydError) as caught:
        journal.accept("b1", now=NOW, answer=b"")
    assert caught.value.reason is Reason.BATCH_NOT_FOUND
    assert caught.value.metadata == {"batch_id": "b1"}


def test_acceptance_wakes_who_waits(journal: Journal) -> None:
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    journal.on_append(lambda: woken.append("append"))
    journal.stage("b1", [row(0)])
    assert woken == []
    journal.accept("b1", now=NOW, answer=b"")
    assert woken == ["append", "runnable"]


def test_an_open_batch_runs_while_it_is_being_read(journal: Journal) -> None:
    journal.emit([note("before")])
    journal.stage("b1", [])
    journal.extend("b1", [row(0), row(2)], now=NOW, terms=Terms("mine"))
    assert journal.count("") == journal.count("b1") == Counts(queued=2, open_batches=1)
    assert indices(drain(journal)) == [0, 2]
    assert journal.count("b1") == Counts(succeeded=2, open_batches=1)
    assert not journal.count("").idle
    journal.extend("b1", [row(4)], now=NOW, terms=Terms("mine"))
    receipt = journal.accept("b1", now=NOW, answer=b"yes", notes=[note("refused", "b1")])
    assert (receipt.answer, receipt.sequence) == (b"yes", 1)
    assert journal.count("") == journal.count("b1") == Counts(queued=1, succeeded=2)
    assert indices(drain(journal)) == [4]
    assert journal.count("").idle
    events = read_all(journal, receipt.sequence)
    assert kinds(events) == ["queued", "response", "response", "queued", "log", "response"]
    queued = [event for event in events if event.update.replay_count]
    assert [ranges(event) for event in queued] == [[("b1", 0, 0, 2)], [("b1", 0, 4, 4)]]
    assert [(event.update.replay_count, event.update.label) for event in queued] == [
        (2, "mine"),
        (1, "mine"),
    ]


def test_many_rows_at_once_extend_in_slices(journal: Journal) -> None:
    journal.extend("b1", [row(index, "s") for index in range(1300)], now=NOW)
    assert [event.update.replay_count for event in read_all(journal)] == [512, 512, 276]
    journal.accept("b1", now=NOW, answer=b"")
    assert indices(drain(journal)) == list(range(1300))


def test_an_open_batch_without_rows_is_staged(journal: Journal) -> None:
    journal.extend("b1", [], now=NOW)
    assert journal.count("") == Counts()
    assert journal.discard("b1", [note("broke off", "b1")]) is None
    assert read_all(journal) == []
    journal.extend("b1", [], now=NOW)
    journal.accept("b1", now=NOW, answer=b"")
    assert journal.count("b1") == Counts()


def test_what_is_accepted_after_an_open_batch_waits_for_its_end(journal: Journal) -> None:
    journal.extend("b1", [row(0)], now=NOW)
    enqueue(journal, "b2", [row(0), row(1)])
    assert [key.replay_id for key in drain(journal)] == ["b1.0"]
    assert journal.take(9, NOW) == []
    journal.extend("b1", [row(1)], now=NOW)
    assert [key.replay_id for key in drain(journal)] == ["b1.1"]
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    journal.on_append(lambda: woken.append("append"))
    journal.accept("b1", now=NOW, answer=b"")
    assert woken == ["append", "runnable"]
    assert [key.replay_id for key in drain(journal)] == ["b2.0", "b2.1"]


def test_an_open_batch_comes_after_those_accepted_before_its_first_row(journal: Journal) -> None:
    journal.stage("b1", [])
    enqueue(journal, "b2", [row(0)])
    journal.extend("b1", [row(0)], now=NOW)
    assert [key.replay_id for key in drain(journal)] == ["b2.0", "b1.0"]


def test_an_open_batch_that_is_given_up_keeps_what_was_queued(journal: Journal) -> None:
    journal.extend("b1", [row(0), row(3)], now=NOW)
    enqueue(journal, "b2", [row(0)])
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    journal.on_append(lambda: woken.append("append"))
    assert journal.discard("b1", [note("broke off", "b1")]) == Kept(2, 3)
    assert woken[-2:] == ["append", "runnable"]
    assert kinds(read_all(journal)) == ["queued", "queued", "log"]
    assert journal.discard("b1", [note("once", "b1")]) is None
    assert journal.count("b1") == Counts(queued=2)
    with pytest.raises(ReplaydError) as caught:
        journal.accept("b1", now=NOW, answer=b"")
    assert caught.value.reason is Reason.BATCH_NOT_FOUND
    assert [key.replay_id for key in drain(journal)] == ["b1.0", "b1.3", "b2.0"]
    assert journal.count("") == Counts(succeeded=3)


@pytest.mark.parametrize("batch_id", ["", "b1"])
@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_cleared_open_batch_takes_nothing_more(
    journal: Journal, batch_id: str, done: int
) -> None:
    journal.extend("b1", [row(0, "s"), row(1, "s")], now=NOW)
    enqueue(journal, "b2", [row(0)])
    for _ in range(done):
        run(journal)
    assert journal.clear(batch_id, NOW).count == 2 - done + (not batch_id)
    assert journal.count("b1") == Counts(succeeded=done, cleared=2 - done)
    for give in (
        lambda: journal.extend("b1", [row(2)], now=NOW),
        lambda: journal.accept("b1", now=NOW, answer=b""),
    ):
        with pytest.raises(ReplaydError) as caught:
            give()
        assert caught.value.reason is Reason.BATCH_CLEARED
    assert journal.discard("b1") == Kept(2, 1)
    assert [key.replay_id for key in drain(journal)] == (["b2.0"] if batch_id else [])
    assert journal.count("").idle


def test_a_row_that_runs_when_its_open_batch_is_cleared_finishes(journal: Journal) -> None:
    journal.extend("b1", [row(0), row(1)], now=NOW)
    taken = journal.take(1, NOW)
    journal.begin(taken)
    journal.clear("", NOW)
    journal.discard("b1")
    finish(journal, taken[0])
    journal.commit()
    assert journal.count("") == journal.count("b1") == Counts(succeeded=1, cleared=1)


def test_an_open_batch_in_a_paused_queue_waits(journal: Journal) -> None:
    journal.pause(True, NOW)
    journal.extend("b1", [row(0)], now=NOW)
    assert journal.take(1, NOW) == []
    journal.accept("b1", now=NOW, answer=b"")
    journal.pause(False, NOW)
    assert indices(drain(journal)) == [0]


def test_sessions_of_an_open_batch_go_on(journal: Journal) -> None:
    journal.extend("b1", [row(0, "s")], now=NOW)
    (first,) = journal.take(9, NOW)
    journal.extend("b1", [row(1, "s"), row(2, "t")], now=NOW)
    assert indices(journal.take(9, NOW)) == [2]
    journal.begin([first])
    finish(journal, first)
    assert indices(journal.take(9, NOW)) == [1]
    journal.commit()


def test_the_history_of_an_open_batch_is_what_there_is(journal: Journal) -> None:
    journal.extend("b1", [row(0), row(1)], now=NOW)
    run(journal)
    assert [each.state for each in journal.history("b1", -1, 9)] == [
        ReplayState.SUCCEEDED,
        ReplayState.QUEUED,
    ]


def test_an_open_batch_that_has_run_holds_up_those_behind_it(journal: Journal) -> None:
    journal.extend("b1", [row(0)], now=NOW)
    enqueue(journal, "b2", [row(0)])
    assert not journal.holds_up("b1")
    run(journal)
    assert journal.holds_up("b1")
    assert not journal.holds_up("b2")
    assert not journal.holds_up("b3")
    journal.pause(True, NOW)
    assert not journal.holds_up("b1")
    journal.pause(False, NOW)
    journal.extend("b1", [row(1)], now=NOW)
    assert not journal.holds_up("b1")
    drain(journal)
    journal.discard("b1")
    assert not journal.holds_up("b1")
    assert [key.replay_id for key in drain(journal)] == ["b2.0"]
    journal.extend("b4", [row(0)], now=NOW)
    drain(journal)
    assert not journal.holds_up("b4")


def test_an_open_batch_is_closed_also_when_nothing_can_be_stored(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Store, __: Change) -> None:
        raise JournalError("no room")

    journal.extend("b1", [row(0)], now=NOW)
    enqueue(journal, "b2", [row(0)])
    with monkeypatch.context() as patch:
        for store in (MemoryStore, SqliteStore):
            patch.setattr(store, "commit", full)
        with pytest.raises(JournalError):
            journal.extend("b1", [row(1)], now=NOW)
        assert journal.count("b1") == Counts(queued=1, open_batches=1)
        with pytest.raises(JournalError):
            journal.discard("b1", [note("broke off", "b1")])
    assert journal.count("b1") == Counts(queued=1)
    assert [key.replay_id for key in drain(journal)] == ["b1.0", "b2.0"]
