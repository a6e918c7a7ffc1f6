"""Request ids, on every journal."""

import pytest

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.reasons import Reason
from tests.support.journals import DAY, NOW, enqueue, note, row


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


def test_a_request_id_is_remembered_once_some_of_an_open_batch_is_queued(
    journal: Journal,
) -> None:
    assert journal.reserve("r", None) is None
    journal.extend("b1", [row(0), row(3)], now=NOW, request_id="r")
    with pytest.raises(ReplaydError) as caught:
        journal.reserve("r", None)
    assert caught.value.reason is Reason.REQUEST_IN_PROGRESS
    journal.discard("b1")
    journal.release("r")
    for _ in range(2):
        with pytest.raises(ReplaydError) as caught:
            journal.reserve("r", None)
        assert caught.value.reason is Reason.REQUEST_INCOMPLETE
        assert caught.value.metadata == {
            "request_id": "r",
            "batch_id": "b1",
            "accepted_count": "2",
            "last_index": "3",
        }


def test_the_answer_of_an_open_batch_is_given_again(journal: Journal) -> None:
    journal.emit([note("first")])
    assert journal.reserve("r", None) is None
    journal.extend("b1", [row(0)], now=NOW, request_id="r")
    journal.accept("b1", now=NOW, answer=b"yes", request_id="r", content_hash=b"h")
    receipt = journal.reserve("r", b"h")
    assert receipt is not None
    assert (receipt.answer, receipt.sequence, receipt.duplicate) == (b"yes", 1, True)


def test_a_request_id_of_nothing_queued_is_free_again(journal: Journal) -> None:
    assert journal.reserve("r", None) is None
    journal.extend("b1", [], now=NOW, request_id="r")
    journal.discard("b1")
    journal.release("r")
    assert journal.reserve("r", None) is None
