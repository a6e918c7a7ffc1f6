"""Retention, on every journal: what is old goes as a whole, what is under way stays."""

from collections.abc import Callable
from itertools import islice

import pytest

from replayd.codec.event import log_event
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import ROW_CONTENT_LIMIT, Journal, Limits, Part, Removed
from replayd.journal.journal import StoredJournal
from replayd.journal.memory import MemoryStore
from replayd.model.event import LogLevel
from replayd.model.replay import Counts, ReplayKey
from replayd.reasons import Reason
from tests.support.journals import (
    DAY,
    NOW,
    decoded,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    note,
    read_all,
    row,
    run,
)

LATER = NOW + 9 * DAY
LARGE = b"x" * (2 * ROW_CONTENT_LIMIT + 7)
AGED = Limits(age=DAY)
TINY = Limits(size=1)


def retain(journal: Journal, limits: Limits = AGED, now: int = LATER) -> Removed:
    """Removes all that is over the limits."""
    slices = list(journal.retain(limits, now))
    return Removed(*map(sum, zip(*slices, strict=True))) if slices else Removed()


def log_at(journal: Journal, *times: int) -> None:
    journal.emit([log_event(LogLevel.INFO, "a note", time) for time in times])
    journal.commit()


def oldest(journal: Journal) -> int:
    return journal.read(journal.latest, limit=1, max_bytes=1).oldest


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises(ReplaydError) as caught:
        call()
    return caught.value.reason


def is_gone(journal: Journal, batch_id: str) -> bool:
    """Whether nobody is served anything of a batch any more."""
    calls = (
        lambda: journal.count(batch_id),
        lambda: journal.history(batch_id, -1, 9),
        lambda: next(journal.content(ReplayKey(batch_id, 0, 0), Part.REQUEST)),
        lambda: journal.clear(batch_id, NOW),
    )
    try:
        journal.count(batch_id)
    except ReplaydError:
        assert [reason_of(call) for call in calls] == [Reason.BATCH_NOT_FOUND] * len(calls)
        return True
    return False


def test_without_limits_all_is_kept(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    run(journal)
    assert retain(journal, Limits()) == Removed()
    assert kinds(read_all(journal)) == ["queued", "response"]


def test_events_go_by_their_age(journal: Journal) -> None:
    log_at(journal, *range(NOW, NOW + 1000))
    assert retain(journal, Limits(age=100), NOW + 400) == Removed(events=300)
    assert oldest(journal) == 301
    assert retain(journal, Limits(age=100), NOW + 400) == Removed()
    refusal = reason_of(lambda: journal.read(299, limit=1, max_bytes=1))
    assert refusal is Reason.SEQUENCE_COMPACTED
    assert retain(journal, Limits(age=100)) == Removed(events=700)
    assert (oldest(journal), journal.latest) == (0, 1000)


@pytest.mark.parametrize("limits", [AGED, TINY])
def test_a_batch_goes_as_a_whole_with_its_last_event(journal: Journal, limits: Limits) -> None:
    empty = journal.size().used
    enqueue(journal, "b1", [row(n, request_content=LARGE, recorded_content=b"r") for n in (0, 3)])
    run(journal, content=LARGE)
    run(journal)
    enqueue(journal, "b2", [row(0), row(5)])
    journal.clear("b2", NOW)
    enqueue(journal, "b3", [])
    enqueue(journal, "b4", [row(0)])
    run(journal)
    last = journal.latest
    before = journal.size().used
    assert before > empty + 2 * len(LARGE)
    kept = retain(journal, limits).batches == 3
    assert kept == (limits is TINY)
    assert all(is_gone(journal, batch_id) for batch_id in ("b1", "b2", "b3"))
    assert journal.count("") == Counts(succeeded=3, cleared=2)
    assert journal.size().used < before - 2 * len(LARGE)
    assert journal.latest == last
    assert is_gone(journal, "b4") != kept


def test_against_a_size_the_oldest_go_first(journal: Journal) -> None:
    for number in range(20):
        enqueue(journal, f"b{number}", [row(0, request_content=bytes(100_000))])
        run(journal)
        retain(journal, Limits())
    size = journal.size().used
    limit = size // 2
    retain(journal, Limits(size=limit))
    assert limit * 0.8 < journal.size().used <= limit
    gone = [is_gone(journal, f"b{number}") for number in range(20)]
    assert gone == sorted(gone, reverse=True)
    assert 8 < sum(gone) < 13
    assert retain(journal, Limits(size=limit)) == Removed()


def test_against_a_size_the_batch_that_ended_last_is_kept(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    run(journal)
    log_at(journal, NOW)
    enqueue(journal, "b2", [row(n, request_content=bytes(100_000)) for n in range(5)])
    drain(journal)
    retain(journal, TINY)
    assert is_gone(journal, "b1")
    assert len(journal.history("b2", -1, 9)) == 5
    assert kinds(read_all(journal, oldest(journal) - 1)) == ["response"] * 5
    enqueue(journal, "b3", [row(0)])
    run(journal)
    retain(journal, TINY)
    assert is_gone(journal, "b2")


def test_what_is_under_way_stays_with_its_events(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    run(journal)
    enqueue(journal, "b2", [row(index, request_content=LARGE) for index in range(4)])
    run(journal)
    (running,) = journal.take(1, NOW)
    enqueue(journal, "b3", [row(0)])
    run(journal)
    for limits in (AGED, TINY):
        retain(journal, limits)
        assert is_gone(journal, "b1")
        assert kinds(read_all(journal, oldest(journal) - 1)) == ["response", "queued", "response"]
    assert b"".join(journal.content(running.key, Part.REQUEST)) == LARGE
    finish(journal, running)
    assert indices(drain(journal)) == [3, 0]
    assert journal.count("b2") == Counts(succeeded=4)
    assert retain(journal).batches == 2


def test_what_waits_does_not_keep_what_was_before_it(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    enqueue(journal, "b2", [row(0), row(1)])
    run(journal)
    assert retain(journal) == Removed(events=3, batches=1)
    assert journal.count("") == Counts(queued=2, succeeded=1)
    assert indices(drain(journal)) == [0, 1]
    assert kinds(read_all(journal, 3)) == ["response", "response"]


def test_a_removal_that_is_given_up_goes_on_later(journal: Journal) -> None:
    enqueue(journal, "b1", [row(n, request_content=LARGE) for n in range(20)])
    drain(journal)
    before = journal.size().used
    for _ in range(60):
        slices = list(islice(journal.retain(AGED, LATER), 1))
        assert is_gone(journal, "b1") or len(journal.history("b1", -1, 20)) == 20
        assert journal.count("") == Counts(succeeded=20)
        if not slices:
            break
    assert is_gone(journal, "b1")
    assert journal.size().used < before // 50


def test_a_content_is_never_cut_short(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, request_content=LARGE)])
    run(journal)
    pieces = journal.content(ReplayKey("b1", 0, 0), Part.REQUEST)
    assert len(next(pieces)) == ROW_CONTENT_LIMIT
    retain(journal)
    assert sum(map(len, pieces)) == len(LARGE) - ROW_CONTENT_LIMIT
    again = journal.content(ReplayKey("b1", 0, 0), Part.REQUEST)
    assert reason_of(lambda: next(again)) is Reason.BATCH_NOT_FOUND


def test_a_batch_stays_until_its_last_event_is_old(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0)])
    run(journal)
    log_at(journal, LATER)
    assert retain(journal, AGED, NOW + DAY) == Removed()
    assert not is_gone(journal, "b1")
    assert retain(journal, AGED, NOW + DAY + 1) == Removed(events=2, batches=1)
    assert is_gone(journal, "b1")


def test_damaged_events_are_passed_over(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    log_at(journal, *[NOW] * 9, LATER)
    store = journal._ledger.store
    intact = store.events

    def damaged(after: int, *args: object) -> object:
        if after < 9:
            raise JournalError("event is damaged")
        return intact(after, *args)

    monkeypatch.setattr(store, "events", damaged)
    assert retain(journal, AGED, LATER) == Removed()
    assert retain(journal, AGED, LATER + 2 * DAY) == Removed(events=10)


def test_a_log_of_nothing_but_damage_says_so(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_at(journal, *[NOW] * 10)

    def damaged(*_: object) -> object:
        raise JournalError("event is damaged")

    monkeypatch.setattr(journal._ledger.store, "events", damaged)
    with pytest.raises(JournalError, match="the events from 6 to 10 are damaged; restore"):
        retain(journal)


def test_what_is_free_is_given_back(stored: Journal) -> None:
    enqueue(stored, "b1", [row(n, request_content=bytes(200_000)) for n in range(100)])
    drain(stored)
    before = stored.size()
    retain(stored)
    after = stored.size()
    assert after.used < before.used // 10
    assert after.free < 17 << 20 < before.used


def test_memory_counts_what_it_holds() -> None:
    store = MemoryStore()
    store.stage(1, "b1", [row(0, request_content=bytes(1000))])
    assert store.size().used > 1000
    store.discard(1)
    journal = StoredJournal(store, NOW)
    retain(journal, Limits())
    assert store.size() == (0, 0)
    enqueue(journal, "b1", [row(0, recorded_content=bytes(1000))])
    run(journal, content=bytes(1000))
    assert store.size().used > 2000
    retain(journal)
    assert store.size() == (0, 0)


def test_an_event_is_kept_until_then(journal: Journal) -> None:
    journal.emit([note("kept")])
    journal.commit()
    assert retain(journal, AGED, NOW + DAY) == Removed()
    (event,) = decoded(journal.read(0, limit=1, max_bytes=1))
    assert event.log.message == "kept"


def test_an_open_batch_stays_until_it_is_closed(journal: Journal) -> None:
    journal.extend("b1", [row(0)], now=NOW)
    run(journal)
    journal.extend("b1", [row(1)], now=NOW)
    run(journal)
    log_at(journal, NOW, NOW)
    retain(journal)
    assert not is_gone(journal, "b1")
    journal.extend("b1", [row(2)], now=LATER)
    assert indices(drain(journal)) == [2]
    journal.accept("b1", now=LATER, answer=b"")
    assert journal.count("b1") == Counts(succeeded=3)
    log_at(journal, LATER, LATER + 2 * DAY)
    retain(journal, now=LATER + 4 * DAY)
    assert is_gone(journal, "b1")
    assert journal.count("") == Counts(succeeded=3)
