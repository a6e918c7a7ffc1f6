"""Listing batches, on every journal."""

from replayd.journal.interface import Journal
from replayd.model.batch import Controls, Terms
from replayd.model.replay import Counts
from tests.support.journals import NOW, drain, enqueue, row, run


def listed(journal: Journal, limit: int = 9, *, unfinished: bool = False) -> list[list[str]]:
    """The batches of each page."""
    pages, position, more = [], 0, True
    while more:
        page = journal.batches(position, limit, unfinished=unfinished)
        pages.append([each.batch_id for each in page.batches])
        position, more = page.position, page.more
    return pages


def test_batches_come_page_by_page_in_order_of_acceptance(journal: Journal) -> None:
    for number in range(1, 6):
        enqueue(journal, f"b{number}", [row(0)])
    assert listed(journal) == [["b1", "b2", "b3", "b4", "b5"]]
    assert listed(journal, 2) == [["b1", "b2"], ["b3", "b4"], ["b5"]]
    run(journal, 2)
    assert listed(journal, 2, unfinished=True) == [["b3", "b4"], ["b5"]]
    drain(journal)
    assert listed(journal, 5, unfinished=True) == [[]]
    assert listed(journal, 5) == [["b1", "b2", "b3", "b4", "b5"]]


def test_what_is_told_of_a_batch(journal: Journal) -> None:
    controls = Controls(priority=2, owner="me")
    enqueue(journal, "b1", [row(0), row(1)], terms=Terms("mine", controls=controls))
    run(journal)
    for unfinished in (True, False):
        (batch,) = journal.batches(0, 9, unfinished=unfinished).batches
        assert (batch.label, batch.accepted) == ("mine", 2)
        assert batch.counts == Counts(queued=1, succeeded=1)
        assert batch.controls == controls._replace(accepted=NOW)
    drain(journal)
    (batch,) = journal.batches(0, 9, unfinished=False).batches
    assert (batch.counts, batch.controls.owner) == (Counts(succeeded=2), "me")
