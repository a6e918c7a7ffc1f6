"""The way onto the queue, on every journal."""

import pytest

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import Counts
from replayd.reasons import Reason
from tests.support.journals import (
    DAY,
    NOW,
    drain,
    enqueue,
    indices,
    kinds,
    note,
    ranges,
    read_all,
    row,
)


def test_an_accepted_batch_is_queued_with_one_event(journal: Journal) -> None:
    journal.stage("b1", [row(0), row(1)])
    journal.stage("b1", [row(5)])
    assert journal.count("") == Counts()
    assert journal.take(10, NOW) == []
    receipt = journal.accept("b1", now=NOW, answer=b"yes", label="mine")
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


def test_a_request_id_is_answered_again(journal: Journal) -> None:
    journal.emit([note("first")])
    assert journal.reserve("r", None) is None
    enqueue(journal, "b1", [row(0)], request_id="r", content_hash=b"h")
    for content_hash in (None, b"h"):
        receipt = journal.reserve("r", content_hash)
        assert receipt is not None
        assert (receipt.answer, receipt.sequence, receipt.duplicate) == (b"answer", 1, True)


def test_a_request_id_is_for_one_content(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)], request_id="r", content_hash=b"h")
    with pytest.raises(ReplaydError) as caught:
        journal.reserve("r", b"other")
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    assert journal.reserve("r", b"h") is not None


def test_a_request_id_is_claimed_until_it_is_released(journal: Journal) -> None:
    assert journal.reserve("r", None) is None
    with pytest.raises(ReplaydError) as caught:
        journal.reserve("r", None)
    assert caught.value.reason is Reason.REQUEST_IN_PROGRESS
    journal.release("r")
    journal.release("r")
    assert journal.reserve("r", None) is None


def test_a_request_id_is_forgotten_after_a_day(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)], request_id="r", content_hash=b"h")
    for batch_id, later in (("b2", DAY), ("b3", DAY + 1)):
        assert journal.reserve("r", None) is not None
        journal.stage(batch_id, [])
        journal.accept(batch_id, now=NOW + later, answer=b"")
    assert journal.reserve("r", None) is None


def test_acceptance_wakes_who_waits(journal: Journal) -> None:
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    journal.on_append(lambda: woken.append("append"))
    journal.stage("b1", [row(0)])
    assert woken == []
    journal.accept("b1", now=NOW, answer=b"")
    assert woken == ["append", "runnable"]
