"""Clear, count and pause, on every journal."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from replayd.errors import JournalError, ReplaydError
from replayd.journal import control
from replayd.journal.interface import Cleared, Journal
from replayd.journal.store import Change
from replayd.model.batch import Terms
from replayd.model.replay import Counts, Replay, ReplayRange
from replayd.reasons import Reason
from tests.support.journals import (
    NOW,
    OPTIONS,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    ranges,
    read_all,
    row,
    run,
)


def test_clear_takes_everything_off_the_queue(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index) for index in range(3000)])
    enqueue(journal, "b2", [row(4), row(5)])
    cleared = journal.clear("", NOW)
    expected = (ReplayRange("b1", 0, 0, 2999), ReplayRange("b2", 0, 4, 5))
    assert cleared == Cleared(3002, expected)
    assert journal.count("") == Counts(cleared=3002)
    assert journal.count("b2") == Counts(cleared=2)
    assert journal.take(9, NOW) == []
    event = read_all(journal)[-1]
    assert kinds([event]) == ["cleared"]
    assert (event.batch_id, event.update.replay_count) == ("", 3002)
    assert tuple(ranges(event)) == expected


def test_clear_of_one_batch_leaves_the_others(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1)])
    enqueue(journal, "b2", [row(0), row(1)])
    assert journal.clear("b1", NOW) == Cleared(2, (ReplayRange("b1", 0, 0, 1),))
    assert read_all(journal)[-1].batch_id == "b1"
    assert [key.batch_id for key in drain(journal)] == ["b2", "b2"]


def test_what_runs_finishes(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "one" if index == 3 else "") for index in range(10)])
    taken = journal.take(4, NOW)
    journal.begin(taken)
    for replay in taken[:3]:
        finish(journal, replay)
    cleared = journal.clear("b1", NOW)
    assert cleared == Cleared(6, (ReplayRange("b1", 0, 4, 9),))
    assert journal.count("") == Counts(running=1, succeeded=3, cleared=6)
    finish(journal, taken[3])
    journal.commit()
    assert journal.count("b1") == Counts(succeeded=4, cleared=6)
    assert journal.take(1, NOW) == []


def test_ranges_leave_out_what_runs_or_has_ended(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "ab"[index % 2]) for index in range(8)])
    a, b = journal.take(2, NOW)
    finish(journal, b)
    (b,) = journal.take(1, NOW)
    finish(journal, b)
    journal.commit()
    (b,) = journal.take(1, NOW)
    assert indices([a, b]) == [0, 5]
    cleared = journal.clear("", NOW)
    assert [(each.first, each.last) for each in cleared.ranges] == [(2, 2), (4, 4), (6, 7)]
    assert cleared.count == 4


def test_clear_goes_on_with_what_is_enqueued_later(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1)])
    run(journal)
    journal.clear("", NOW)
    enqueue(journal, "b2", [row(0)])
    assert [key.batch_id for key in drain(journal)] == ["b2"]


def test_clear_of_nothing_logs_nothing(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    run(journal)
    latest = journal.latest
    assert journal.clear("", NOW) == journal.clear("b1", NOW) == Cleared(0, ())
    assert journal.latest == latest


def test_clear_of_very_many_batches_logs_more_events(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "EVENT_RANGES", 2)
    for number in range(5):
        enqueue(journal, f"b{number}", [row(0), row(1)])
    latest = journal.latest
    assert journal.clear("", NOW).count == 10
    events = read_all(journal, latest)
    assert [event.update.replay_count for event in events] == [4, 4, 2]
    assert [len(event.update.ranges) for event in events] == [2, 2, 1]


def test_an_unknown_batch_is_not_found(journal: Journal) -> None:
    journal.stage("staged", [row(0)])
    for batch_id in ("none", "staged"):
        for call in (journal.count, lambda batch_id: journal.clear(batch_id, NOW)):
            with pytest.raises(ReplaydError) as caught:
                call(batch_id)
            assert caught.value.reason is Reason.BATCH_NOT_FOUND


def test_finished_batches_are_counted_however_many_there_are(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replayd.journal.books.REMEMBERED_BATCHES", 2)
    for number in range(4):
        enqueue(journal, f"b{number}", [row(0)])
    drain(journal)
    for number in range(4):
        assert journal.count(f"b{number}") == Counts(succeeded=1)
    assert journal.count("") == Counts(succeeded=4)


def test_pause_and_resume_are_events(journal: Journal) -> None:
    assert not journal.paused
    assert journal.pause(True, NOW)
    assert journal.paused
    assert not journal.pause(True, NOW)
    assert journal.pause(False, NOW)
    assert not journal.pause(False, NOW)
    assert kinds(read_all(journal)) == ["paused", "resumed"]


def test_resume_wakes_who_waits(journal: Journal) -> None:
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    journal.pause(True, NOW)
    assert woken == []
    journal.pause(False, NOW)
    assert woken == ["runnable"]


def test_a_paused_queue_is_cleared_and_accepts(journal: Journal) -> None:
    journal.pause(True, NOW)
    enqueue(journal, "b1", [row(0)])
    assert journal.clear("", NOW).count == 1
    enqueue(journal, "b2", [row(0)])
    assert journal.count("") == Counts(queued=1, cleared=1)


def test_a_clear_that_fails_wakes_who_got_nothing_meanwhile(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(journal, "b1", [row(index) for index in range(3)])
    journal.take(1, NOW)
    taken: list[list[Replay]] = []
    woken: list[bool] = []
    journal.on_runnable(lambda: woken.append(True))

    def full(change: Change) -> None:
        with ThreadPoolExecutor(1) as other:
            taken.append(other.submit(journal.take, 1, NOW).result(10))
        raise JournalError("disk full")

    monkeypatch.setattr(journal._ledger.store, "commit", full)
    with pytest.raises(JournalError):
        journal.clear("", NOW)
    monkeypatch.undo()
    assert (taken, woken) == ([[]], [True])
    assert len(journal.take(1, NOW)) == 1


def test_clear_while_others_take(journal: Journal) -> None:
    """Whatever interleaves, every replay either runs or is in exactly one cleared range."""
    enqueue(journal, "b1", [row(index) for index in range(2000)])
    taken: list[int] = []
    begun = threading.Event()

    def work() -> None:
        while replays := run(journal, 3):
            taken.extend(indices(replays))
            begun.set()

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait(10)
    cleared = journal.clear("", NOW)
    worker.join()
    covered = [index for each in cleared.ranges for index in range(each.first, each.last + 1)]
    assert sorted(taken + covered) == list(range(2000))
    assert journal.count("") == Counts(succeeded=len(taken), cleared=cleared.count)


def test_the_options_of_a_batch_are_kept_with_it(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)], terms=Terms(options=OPTIONS))
    journal.extend("b2", [row(0)], now=NOW)
    run(journal)
    journal.commit()
    assert [journal.options(name) for name in ("b1", "b2")] == [OPTIONS, b""]
    with pytest.raises(ReplaydError, match="no batch 'b3'"):
        journal.options("b3")
