"""A page of ListBatches."""

import pytest
from flowreplay.v1 import history_pb2

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.model.batch import Controls, Terms
from replayd.rpc.batch_listing import batch_page
from tests.support.journals import NOW, enqueue, row, run


@pytest.fixture
def journal() -> Journal:
    made = open_memory(NOW)
    controls = Controls(paused=True, priority=-1, owner="me")
    enqueue(made, "b1", [row(0)], terms=Terms("mine", controls=controls))
    enqueue(made, "b2", [row(0), row(1)])
    run(made)
    return made


def page(journal: Journal, **asked: object) -> history_pb2.ListBatchesResponse:
    return batch_page(journal, history_pb2.ListBatchesRequest(**asked), "cursor")


def test_a_batch_as_it_is_told(journal: Journal) -> None:
    one, two = page(journal).batches
    assert (one.batch_id, one.label, one.accepted_count, one.queued_count) == ("b1", "mine", 1, 1)
    assert (one.controls.paused, one.controls.priority, one.controls.owner) == (True, -1, "me")
    assert one.controls.accept_time.ToNanoseconds() == NOW
    assert (two.queued_count, two.succeeded_count, two.open) == (1, 1, False)


def test_a_page_goes_on_where_the_last_one_ended(journal: Journal) -> None:
    first = page(journal, page_size=1, unfinished=True)
    assert ([each.batch_id for each in first.batches], first.cursor) == (["b1"], "cursor")
    token = first.next_page_token
    second = page(journal, page_size=1, unfinished=True, page_token=token)
    assert [each.batch_id for each in second.batches] == ["b2"]
    assert not second.next_page_token


def test_what_makes_no_sense_is_named(journal: Journal) -> None:
    token = page(journal, page_size=1).next_page_token
    for asked, field in (
        ({"page_size": 1001}, "page_size"),
        ({"page_size": -1}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"page_token": token, "unfinished": True}, "page_token"),
    ):
        with pytest.raises(ReplaydError) as caught:
            page(journal, **asked)
        assert caught.value.metadata["field"] == field
