"""One place commits: what fails leaves no trace, and who only looks waits for nobody."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Limits
from replayd.journal.journal import StoredJournal
from replayd.journal.memory import MemoryStore
from replayd.journal.store import Change, Prepared
from replayd.model.replay import Counts
from tests.support.journals import NOW, drain, enqueue, finish, indices, kinds, note, read_all, row

DEADLINE = 10


class TestedStore(MemoryStore):
    """A store that fails or waits when it is told to."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.failing = False
        self.lasting = False
        self.changes = 0
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def prepared(self, *args: int) -> Sequence[Prepared]:
        if self.failing:
            raise JournalError("no room")
        return super().prepared(*args)

    def commit(self, change: Change) -> None:
        self.entered.set()
        assert self.go_on.wait(DEADLINE)
        if self.failing:
            self.failure = "the disk failed" if self.lasting else ""
            raise JournalError("no room")
        self.changes += 1
        super().commit(change)


@pytest.fixture
def store() -> TestedStore:
    return TestedStore()


@pytest.fixture
def journal(store: TestedStore) -> StoredJournal:
    return StoredJournal(store, NOW)


@contextmanager
def committing(store: TestedStore, work: Callable[[], object]) -> Iterator[None]:
    """Inside, a commit is on its way to the disk; after, it has ended."""
    store.entered.clear()
    store.go_on.clear()
    worker = threading.Thread(target=work)
    worker.start()
    assert store.entered.wait(DEADLINE)
    try:
        yield
    finally:
        store.go_on.set()
        worker.join(DEADLINE)


def test_a_commit_that_fails_is_made_up_for_by_the_next(
    store: TestedStore, journal: StoredJournal
) -> None:
    enqueue(journal, "b1", [row(0), row(1)])
    first, second = journal.take(2, NOW)
    journal.emit([note("before")])
    finish(journal, first)
    store.failing = True
    with pytest.raises(JournalError, match="no room"):
        journal.commit()
    assert journal.latest == 1
    assert journal.count("") == Counts(running=2)
    finish(journal, second)
    with pytest.raises(JournalError):
        journal.commit()
    store.failing = False
    journal.commit()
    assert journal.count("") == Counts(succeeded=2)
    events = read_all(journal)
    assert kinds(events) == ["queued", "log", "response", "response"]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.replay_id for event in events[2:]] == ["b1.0", "b1.1"]


def test_an_enqueue_that_fails_may_be_tried_again(
    store: TestedStore, journal: StoredJournal
) -> None:
    assert journal.reserve("r", None) is None
    journal.stage("b1", [row(0)])
    store.failing = True
    with pytest.raises(JournalError):
        journal.accept("b1", now=NOW, answer=b"", request_id="r")
    assert (journal.count(""), journal.latest) == (Counts(), 0)
    assert journal.take(1, NOW) == []
    store.failing = False
    assert journal.accept("b1", now=NOW, answer=b"", request_id="r").sequence == 0
    assert indices(drain(journal)) == [0]


def test_a_clear_that_fails_clears_nothing(store: TestedStore, journal: StoredJournal) -> None:
    enqueue(journal, "b1", [row(index) for index in range(4)])
    drained = journal.take(1, NOW)
    store.failing = True
    with pytest.raises(JournalError):
        journal.clear("", NOW)
    assert journal.count("") == Counts(queued=3, running=1)
    store.failing = False
    assert indices(journal.take(9, NOW)) == [1, 2, 3]
    assert indices(drained) == [0]


def test_a_pause_that_fails_is_none(store: TestedStore, journal: StoredJournal) -> None:
    store.failing = True
    with pytest.raises(JournalError):
        journal.pause(True, NOW)
    assert not journal.paused


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_begin_that_fails_may_be_tried_again(
    store: TestedStore, journal: StoredJournal, idempotent: bool
) -> None:
    enqueue(journal, "b1", [row(0, idempotent=idempotent)])
    replays = journal.take(1, NOW)
    store.failing = True
    for _ in range(2):
        with pytest.raises(JournalError):
            journal.begin(replays)
    store.failing = False
    changes = store.changes
    journal.begin(replays)
    journal.begin(replays)
    assert store.changes == changes + 1


def test_a_take_that_fails_takes_nothing(store: TestedStore, journal: StoredJournal) -> None:
    enqueue(journal, "b1", [row(0, "a"), row(1, "a"), row(2, "b")])
    store.failing = True
    for _ in range(2):
        with pytest.raises(JournalError):
            journal.take(2, NOW)
    assert (journal.count(""), journal.running()) == (Counts(queued=3), [])
    store.failing = False
    assert indices(drain(journal)) == [0, 1, 2]


def test_after_a_lasting_failure_nothing_is_written(
    store: TestedStore, journal: StoredJournal
) -> None:
    journal.emit([note("one")])
    store.failing = store.lasting = True
    with pytest.raises(JournalError, match="no room"):
        journal.commit()
    assert journal.failure == "the disk failed"
    store.failing = False
    changes = store.changes

    def retain() -> None:
        next(journal.retain(Limits(age=1), NOW))

    for call in (journal.commit, lambda: journal.stage("b1", []), retain):
        with pytest.raises(JournalError, match="the disk failed"):
            call()
    journal.close()
    assert store.changes == changes


def test_who_only_looks_does_not_wait_for_a_commit(
    store: TestedStore, journal: StoredJournal
) -> None:
    enqueue(journal, "b1", [row(index, f"s{index}") for index in range(9)])
    _, second = journal.take(2, NOW)
    journal.emit([note("being committed")])
    with committing(store, journal.commit):
        assert journal.count("") == journal.count("b1") == Counts(queued=7, running=2)
        assert (journal.latest, journal.paused, journal.failure) == (1, False, "")
        assert len(journal.running()) == 2
        assert len(journal.read(0, limit=9, max_bytes=1 << 20).events) == 1
        finish(journal, second)
        assert indices(journal.take(1, NOW)) == [2]
    assert kinds(read_all(journal)) == ["queued", "log"]
    journal.commit()
    assert kinds(read_all(journal)) == ["queued", "log", "response"]


def test_nothing_is_taken_while_a_clear_is_committed(
    store: TestedStore, journal: StoredJournal
) -> None:
    enqueue(journal, "b1", [row(index) for index in range(9)])
    drain_one = journal.take(1, NOW)
    finish(journal, drain_one[0])
    woken: list[int] = []
    journal.on_runnable(lambda: woken.append(1))
    with committing(store, lambda: journal.clear("b1", NOW)):
        assert journal.take(1, NOW) == []
        assert woken == []
    assert woken == [1]
    assert journal.count("") == Counts(succeeded=1, cleared=8)


def test_who_commits_takes_along_what_others_handed_over(
    store: TestedStore, journal: StoredJournal
) -> None:
    journal.emit([note("first")])
    with committing(store, journal.commit):
        journal.emit([note("second"), note("third")])
        assert journal.latest == 0
    enqueue(journal, "b1", [row(0)])
    assert kinds(read_all(journal)) == ["log", "log", "log", "queued"]
    assert store.changes == 2


def test_an_empty_commit_writes_nothing(store: TestedStore, journal: StoredJournal) -> None:
    journal.commit()
    assert store.changes == 0
