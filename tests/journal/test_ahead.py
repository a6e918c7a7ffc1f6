"""Reading ahead, on every journal: bounded in time and memory."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.journal import ahead
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.pacing import AHEAD
from replayd.journal.sqlite import open_sqlite
from replayd.model.batch import Terms
from replayd.model.replay import Row
from tests.support.journals import NOW, drain, enqueue, finish, indices, read_all, row, run


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


SECOND = 10**9


def paced(**pace: object) -> Terms:
    options = replay_pb2.EnqueueOptions(pace=pace)  # type: ignore[arg-type]
    return Terms(options=options.SerializeToString())


def captured(index: int, seconds: int, **fields: Any) -> Row:
    """A flow that was captured then."""
    flow = flow_pb2.Flow()
    flow.request.start_time.seconds = seconds
    return row(index, **fields)._replace(flow=flow.SerializeToString())


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_recorded_times_are_read_with_the_flows(kind: str, folder: Path) -> None:
    now = [0]
    clock: dict[str, Any] = {"strict_order": False, "clock": lambda: now[0]}
    made = open_memory(NOW, **clock) if kind == "memory" else open_sqlite(folder, NOW, **clock)
    with closing(made) as journal:
        rows = [captured(0, 100), captured(1, 104), captured(2, 102)]
        enqueue(journal, "b1", rows, terms=paced(recorded_speed=2))
        assert indices(run(journal, 9)) == [0]
        assert journal.next_due == SECOND
        now[0] = SECOND - 1
        assert journal.take(9, NOW) == []
        now[0] = SECOND
        (second,) = run(journal, 9)
        assert (second.key.flow_index, second.lag) == (2, 0)
        now[0] = 5 * SECOND
        (late,) = run(journal, 9)
        assert (late.key.flow_index, late.lag) == (1, 3 * SECOND)
        assert journal.next_due is None
        told = [event for event in read_all(journal) if event.HasField("log")]
        assert [event.log.message.partition(":")[0] for event in told] == [
            "the batch is 3.0 s behind its pace"
        ]


def test_a_run_begins_when_the_last_flow_of_the_one_before_is_due(folder: Path) -> None:
    now = [0]
    options = replay_pb2.EnqueueOptions(pace={"recorded_speed": 1}, repeat_count=2)  # type: ignore[arg-type]
    terms = Terms(options=options.SerializeToString())
    taken: dict[str, int] = {}
    with closing(open_sqlite(folder, NOW, clock=lambda: now[0])) as journal:
        enqueue(journal, "b1", [captured(0, 100), captured(1, 103)], terms=terms)
        while len(taken) < 4:
            taken |= {each.key.replay_id: now[0] // SECOND for each in run(journal)}
            now[0] = journal.next_due or now[0]
    assert taken == {"b1.0": 0, "b1.1": 3, "b1.0.1": 3, "b1.1.1": 6}


def test_a_restart_goes_on_from_the_last_flow_that_ran(folder: Path) -> None:
    rows = [captured(0, 100), captured(3, 103), captured(4, 109)]
    now = [0]
    with closing(open_sqlite(folder, NOW, clock=lambda: now[0])) as journal:
        enqueue(journal, "b1", rows, terms=paced(recorded_speed=1))
        run(journal)
        now[0] = 3 * SECOND
        run(journal)
        left = folder.with_name("left")
        shutil.copytree(folder, left)
    with closing(open_sqlite(left, NOW, clock=lambda: now[0])) as again:
        now[0] = 50 * SECOND
        assert again.take(1, NOW) == []
        assert again.next_due == 56 * SECOND


def test_a_paused_queue_stops_the_schedule(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0), row(1)], terms=paced(rate=0.001))
    run(journal)
    assert journal.take(1, NOW) == []
    due = journal.next_due
    journal.pause(True, NOW)
    assert journal.take(1, NOW) == []
    assert journal.next_due is None
    journal.pause(False, NOW)
    assert journal.take(1, NOW) == []
    assert due is not None
    assert journal.next_due is not None
    assert journal.next_due > due


def test_of_what_waits_for_its_time_little_is_read_ahead() -> None:
    with closing(open_memory(NOW, strict_order=False)) as journal:
        many = [row(index) for index in range(AHEAD + 1000)]
        enqueue(journal, "b1", many, terms=paced(rate=0.001))
        enqueue(journal, "b2", [row(0)])
        assert [key.batch_id for key in drain(journal, 4)] == ["b1", "b2"]
