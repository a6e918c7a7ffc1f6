"""Pausing and moving one batch, on every journal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.codec.controls import decode_controls
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal, Placed
from replayd.journal.sqlite import open_sqlite
from replayd.model.batch import Controls, Terms
from replayd.reasons import Reason
from tests.support.journals import NOW, drain, enqueue, kinds, read_all, row, run


def batches(journal: Journal, count: int = 3, rows: int = 2) -> None:
    """Queues `b1` and so on."""
    for number in range(1, count + 1):
        enqueue(journal, f"b{number}", [row(index) for index in range(rows)])


def order(journal: Journal) -> list[str]:
    """Runs everything; returns the batches in the order in which they ran."""
    return [key.batch_id for key in drain(journal)]


def test_a_paused_batch_waits_and_the_others_run(journal: Journal) -> None:
    batches(journal)
    assert journal.pause(True, NOW, "b1")
    assert not journal.pause(True, NOW, "b1")
    assert (journal.is_paused("b1"), journal.is_paused("b2"), journal.paused) == (
        True,
        False,
        False,
    )
    assert list(journal.paused_batches()) == ["b1"]
    assert order(journal) == ["b2", "b2", "b3", "b3"]
    assert journal.count("b1").queued == 2
    assert journal.pause(False, NOW, "b1")
    assert list(journal.paused_batches()) == []
    assert order(journal) == ["b1", "b1"]
    told = read_all(journal)
    paused = [each for each in told if kinds([each])[0] in ("paused", "resumed")]
    assert [(kinds([each])[0], each.batch_id) for each in paused] == [
        ("paused", "b1"),
        ("resumed", "b1"),
    ]


def test_queue_and_batch_are_paused_each_for_itself(journal: Journal) -> None:
    batches(journal, 2)
    journal.pause(True, NOW, "b1")
    journal.pause(True, NOW)
    journal.pause(False, NOW, "b1")
    assert journal.is_paused("b1")
    assert order(journal) == []
    journal.pause(True, NOW, "b1")
    journal.pause(False, NOW)
    assert order(journal) == ["b2", "b2"]


def test_what_runs_of_a_paused_batch_finishes(journal: Journal) -> None:
    batches(journal, 1)
    (running,) = journal.take(1, NOW)
    journal.pause(True, NOW, "b1")
    assert journal.take(1, NOW) == []
    journal.begin([running])
    assert journal.count("b1").running == 1


def test_a_batch_that_is_paused_when_it_comes(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)], terms=Terms(controls=Controls(paused=True)))
    enqueue(journal, "b2", [row(0)])
    assert order(journal) == ["b2"]
    journal.clear("b1", NOW)
    assert list(journal.paused_batches()) == []


def test_a_resumed_batch_has_its_old_place(journal: Journal) -> None:
    batches(journal)
    journal.pause(True, NOW, "b1")
    assert run(journal)[0].key.batch_id == "b2"
    journal.pause(False, NOW, "b1")
    assert order(journal) == ["b1", "b1", "b2", "b3", "b3"]


def test_resuming_wakes_who_waits(journal: Journal) -> None:
    batches(journal, 1)
    woken: list[str] = []
    journal.on_runnable(lambda: woken.append("runnable"))
    journal.pause(True, NOW, "b1")
    assert woken == []
    journal.pause(False, NOW, "b1")
    assert woken == ["runnable"]


def test_a_higher_priority_is_taken_first(journal: Journal) -> None:
    batches(journal)
    enqueue(journal, "b4", [row(0)], terms=Terms(controls=Controls(priority=5)))
    assert run(journal)[0].key.batch_id == "b4"
    assert run(journal)[0].key.batch_id == "b1"
    assert journal.set_priority("b3", 1, NOW) == Placed(True, 1)
    assert journal.set_priority("b3", 1, NOW) == Placed(False, 1)
    assert journal.set_priority("b1", -1, NOW) == Placed(True, -1)
    assert order(journal) == ["b3", "b3", "b2", "b2", "b1"]
    moved = [each for each in read_all(journal) if kinds([each]) == ["moved"]]
    told = [(each.batch_id, each.update.priority, each.update.front) for each in moved]
    assert told == [("b3", 1, False), ("b1", -1, False)]


def test_to_the_front_is_before_all_others(journal: Journal) -> None:
    batches(journal, 4, rows=1)
    journal.set_priority("b4", 7, NOW)
    assert journal.set_priority("b3", None, NOW) == Placed(True, 7)
    assert journal.set_priority("b2", None, NOW) == Placed(True, 7)
    assert journal.set_priority("b2", None, NOW) == Placed(False, 7)
    assert order(journal) == ["b2", "b3", "b4", "b1"]
    moved = [each.update for each in read_all(journal) if kinds([each]) == ["moved"]]
    assert [(each.priority, each.front) for each in moved] == [(7, False), (7, True), (7, True)]


def test_the_front_is_before_what_is_paused_too(journal: Journal) -> None:
    batches(journal, 2, rows=1)
    journal.pause(True, NOW, "b1")
    journal.set_priority("b1", 3, NOW)
    assert journal.set_priority("b2", None, NOW) == Placed(True, 3)
    journal.pause(False, NOW, "b1")
    assert order(journal) == ["b2", "b1"]


def test_a_batch_of_higher_priority_is_read_though_another_fills_the_bound(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replayd.journal.ahead.MAX_AHEAD", 64)
    enqueue(journal, "long", [row(index, "one") for index in range(200)])
    (running,) = journal.take(1, NOW)
    assert journal.take(1, NOW) == []
    enqueue(journal, "b1", [row(0)], terms=Terms(controls=Controls(priority=1)))
    assert [each.key.batch_id for each in journal.take(2, NOW)] == ["b1"]
    assert running.key.batch_id == "long"


@pytest.mark.parametrize(
    "steer",
    [
        lambda journal, batch_id: journal.pause(True, NOW, batch_id),
        lambda journal, batch_id: journal.pause(False, NOW, batch_id),
        lambda journal, batch_id: journal.set_priority(batch_id, 1, NOW),
        lambda journal, batch_id: journal.set_priority(batch_id, None, NOW),
    ],
)
def test_what_has_ended_or_never_was_can_not_be_steered(
    journal: Journal, steer: Callable[[Journal, str], object]
) -> None:
    batches(journal, 1)
    drain(journal)
    for batch_id, reason in (("b1", Reason.BATCH_ENDED), ("b2", Reason.BATCH_NOT_FOUND)):
        with pytest.raises(ReplaydError) as caught:
            steer(journal, batch_id)
        assert caught.value.reason is reason


def test_an_open_batch_keeps_its_controls_while_more_of_it_comes(journal: Journal) -> None:
    journal.extend("b1", [row(0)], now=NOW, terms=Terms(controls=Controls(owner="me")))
    journal.pause(True, NOW, "b1")
    journal.extend("b1", [row(1)], now=NOW + 1, terms=Terms(controls=Controls(owner="me")))
    journal.accept("b1", now=NOW + 2, answer=b"")
    assert journal.is_paused("b1")
    stored = journal._ledger.store.batch("b1")
    assert decode_controls(stored.controls) == Controls(True, 0, 0, "me", NOW)


def test_a_paused_open_batch_holds_up_nobody(journal: Journal) -> None:
    journal.extend("b1", [row(0)], now=NOW)
    enqueue(journal, "b2", [row(0)])
    run(journal)
    assert journal.holds_up("b1")
    journal.pause(True, NOW, "b1")
    assert not journal.holds_up("b1")
    assert order(journal) == ["b2"]


def test_controls_outlive_the_daemon(stored: Journal, folder: Path) -> None:
    batches(stored)
    stored.pause(True, NOW, "b1")
    stored.set_priority("b3", 2, NOW)
    stored.close()
    again = open_sqlite(folder, NOW + 5)
    assert list(again.paused_batches()) == ["b1"]
    assert order(again) == ["b3", "b3", "b2", "b2"]
    again.close()


def test_a_change_that_fails_has_changed_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches(journal, 2, rows=1)

    def full(_: object) -> None:
        raise JournalError("disk full")

    monkeypatch.setattr(journal._ledger.store, "commit", full)
    with pytest.raises(JournalError):
        journal.set_priority("b2", 1, NOW)
    with pytest.raises(JournalError):
        journal.pause(True, NOW, "b1")
    monkeypatch.undo()
    assert order(journal) == ["b1", "b2"]
