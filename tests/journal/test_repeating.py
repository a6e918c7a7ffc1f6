"""Batches that run more than once, on every journal: the rows are kept once."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from flowreplay.v1 import event_pb2, replay_pb2

from replayd.codec.plan import decode_plan
from replayd.errors import ReplaydError
from replayd.journal import repeating
from replayd.journal.interface import Journal, Limits, Part, Place, Wanted
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.check import Checker
from replayd.journal.sqlite.stopped import looked_at
from replayd.model.batch import Terms
from replayd.model.replay import (
    Counts,
    OnInterrupt,
    ReplayKey,
    ReplayRange,
    ReplayState,
    Resolution,
)
from tests.support.journals import (
    NOW,
    after_crash,
    drain,
    enqueue,
    finish,
    ranges,
    read_all,
    row,
    run,
)


def times(count: int, on_interrupt: OnInterrupt = OnInterrupt.AUTO) -> Terms:
    options = replay_pb2.EnqueueOptions(repeat_count=count)
    return Terms("", on_interrupt, options.SerializeToString())


def ids(journal: Journal, wanted: Wanted) -> list[str]:
    found: list[str] = []
    place, more = Place(), True
    while more:
        listed = journal.replays(place, wanted, 100)
        found += [each.key.replay_id for each in listed.replays]
        place, more = listed.place, listed.more
    return found


def test_runs_follow_each_other(journal: Journal) -> None:
    large = bytes(range(256)) * 1100
    rows = [row(1, "s", request_content=b"asked"), row(3, recorded_content=large)]
    enqueue(journal, "b1", rows, terms=times(3))
    assert journal.count("b1") == Counts(queued=6)
    (queued,) = read_all(journal)
    assert ranges(queued) == [ReplayRange("b1", repeat, 1, 3) for repeat in range(3)]
    assert queued.update.replay_count == 6
    taken = [run(journal)[0] for _ in range(6)]
    assert [each.key.replay_id for each in taken] == [
        *("b1.1", "b1.3", "b1.1.1", "b1.3.1", "b1.1.2", "b1.3.2")
    ]
    assert {decode_plan(each.plan).flow_index for each in taken[::2]} == {1}
    assert {each.request_content for each in taken[::2]} == {b"asked"}
    # Sessions are the run's own.
    assert len({each.session for each in taken[::2]}) == 3
    for each in taken[1::2]:
        assert b"".join(journal.content(each.key, Part.RECORDED)) == large
    assert journal.count("b1") == Counts(succeeded=6)
    ended = [event.replay_id for event in read_all(journal) if event.HasField("response")]
    assert ended == [each.key.replay_id for each in taken]


def test_they_are_listed_and_read_back(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, request_content=b"asked"), row(2)], terms=times(2))
    run(journal)
    run(journal)
    expected = ["b1.0", "b1.2", "b1.0.1", "b1.2.1"]
    assert ids(journal, Wanted()) == expected
    assert ids(journal, Wanted(states=frozenset({ReplayState.QUEUED}))) == expected[2:]
    past = journal.history("b1", -1, 10)
    assert [each.key.replay_id for each in past] == expected
    assert [each.request_content for each in past] == [b"asked", b"", b"asked", b""]
    assert past[0].plan == past[2].plan
    assert past[0].flow == past[2].flow
    (last,) = journal.history("b1", past[2].key.slot, 10)
    assert last.key.replay_id == "b1.2.1"
    drain(journal)
    after, found = -1, 0
    for _ in range(5):
        step = journal.ends("b1", after)
        found += len(step.events)
        after = step.after
        if not step.more:
            break
    assert found == 4


def test_the_ends_of_runs_that_are_sent_again_take_a_step_for_all(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1)], terms=times(3))
    drain(journal)
    slots = [ReplayKey("b1", repeat, index).slot for repeat in range(3) for index in range(2)]
    journal.retry("b1", slots, retried_as="b2", now=NOW)
    drain(journal)
    step = journal.ends("b2")
    found = [event_pb2.Event.FromString(event).replay_id for event in step.events]
    assert found == [f"b2.{index}{run}" for run in ("", ".1", ".2") for index in range(2)]
    assert not step.more


def test_what_is_left_of_the_runs_is_cleared(journal: Journal) -> None:
    enqueue(journal, "b1", [row(index) for index in range(4)], terms=times(3))
    for _ in range(5):
        run(journal)
    (running,) = journal.take(1, NOW)
    assert running.key == ReplayKey("b1", 1, 1)
    cleared = journal.clear("b1", NOW)
    assert cleared.count == 6
    assert cleared.ranges == (ReplayRange("b1", 1, 2, 3), ReplayRange("b1", 2, 0, 3))
    finish(journal, running)
    journal.commit()
    assert journal.count("b1") == Counts(succeeded=6, cleared=6)
    assert journal.take(1, NOW) == []


def test_single_replays_of_a_run_are_cancelled_and_retried(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1, recorded_content=b"r")], terms=times(2))
    assert journal.cancel([ReplayKey("b1", 1, 0)], NOW).states == (ReplayState.QUEUED,)
    for unknown in (ReplayKey("b1", 2, 0), ReplayKey("b1", 1, 2), ReplayKey("b1", 9999, 0)):
        with pytest.raises(ReplaydError, match="no replay"):
            journal.cancel([unknown], NOW)
    assert [key.replay_id for key in drain(journal)] == ["b1.0", "b1.1", "b1.1.1"]
    slots = [ReplayKey("b1", 0, 1).slot, ReplayKey("b1", 1, 1).slot]
    assert journal.ended("b1", None, {ReplayState.SUCCEEDED}) == [0, *slots]
    journal.retry("b1", slots, retried_as="b2", now=NOW)
    again = [run(journal)[0] for _ in range(2)]
    assert [each.key.replay_id for each in again] == ["b2.1", "b2.1.1"]
    assert decode_plan(again[1].plan).resends_replay_id == "b1.1.1"
    assert b"".join(journal.content(again[1].key, Part.RECORDED)) == b"r"


def test_a_crash_settles_each_run(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0), row(1, idempotent=False)], terms=times(3))
    for _ in range(3):
        run(stored)
    posted, *_ = stored.take(1, NOW)
    stored.begin([posted])
    assert posted.key.replay_id == "b1.1.1"
    with closing(after_crash(folder)) as again:
        assert again.count("b1") == Counts(queued=2, succeeded=3, interrupted=1, parked=1)
        (told,) = [event for event in read_all(again) if event.HasField("error")]
        assert told.replay_id == "b1.1.1"
        assert told.error.url == b"http://a.test/1"
        resolved = again.resolve("b1", None, Resolution.RESEND, resent_as="b2", now=NOW)
        assert resolved.ranges == (ReplayRange("b1", 1, 1, 1),)
        assert [key.replay_id for key in drain(again)] == ["b1.0.2", "b1.1.2", "b2.1.1"]


def test_what_is_sent_again_after_a_crash_is_the_same_run(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0, idempotent=False)], terms=times(2, OnInterrupt.RESEND))
    run(stored)
    stored.begin(stored.take(1, NOW))
    with closing(after_crash(folder)) as again:
        (requeued,) = [each for each in read_all(again) if each.update.kind == 5]
        assert ranges(requeued) == [ReplayRange("b1", 1, 0, 0)]
        (replay,) = again.take(1, NOW)
        assert (replay.key.replay_id, replay.attempt) == ("b1.0.1", 2)
        assert decode_plan(replay.plan).head.startswith(b"POST /0 ")


def test_the_capture_is_kept_once(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0, request_content=bytes(200_000))], terms=times(50))
    stored.close()
    database = apsw.Connection(str(folder / "journal.db"))
    total = "SELECT count(*), sum(length(plan) + length(flow) + length(request_content)) "
    rows = database.execute(total + "FROM prepared").fetchall()
    database.close()
    assert rows[0][0] == 50
    assert rows[0][1] < 201_000


def test_a_journal_with_runs_is_whole_and_forgets_them(folder: Path) -> None:
    with closing(open_sqlite(folder, NOW)) as journal:
        enqueue(journal, "b1", [row(0), row(4)], terms=times(3))
        drain(journal)
    with looked_at(folder) as stopped:
        assert list(Checker(stopped, lambda: None).run()) == []
    with closing(open_sqlite(folder, NOW)) as journal:
        for _ in journal.retain(Limits(age=1), NOW + 10**9):
            pass
        assert journal.count("") == Counts(succeeded=6)
        with pytest.raises(ReplaydError, match="no batch"):
            journal.history("b1", -1, 1)


def test_too_many_flows_are_refused(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeating, "REPEATED_FLOWS", 2)
    with pytest.raises(ReplaydError, match="at most 2 flows"):
        enqueue(journal, "b1", [row(2)], terms=times(2))
    journal.discard("b1")
    assert journal.count("") == Counts()
