"""The pace of a batch is told, and changed while it waits or runs."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.journal import paces
from replayd.journal.interface import Journal, Paced
from replayd.journal.memory import open_memory
from replayd.journal.paces import Paces
from replayd.journal.sqlite import open_sqlite
from replayd.model.batch import Terms
from replayd.model.pace import Pace
from replayd.model.replay import Row
from tests.support.journals import NOW, after_crash, drain, enqueue, indices, read_all, row, run

S = 10**9


class Timed:
    """A journal with a clock to set."""

    def __init__(self, open_: Callable[..., Journal]) -> None:
        self.now = 0
        self.journal = open_(clock=lambda: self.now)

    def at(self, seconds: float) -> list[int]:
        """What is taken then."""
        self.now = int(seconds * S)
        return indices(run(self.journal, 9))

    def due(self) -> float | None:
        """When the next one is, once nothing more may be taken."""
        assert run(self.journal, 9) == []
        return None if self.journal.next_due is None else self.journal.next_due / S


@pytest.fixture(params=["memory", "sqlite"])
def timed(request: pytest.FixtureRequest, folder: Path) -> Iterator[Timed]:
    def open_(**clock: Callable[[], int]) -> Journal:
        if request.param == "memory":
            return open_memory(NOW, strict_order=False, **clock)
        return open_sqlite(folder, NOW, strict_order=False, **clock)

    made = Timed(open_)
    with closing(made.journal):
        yield made


def captured(count: int) -> list[Row]:
    """Flows of which each was captured 10 s after the one before."""
    rows = []
    for index in range(count):
        flow = flow_pb2.Flow()
        flow.request.start_time.seconds = 10 * index
        rows.append(row(index)._replace(flow=flow.SerializeToString()))
    return rows


def paced(**pace: object) -> Terms:
    options = replay_pb2.EnqueueOptions(pace=pace)  # type: ignore[arg-type]
    return Terms(options=options.SerializeToString())


def test_another_rate_goes_on_from_the_last_replay(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(5), terms=paced(rate=1))
    assert timed.at(0) == [0]
    assert timed.at(1.5) == [1]
    assert timed.journal.set_pace("b1", Pace(rate=0.1), NOW)
    assert timed.due() == 11.5
    assert not timed.journal.set_pace("b1", Pace(rate=0.1), NOW)
    told = read_all(timed.journal)[-1].log.message
    assert told == "the pace is 0.1/s from now on"


def test_another_speed_goes_on_from_the_last_replay(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(4), terms=paced(recorded_speed=1))
    assert timed.at(0) == [0]
    timed.now = 4 * S
    timed.journal.set_pace("b1", Pace(speed=2), NOW)
    assert timed.due() == 5
    assert timed.at(5) == [1]
    assert timed.due() == 10


def test_a_batch_without_a_pace_gets_one_and_loses_it(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(5))
    (first,) = timed.journal.take(1, NOW)
    timed.now = 100 * S
    assert timed.journal.set_pace("b1", Pace(speed=1), NOW)
    assert timed.at(100) == [1]
    assert timed.due() == 110
    timed.journal.set_pace("b1", Pace(), NOW)
    assert timed.at(101) == [2, 3, 4]
    assert timed.journal.next_due is None
    assert first.lag is None


def test_from_an_even_pace_to_that_of_the_capture(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(4), terms=paced(rate=1))
    assert timed.at(0) == [0]
    timed.journal.set_pace("b1", Pace(speed=1, max_gap=3 * S), NOW)
    assert timed.at(0.5) == [1]
    assert timed.due() == 3.5


def test_what_waits_is_looked_through_once_however_much_it_is(
    timed: Timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def counted(self: Paces, *arguments: Any) -> deque[int]:
        lacking = lacking_of(self, *arguments)
        looked.append(len(lacking))
        return lacking

    lacking_of = Paces._lacking
    monkeypatch.setattr(Paces, "_lacking", counted)
    monkeypatch.setattr(paces, "_ROWS", 2)
    enqueue(timed.journal, "b1", captured(10))
    timed.journal.take(1, NOW)
    timed.journal.set_pace("b1", Pace(speed=1), NOW)
    # Then once for those that came meanwhile, and with the journal held.
    assert looked == [9, 0, 0]
    assert timed.at(60) == [1]
    assert timed.due() == 70


def test_a_paused_queue_takes_nothing_at_the_new_pace_either(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(3), terms=paced(rate=1))
    assert timed.at(0) == [0]
    timed.journal.pause(True, NOW)
    timed.journal.set_pace("b1", Pace(rate=2), NOW)
    assert timed.at(10) == []
    timed.journal.pause(False, NOW)
    assert timed.due() == 10.5


def test_how_well_it_is_kept_is_told(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(4), terms=paced(rate=1))
    enqueue(timed.journal, "b2", captured(1))
    assert timed.journal.pace("b2") == Paced(Pace())
    timed.at(0)
    timed.at(2.5)
    assert timed.journal.pace("b1") == Paced(Pace(rate=1), 3, 2 * S, 3 * S // 2)


def test_a_batch_that_has_ended_has_the_pace_that_it_had(timed: Timed) -> None:
    enqueue(timed.journal, "b1", captured(2), terms=paced(rate=1000))
    timed.journal.set_pace("b1", Pace(), NOW)
    drain(timed.journal)
    assert timed.journal.pace("b1") == Paced(Pace())
    with pytest.raises(ReplaydError, match="has ended"):
        timed.journal.set_pace("b1", Pace(rate=1), NOW)
    for ask in (timed.journal.pace, lambda name: timed.journal.set_pace(name, Pace(), NOW)):
        with pytest.raises(ReplaydError, match="no batch 'b9'"):
            ask("b9")


def test_it_lasts_across_restarts(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", captured(3))
    run(stored)
    stored.set_pace("b1", Pace(rate=0.001, max_gap=None), NOW)
    with closing(after_crash(folder)) as again:
        assert again.pace("b1").pace == Pace(rate=0.001)
        assert again.take(1, NOW) == []
        assert again.next_due is not None
