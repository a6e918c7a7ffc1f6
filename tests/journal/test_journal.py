"""The whole journal: its books balance whatever is done to it, on every store."""

import random

import pytest
from flowreplay.v1 import event_pb2

from replayd.errors import JournalError
from replayd.journal.interface import Journal
from replayd.model.replay import Counts, Replay, ReplayState
from tests.support.journals import NOW, enqueue, finish, note, read_all, row

STEPS = 300
ENDS = (ReplayState.SUCCEEDED, ReplayState.FAILED, ReplayState.KILLED)


class Model:
    """What a journal should hold, as simply as it can be said."""

    def __init__(self, journal: Journal, seed: int) -> None:
        self.journal = journal
        self.random = random.Random(seed)
        self.queued: list[tuple[str, int, str]] = []
        """(batch, flow index, session) in the order of the queue."""
        self.running: list[Replay] = []
        self.handed: list[Replay] = []
        self.ended: dict[tuple[str, int], ReplayState] = {}
        self.batches = 0

    def enqueue(self) -> None:
        self.batches += 1
        batch_id = f"b{self.batches}"
        indices = sorted(self.random.sample(range(60), self.random.randrange(30)))
        rows = [row(index, f"s{self.random.randrange(4)}") for index in indices]
        enqueue(self.journal, batch_id, rows)
        self.queued += [(batch_id, each.flow_index, each.session) for each in rows]
        self._durable()

    def take(self) -> None:
        limit = self.random.randrange(1, 6)
        replays = self.journal.take(limit, NOW)
        expected = self._eligible()[:limit]
        assert [(each.key.batch_id, each.key.flow_index) for each in replays] == [
            each[:2] for each in expected
        ]
        self.queued = [each for each in self.queued if each not in expected]
        self.running += replays
        self.journal.begin(replays)
        self._durable()

    def finish(self) -> None:
        if self.running:
            replay = self.running.pop(self.random.randrange(len(self.running)))
            state = self.random.choice(ENDS)
            finish(self.journal, replay, state)
            self.handed.append(replay)
            self.ended[replay.key.batch_id, replay.key.flow_index] = state

    def commit(self) -> None:
        self.journal.commit()
        self._durable()

    def clear(self) -> None:
        batch_id = self.random.choice(["", f"b{self.random.randint(1, max(self.batches, 1))}"])
        if batch_id and not self.batches:
            return
        gone = [each for each in self.queued if batch_id in ("", each[0])]
        cleared = self.journal.clear(batch_id, NOW)
        assert cleared.count == len(gone)
        self.queued = [each for each in self.queued if each not in gone]
        self.ended |= {each[:2]: ReplayState.CLEARED for each in gone}
        self._durable()

    def check(self) -> None:
        ended = [state.name.lower() for state in self.ended.values()]
        for replay in self.handed:
            state = self.ended[replay.key.batch_id, replay.key.flow_index]
            ended.remove(state.name.lower())
        counts = {name: ended.count(name) for name in set(ended)}
        running = len(self.running) + len(self.handed)
        assert self.journal.count("") == Counts(queued=len(self.queued), running=running, **counts)

    def _eligible(self) -> list[tuple[str, int, str]]:
        busy = {(each.key.batch_id, each.session) for each in self.running}
        eligible = []
        for each in self.queued:
            if (each[0], each[2]) not in busy:
                busy.add((each[0], each[2]))
                eligible.append(each)
        return eligible

    def _durable(self) -> None:
        """A `begin` may have needed a commit or not: the log tells."""
        if self.handed and self.journal.count("").running == len(self.running):
            self.handed.clear()


def ends(events: list[event_pb2.Event], accepted: set[tuple[str, int]]) -> list[tuple[str, int]]:
    """Every replay that an event ends, as often as one does."""
    found = []
    for event in events:
        if event.WhichOneof("payload") in ("response", "error"):
            found.append((event.batch_id, int(event.replay_id.split(".")[1])))
        elif event.update.kind == event_pb2.UPDATE_KIND_CLEARED:
            found += [
                (each.batch_id, index)
                for each in event.update.ranges
                for index in range(each.first_index, each.last_index + 1)
                if (each.batch_id, index) in accepted
            ]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_books_balance(journal: Journal, seed: int) -> None:
    model = Model(journal, seed)
    steps = [model.enqueue, model.take, model.take, model.finish, model.finish, model.commit]
    for _ in range(STEPS):
        model.random.choice([*steps, *steps, *steps, model.clear])()
        model.check()
    while model.running or model.queued:
        model.take()
        while model.running:
            model.finish()
        model.commit()
        model.check()
    assert journal.count("").idle
    events = read_all(journal)
    assert [event.sequence for event in events] == list(range(1, journal.latest + 1))
    assert sorted(ends(events, set(model.ended))) == sorted(model.ended)


def test_close_commits_and_can_be_repeated(journal: Journal) -> None:
    seen: list[int] = []
    journal.on_append(lambda: seen.append(journal.latest))
    journal.emit([note("last words")])
    journal.close()
    journal.close()
    assert seen == [1]


def test_a_closed_journal_says_so(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    journal.close()
    for call in (
        journal.commit,
        lambda: journal.stage("b2", [row(0)]),
        lambda: journal.take(1, NOW),
        lambda: journal.clear("", NOW),
        lambda: journal.pause(True, NOW),
    ):
        with pytest.raises(JournalError, match="closed"):
            call()
    assert journal.count("").queued == 1


def test_a_fresh_journal(journal: Journal) -> None:
    assert journal.info.kind in ("memory", "sqlite")
    assert len(journal.info.store_id) == 16
    assert journal.info.epoch == 1
    assert journal.failure == ""
