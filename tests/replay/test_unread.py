"""What a batch had learnt comes back in pieces; test_live_values.py has what is made of it."""

import pytest

from replayd.codec.plan import decode_plan
from replayd.journal.memory import open_memory
from replayd.model.outcome import Timings
from replayd.replay import unread
from replayd.replay.deadlines import NEVER
from replayd.replay.unread import Unread, learnt_before
from tests.replay.test_live_values import answer, made, rows, taken
from tests.support.journals import NOW, enqueue


def test_so_many_answers_are_read_in_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "_PIECE", 2)
    journal = open_memory(NOW)
    enqueue(journal, "b1", rows(6))
    live = made(journal)
    for _ in range(5):
        answer(live, journal, taken(journal))
    replay = taken(journal)
    pieces = list(learnt_before(journal, "b1", decode_plan(replay.plan)))
    assert [[each.key.slot for each in piece] for piece in pieces] == [[0, 1], [2, 3], [4]]
    journal.close()


def test_a_replay_that_waits_has_no_deadline_and_is_left_or_cancelled() -> None:
    journal = open_memory(NOW)
    enqueue(journal, "b1", rows(1))
    replay = taken(journal)
    cancelled: list[Unread] = []
    held = Unread(replay, decode_plan(replay.plan), Timings(NOW), cancelled.append)
    assert held.deadline == NEVER
    held.on_deadline()
    held.abandon()
    assert cancelled == []
    held.cancel()
    assert cancelled == [held]
    journal.close()
