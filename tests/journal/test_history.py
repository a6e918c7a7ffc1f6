"""What is kept of a batch's replays, on every journal."""

from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2

from replayd.errors import ReplaydError
from replayd.journal import history
from replayd.journal.interface import ROW_CONTENT_LIMIT, Journal, Past
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
