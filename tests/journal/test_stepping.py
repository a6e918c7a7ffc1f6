"""Steps through what is paused, on every journal."""

from collections.abc import Sequence

import pytest

from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason
from tests.support.journals import NOW, drain, enqueue, finish, row


class Told:
    """What a step was told, each time."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, keys: Sequence[ReplayKey]) -> None:
        self.calls.append([key.replay_id for key in keys])


@pytest.fixture
def told() -> Told:
    return Told()


def taken(journal: Journal, limit: int = 9) -> list[str]:
    replays = journal.take(limit, NOW)
    for replay in replays:
        finish(journal, replay)
    journal.commit()
    return [replay.key.replay_id for replay in replays]


def test_a_step_takes_what_comes_next_in_the_paused_queue(journal: Journal, told: Told) -> None:
    for batch_id in ("b1", "b2"):
        enqueue(journal, batch_id, [row(0), row(1)])
    journal.pause(True, NOW)
    journal.pause(True, NOW, "b1")
    woken: list[bool] = []
    journal.on_runnable(lambda: woken.append(True))
    journal.step("", 1, told)
    assert (woken, told.calls) == ([True], [])
    assert (taken(journal), taken(journal)) == (["b2.0"], [])
    assert told.calls == [["b2.0"]]
    journal.step("", 5, told)
    assert taken(journal) == ["b2.1"]
    assert told.calls[1:] == [["b2.1"]]
    journal.step("", 5, told)
    assert told.calls[2:] == [[]]


def test_a_step_of_one_batch_leaves_the_others(journal: Journal, told: Told) -> None:
    for batch_id in ("b1", "b2"):
        enqueue(journal, batch_id, [row(index, "one") for index in range(3)])
    journal.pause(True, NOW, "b2")
    journal.step("b2", 2, told)
    assert taken(journal) == ["b2.0", "b1.0"]
    assert told.calls == []
    assert taken(journal) == ["b2.1", "b1.1"]
    assert told.calls == [["b2.0", "b2.1"]]
    assert [key.replay_id for key in drain(journal)] == ["b1.2"]
    assert journal.count("b2").queued == 1


def test_a_batch_in_the_paused_queue_is_stepped_as_well(journal: Journal, told: Told) -> None:
    enqueue(journal, "b1", [row(0)])
    enqueue(journal, "b2", [row(0)])
    journal.pause(True, NOW)
    journal.step("b2", 1, told)
    assert taken(journal) == ["b2.0"]
    assert told.calls == [["b2.0"]]


def test_what_is_not_paused_or_not_there_is_not_stepped(journal: Journal, told: Told) -> None:
    enqueue(journal, "ended", [row(0)])
    drain(journal)
    enqueue(journal, "b1", [row(0)])
    for batch_id, reason in (
        ("", Reason.NOT_PAUSED),
        ("b1", Reason.NOT_PAUSED),
        ("ended", Reason.BATCH_ENDED),
        ("none", Reason.BATCH_NOT_FOUND),
    ):
        with pytest.raises(ReplaydError) as caught:
            journal.step(batch_id, 1, told)
        assert caught.value.reason is reason
    assert told.calls == []


def test_what_was_not_taken_can_be_taken_back(journal: Journal, told: Told) -> None:
    enqueue(journal, "b1", [row(0), row(1)])
    journal.pause(True, NOW)
    withdraw = journal.step("", 2, told)
    assert taken(journal, 1) == ["b1.0"]
    withdraw()
    withdraw()
    assert (taken(journal), told.calls) == ([], [])


def test_a_step_ends_when_somebody_resumes_or_clears(journal: Journal, told: Told) -> None:
    enqueue(journal, "b1", [row(index, "one") for index in range(3)])
    journal.pause(True, NOW)
    journal.step("", 3, told)
    (replay,) = journal.take(1, NOW)
    journal.pause(False, NOW)
    assert journal.take(1, NOW) == []
    assert told.calls == [["b1.0"]]
    finish(journal, replay)
    journal.pause(True, NOW)
    journal.step("b1", 2, told)
    journal.clear("b1", NOW)
    assert journal.take(1, NOW) == []
    assert told.calls[1:] == [[]]


def test_what_could_not_be_taken_is_taken_later(
    journal: Journal, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(journal, "b1", [row(0)])
    journal.pause(True, NOW)
    journal.step("", 1, told)

    def broken(*_: object) -> None:
        raise JournalError("disk broken")

    monkeypatch.setattr(journal._ledger.store, "prepared", broken)
    with pytest.raises(JournalError):
        journal.take(1, NOW)
    assert told.calls == []
    monkeypatch.undo()
    assert taken(journal) == ["b1.0"]
    assert told.calls == [["b1.0"]]
