"""A thread that feeds a process: in order, until it is closed, and without anything to do."""

import threading
from unittest.mock import Mock, patch

import pytest

from replayd.comparer import lane as module
from replayd.comparer.lane import Lane
from replayd.comparer.process import ComparerProcess, ComparerSettings
from tests.support.processes import DEADLINE


class Made:
    """A lane with a process that does nothing."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.process = Mock()
        self.closed = threading.Event()
        self.process.close = self.closed.set
        with patch.object(module, "ComparerProcess", return_value=self.process):
            self.lane: Lane[int] = Lane("lane", ComparerSettings(), self.ask)

    def ask(self, asked: int, process: ComparerProcess) -> None:
        assert process is self.process
        self.asked.append(asked)


def test_one_after_the_other_until_it_is_closed() -> None:
    made = Made()
    for number in range(3):
        made.lane.put(number)
    made.lane.close()
    made.lane.put(3)
    assert made.closed.wait(DEADLINE)
    assert made.asked == [0, 1, 2]


def test_nothing_is_started_for_nothing() -> None:
    made = Made()
    made.lane.close()
    assert made.lane._thread.ident is None
    made.lane.put(1)
    assert made.closed.wait(DEADLINE)
    assert made.asked == []


def test_a_process_with_nothing_to_do_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    made = Made()
    made.lane.put(1)
    assert made.closed.wait(DEADLINE)
    made.lane.close()
