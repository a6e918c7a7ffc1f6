"""Cancel of single replays, on every journal."""

from pathlib import Path

import pytest

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import Counts, ReplayKey, ReplayRange, ReplayState
from replayd.reasons import Reason
from tests.support.journals import (
    NOW,
    after_crash,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    ranges,
    read_all,
    row,
)

S = ReplayState


def cancel(journal: Journal, *indices: int, batch: str = "b1") -> list[ReplayState]:
    return list(journal.cancel([ReplayKey(batch, 0, index) for index in indices], NOW).states)


def test_what_waits_is_taken_off_and_the_rest_runs_in_order(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "ab"[index % 2]) for index in range(8)])
    enqueue(journal, "b2", [row(0)])
    before = journal.latest
    done = journal.cancel(
        [ReplayKey("b1", 0, 3), ReplayKey("b2", 0, 0), ReplayKey("b1", 0, 2)], NOW
    )
    assert (done.states, done.sequence) == ((S.QUEUED,) * 3, before)
    one, two = read_all(journal, before)
    assert kinds([one, two]) == ["cleared", "cleared"]
    assert (one.batch_id, two.batch_id) == ("b1", "b2")
    assert (ranges(one), one.update.replay_count) == ([ReplayRange("b1", 0, 2, 3)], 2)
    assert journal.count("b1") == Counts(queued=6, cleared=2)
    assert indices(drain(journal)) == [0, 1, 4, 5, 6, 7]
    assert journal.count("") == Counts(succeeded=6, cleared=3)


def test_of_what_was_read_ahead_too_the_first_of_a_session_included(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index, "ab"[index % 2]) for index in range(6)])
    (first,) = journal.take(1, NOW)
    assert cancel(journal, 1, 2, 5) == [S.QUEUED] * 3
    journal.begin([first])
    finish(journal, first)
    journal.commit()
    assert indices(drain(journal)) == [3, 4]
    assert journal.count("b1") == Counts(succeeded=3, cleared=3)


def test_what_runs_or_has_ended_is_left_alone(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index) for index in range(4)])
    one, two = journal.take(2, NOW)
    journal.begin([one, two])
    finish(journal, one, S.FAILED)
    journal.clear("b1", NOW)
    latest = journal.latest
    assert cancel(journal, 0, 1, 2) == [S.FAILED, S.RUNNING, S.CLEARED]
    assert journal.latest == latest
    finish(journal, two)
    assert cancel(journal, 1) == [S.SUCCEEDED], "though that is not durable yet"


def test_all_between_refused_flows(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index) for index in (0, 2, 4)])
    enqueue(journal, "b2", [row(0)])
    assert cancel(journal, 4, 0, 2) == [S.QUEUED] * 3
    assert journal.count("b1") == Counts(cleared=3)
    assert [key.batch_id for key in drain(journal)] == ["b2"]


def test_the_rest_can_be_cleared(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index) for index in range(5)])
    cancel(journal, 1, 3)
    cleared = journal.clear("", NOW)
    assert [(each.first, each.last) for each in cleared.ranges] == [(0, 0), (2, 2), (4, 4)]
    assert journal.count("") == Counts(cleared=5)


@pytest.mark.parametrize("key", [("none", 0, 0), ("b1", 0, 9), ("b1", 0, 1 << 40)])
def test_one_that_there_is_not_changes_nothing(journal: Journal, key: tuple[str, int, int]) -> None:
    enqueue(journal, "b1", [row(0)])
    with pytest.raises(ReplaydError) as caught:
        journal.cancel([ReplayKey("b1", 0, 0), ReplayKey(*key)], NOW)
    assert caught.value.reason is Reason.REPLAY_NOT_FOUND
    assert journal.count("") == Counts(queued=1)


def test_it_is_durable_also_of_what_may_begin_without_a_commit(
    stored: Journal, folder: Path
) -> None:
    enqueue(stored, "b1", [row(index) for index in range(4)])
    taken = stored.take(1, NOW)
    stored.begin(taken)  # the others are claimed with it
    assert cancel(stored, 2) == [S.QUEUED]
    reopened = after_crash(folder)
    assert reopened.count("") == Counts(queued=3, cleared=1)
    assert indices(drain(reopened)) == [0, 1, 3]
    reopened.close()
