"""Reading ahead, on every journal: bounded in time and memory."""

from contextlib import closing
from pathlib import Path

import pytest

from replayd.journal import ahead
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from tests.support.journals import NOW, drain, enqueue, finish, indices, row


def test_a_long_session_does_not_hide_those_behind_it(journal: Journal) -> None:
    """It is read over in steps; after each the thread is woken to go on."""
    enqueue(journal, "b1", [*(row(index, "long") for index in range(5000)), row(5000, "short")])
    woken: list[int] = []
    journal.on_runnable(lambda: woken.append(1))
    taken = journal.take(2, NOW)
    while len(taken) < 2:
        assert woken.pop() == 1
        taken += journal.take(1, NOW)
    assert indices(taken) == [0, 5000]


def test_many_small_batches(journal: Journal) -> None:
    """A take reads over a bounded number of them, and wakes the thread to go on."""
    for number in range(200):
        enqueue(journal, f"b{number}", [row(0)])
    woken: list[int] = []
    journal.on_runnable(lambda: woken.append(1))
    taken = journal.take(200, NOW)
    assert 0 < len(taken) < 200
    while len(taken) < 200:
        assert woken.pop() == 1
        taken += journal.take(200 - len(taken), NOW)
    assert [each.key.batch_id for each in taken] == [f"b{number}" for number in range(200)]


def test_a_session_that_fills_the_bound_holds_up_the_others(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "MAX_AHEAD", 512)
    enqueue(journal, "b1", [*(row(index, "long") for index in range(1000)), row(1000, "short")])
    seen: list[int] = []
    while 1000 not in seen:
        (replay, *others) = journal.take(2, NOW)
        seen += indices([replay, *others])
        finish(journal, replay)
    assert seen[:-1] == list(range(len(seen) - 1))
    assert 480 <= len(seen) < 1000


def test_contents_of_what_waits_are_bounded(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_PREPARED_LIMIT", 1000)
    rows = [row(index, request_content=b"%d" % index * 400) for index in range(200)]
    enqueue(journal, "b1", rows)
    taken = []
    while replays := journal.take(1, NOW):
        taken += replays
    assert [replay.request_content for replay in taken] == [each.request_content for each in rows]


def test_everything_is_read_in_order(journal: Journal) -> None:
    for number in range(5):
        enqueue(journal, f"b{number}", [row(index, "s") for index in range(0, 700, 1 + number)])
    keys = drain(journal)
    assert keys == sorted(keys)
    assert len(keys) == 700 + 350 + 234 + 175 + 140


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_where_order_is_not_strict_an_open_batch_holds_up_nobody(kind: str, folder: Path) -> None:
    strict = False
    opened = (
        open_memory(NOW, strict_order=strict)
        if kind == "memory"
        else open_sqlite(folder, NOW, strict_order=strict)
    )
    with closing(opened) as journal:
        journal.extend("b1", [row(0)], now=NOW)
        journal.extend("b2", [row(0)], now=NOW)
        enqueue(journal, "b3", [row(0), row(1)])
        assert [key.replay_id for key in drain(journal)] == ["b1.0", "b2.0", "b3.0", "b3.1"]
        journal.extend("b2", [row(1), row(2)], now=NOW)
        enqueue(journal, "b4", [row(0)])
        journal.extend("b1", [row(1)], now=NOW)
        assert [each.key.replay_id for each in journal.take(9, NOW)] == [
            "b1.1",
            "b2.1",
            "b2.2",
            "b4.0",
        ]
        journal.discard("b1")
        journal.accept("b2", now=NOW, answer=b"")
        enqueue(journal, "b5", [row(0)])
        assert [each.key.replay_id for each in journal.take(9, NOW)] == ["b5.0"]
