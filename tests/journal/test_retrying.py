"""What has ended is sent once more, as a new batch, on every journal."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2

from replayd.codec.plan import decode_plan
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Part, Receipt
from replayd.journal.sqlite import open_sqlite
from replayd.model.batch import Controls, Terms
from replayd.model.replay import Counts, OnInterrupt, ReplayKey, ReplayState, Resolution
from replayd.reasons import Reason
from tests.support.journals import (
    NOW,
    OPTIONS,
    after_crash,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    read_all,
    row,
)

S = ReplayState


def some_ended(journal: Journal) -> None:
    """A batch of which 0 and 3 failed, 1 succeeded, 2 was killed, 4 was cleared."""
    rows = [
        row(index, "one", request_content=b"said %d" % index, recorded_content=b"was")
        for index in range(5)
    ]
    enqueue(
        journal, "b1", rows, terms=Terms("mine", OnInterrupt.PARK, OPTIONS, Controls(owner="me"))
    )
    for state in (S.FAILED, S.SUCCEEDED, S.KILLED, S.FAILED):
        (replay,) = journal.take(1, NOW)
        journal.begin([replay])
        finish(journal, replay, state)
        journal.commit()
    journal.clear("b1", NOW)


def ended(journal: Journal, *states: ReplayState, among: Sequence[int] | None = None) -> list[int]:
    return journal.ended("b1", among, states)


def refusal(journal: Journal, *among: int, batch_id: str = "b1") -> ReplaydError:
    with pytest.raises(ReplaydError) as caught:
        journal.ended(batch_id, among, ())
    return caught.value


def test_outcomes_are_chosen_and_replays_named(journal: Journal) -> None:
    some_ended(journal)
    assert ended(journal, S.FAILED) == [0, 3]
    assert ended(journal, S.KILLED, S.CLEARED) == [2, 4]
    assert ended(journal, among=[4, 1, 1]) == [1, 4]
    assert ended(journal, S.INTERRUPTED) == []


def test_it_is_a_new_batch_that_names_the_old_replays(journal: Journal) -> None:
    some_ended(journal)
    latest = journal.latest
    receipt = journal.retry("b1", [0, 3], retried_as="again", now=NOW, answer=b"a")
    assert receipt == Receipt(b"a", latest)
    (queued,) = read_all(journal, latest)
    assert kinds([queued]) == ["queued"]
    assert (queued.batch_id, queued.update.resends_batch_id) == ("again", "b1")
    assert (queued.update.label, queued.update.replay_count) == ("mine", 2)
    assert journal.options("again") == OPTIONS
    assert journal.count("b1") == Counts(succeeded=1, failed=2, killed=1, cleared=1)
    assert b"".join(journal.content(ReplayKey("again", 0, 3), Part.REQUEST)) == b"said 3"
    assert b"".join(journal.content(ReplayKey("again", 0, 3), Part.RECORDED)) == b"was"
    (first, _) = journal.history("again", -1, 10)
    assert decode_plan(first.plan).resends_replay_id == "b1.0"
    assert (first.state, first.attempt) == (S.QUEUED, 0)
    assert indices(drain(journal)) == [0, 3]


def test_the_same_replays_can_be_sent_any_number_of_times(journal: Journal) -> None:
    some_ended(journal)
    for name in ("again", "and again"):
        journal.retry("b1", [1], retried_as=name, now=NOW)
    assert journal.count("").queued == 2


def test_what_waits_runs_or_is_not_there_is_refused(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1)])
    journal.take(1, NOW)
    for index, state in ((0, "RUNNING"), (1, "QUEUED")):
        error = refusal(journal, index)
        assert (error.reason, error.metadata["state"]) == (Reason.NOT_ENDED, state)
    assert refusal(journal, 2).reason is Reason.REPLAY_NOT_FOUND
    assert refusal(journal, 1 << 40).reason is Reason.REPLAY_NOT_FOUND
    assert refusal(journal, 0, batch_id="none").reason is Reason.BATCH_NOT_FOUND
    with pytest.raises(ReplaydError) as caught:
        journal.retry("none", [0], retried_as="again", now=NOW)
    assert caught.value.reason is Reason.BATCH_NOT_FOUND


def test_an_answer_is_remembered_under_its_request_id(journal: Journal) -> None:
    some_ended(journal)
    assert journal.reserve("id", None) is None
    first = journal.retry(
        "b1", [0], retried_as="again", now=NOW, answer=b"a", request_id="id", content_hash=b"h"
    )
    known = journal.reserve("id", b"h")
    assert known == first._replace(duplicate=True)


def test_what_is_parked_is_resolved_by_it_once(folder: Path) -> None:
    before = open_sqlite(folder, NOW)
    enqueue(before, "b1", [row(index) for index in range(3)], terms=Terms(on_interrupt=PARK))
    before.begin(before.take(2, NOW))
    opened = after_crash(folder)
    assert ended(opened, S.INTERRUPTED) == [0, 1]
    latest = opened.latest
    opened.retry("b1", [0], retried_as="again", now=NOW)
    resolved, queued = read_all(opened, latest)
    assert kinds([resolved, queued]) == ["resolved", "queued"]
    assert resolved.update.resolution == event_pb2.RESOLUTION_RESEND
    assert opened.count("").parked == 1
    assert ended(opened, S.INTERRUPTED) == [1]
    (first, *_) = opened.history("b1", -1, 1)
    assert (first.resolution, first.resent_as) == (Resolution.RESEND, "again")
    assert refusal(opened, 0).reason is Reason.ALREADY_RESOLVED
    # Somebody resolves it between the look and the commit.
    queued_count = opened.count("").queued
    with pytest.raises(ReplaydError) as caught:
        opened.retry("b1", [0], retried_as="late", now=NOW)
    assert caught.value.reason is Reason.ALREADY_RESOLVED
    assert opened.count("").queued == queued_count
    opened.close()
    before.close()


PARK = OnInterrupt.PARK
