"""Parked replays: what a crash interrupted is sent again once, or dropped."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Barrier

import apsw
import pytest
from flowreplay.v1 import event_pb2

from replayd.codec.plan import decode_plan
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal, Limits, Part, Resolved, Wanted
from replayd.journal.interface import Place as At
from replayd.journal.journal import StoredJournal
from replayd.journal.memory import MemoryStore
from replayd.journal.sqlite import open_sqlite
from replayd.journal.store import Change, StoredResolution, place_of
from replayd.model.batch import Controls, Terms
from replayd.model.replay import (
    Counts,
    OnInterrupt,
    ReplayKey,
    ReplayRange,
    ReplayState,
    Resolution,
)
from replayd.reasons import Reason
from tests.support.journals import (
    DAY,
    NOW,
    OPTIONS,
    after_crash,
    drain,
    enqueue,
    indices,
    kinds,
    ranges,
    read_all,
    row,
    run,
)

DEADLINE = 30.0

LARGE = bytes(range(256)) * 1200
"""300 KiB: in a file of its own."""


def resolve(
    journal: Journal,
    flow_indices: Sequence[int] | None,
    resolution: Resolution = Resolution.RESEND,
    resent_as: str = "again",
    batch_id: str = "b1",
) -> Resolved:
    return journal.resolve(batch_id, flow_indices, resolution, resent_as=resent_as, now=NOW)


def refusal(
    journal: Journal, flow_indices: Sequence[int] | None, batch_id: str = "b1"
) -> ReplaydError:
    with pytest.raises(ReplaydError) as caught:
        resolve(journal, flow_indices, batch_id=batch_id)
    return caught.value


@pytest.fixture
def parked(folder: Path) -> Iterator[Journal]:
    """A journal of which a crash interrupted the flows 0, 1 and 4 of five."""
    before = open_sqlite(folder, NOW)
    rows = [
        row(index, request_content=LARGE if index == 1 else b"", recorded_content=b"was")
        for index in range(5)
    ]
    enqueue(
        before, "b1", rows, terms=Terms("mine", OnInterrupt.PARK, OPTIONS, Controls(owner="me"))
    )
    taken = before.take(5, NOW)
    before.begin([taken[0], taken[1], taken[4]])
    with ExitStack() as stack:
        opened = after_crash(folder)
        stack.callback(before.close)
        stack.callback(opened.close)
        assert opened.count("b1") == Counts(queued=2, interrupted=3, parked=3)
        yield opened


@pytest.fixture
def reopen(parked: Journal, folder: Path) -> Iterator[Callable[[], Journal]]:
    """Opens what a crash now would leave."""
    with ExitStack() as stack:

        def crash() -> Journal:
            opened = after_crash(folder.with_name("data+"))
            stack.callback(opened.close)
            return opened

        yield crash


def test_a_resend_is_a_new_batch_that_names_the_old_replays(
    parked: Journal, reopen: Callable[[], Journal]
) -> None:
    latest = parked.latest
    done = resolve(parked, [4, 1, 1])
    old = (ReplayRange("b1", 0, 1, 1), ReplayRange("b1", 0, 4, 4))
    assert done == Resolved(2, old, "again", latest)
    assert parked.options("again") == OPTIONS
    closed, queued = read_all(parked, latest)
    assert kinds([closed, queued]) == ["resolved", "queued"]
    assert (closed.batch_id, closed.update.resent_batch_id) == ("b1", "again")
    assert closed.update.resolution == event_pb2.RESOLUTION_RESEND
    assert (tuple(ranges(closed)), closed.update.replay_count) == (old, 2)
    assert (queued.batch_id, queued.update.resends_batch_id) == ("again", "b1")
    assert (queued.update.label, queued.update.replay_count) == ("mine", 2)
    for journal in (parked, reopen()):
        assert journal.count("b1") == Counts(queued=2, interrupted=3, parked=1)
        assert journal.count("") == Counts(queued=4, interrupted=3, parked=1)
        assert b"".join(journal.content(ReplayKey("again", 0, 1), Part.REQUEST)) == LARGE
        assert b"".join(journal.content(ReplayKey("again", 0, 4), Part.RECORDED)) == b"was"
    ran = drain(parked)
    assert [(key.batch_id, key.flow_index) for key in ran] == [
        ("b1", 2),
        ("b1", 3),
        ("again", 1),
        ("again", 4),
    ]
    (first, _) = parked.history("again", -1, 10)
    assert decode_plan(first.plan).resends_replay_id == "b1.1"
    assert (first.attempt, first.resolution) == (1, None)
    (_, old_one, *_) = parked.history("b1", -1, 10)
    assert (old_one.state, old_one.parked) == (ReplayState.INTERRUPTED, False)
    assert (old_one.resolution, old_one.resent_as) == (Resolution.RESEND, "again")


def test_a_resend_keeps_its_batch_s_policy(parked: Journal, reopen: Callable[[], Journal]) -> None:
    resolve(parked, [0])
    parked.clear("b1", NOW)
    parked.begin(parked.take(1, NOW))
    assert reopen().count("again") == Counts(interrupted=1, parked=1)


def test_a_drop_closes_all_of_a_batch(parked: Journal, reopen: Callable[[], Journal]) -> None:
    latest = parked.latest
    done = resolve(parked, None, Resolution.DROP)
    assert done == Resolved(3, (ReplayRange("b1", 0, 0, 1), ReplayRange("b1", 0, 4, 4)), "", latest)
    (event,) = read_all(parked, latest)
    assert event.update.resolution == event_pb2.RESOLUTION_DROP
    assert event.update.resent_batch_id == ""
    for journal in (parked, reopen()):
        assert journal.count("b1") == Counts(queued=2, interrupted=3)
    error = refusal(parked, None)
    assert error.reason is Reason.ALREADY_RESOLVED
    assert error.metadata["resolution"] == "DROP"


def test_each_is_resolved_once(parked: Journal) -> None:
    resolve(parked, [1])
    latest = parked.latest
    error = refusal(parked, [0, 1])
    assert error.reason is Reason.ALREADY_RESOLVED
    assert error.metadata == {
        "replay_id": "b1.1",
        "resolution": "RESEND",
        "resent_batch_id": "again",
    }
    assert parked.latest == latest, "nor was any other"
    assert resolve(parked, None, resent_as="rest").count == 2
    assert parked.count("").parked == 0


def test_who_comes_second_sees_it_in_the_commit(parked: Journal) -> None:
    """The other one resolves after this one has looked and copied."""
    assert isinstance(parked, StoredJournal)
    store = parked._ledger.store
    stage = store.stage

    def overtaken(number: int, batch_id: str, rows: Sequence[object]) -> None:
        stage(number, batch_id, rows)  # type: ignore[arg-type]
        if rows:
            store.stage = stage  # type: ignore[method-assign]
            parked._ledger.writing.release()
            try:
                resolve(parked, [0], Resolution.DROP)
            finally:
                parked._ledger.writing.acquire()

    store.stage = overtaken  # type: ignore[method-assign]
    assert refusal(parked, [0]).reason is Reason.ALREADY_RESOLVED
    assert parked.count("") == Counts(queued=2, interrupted=3, parked=2)
    with pytest.raises(ReplaydError, match="no batch 'again'"):
        parked.count("again")
    resolve(parked, [1])
    assert parked.count("again") == Counts(queued=1), "nothing is left of what was copied"


def test_what_is_not_parked_is_refused(journal: Journal) -> None:
    enqueue(journal, "b1", [row(0, "s"), row(2, "s"), row(3), row(4)])
    run(journal)
    journal.begin(journal.take(1, NOW))
    assert refusal(journal, None, "b0").reason is Reason.BATCH_NOT_FOUND
    for index in (1, 5, -1, 1 << 40):
        assert refusal(journal, [index]).reason is Reason.REPLAY_NOT_FOUND
    journal.clear("b1", NOW)
    for index, state in ((0, "SUCCEEDED"), (2, "RUNNING"), (3, "CLEARED")):
        error = refusal(journal, [index])
        assert error.reason is Reason.NOT_PARKED
        assert error.metadata == {"replay_id": f"b1.{index}", "state": state}
    latest = journal.latest
    assert resolve(journal, None) == Resolved(0, (), "", latest)
    assert journal.latest == latest


def test_a_crash_while_it_is_copied_leaves_all_parked(
    parked: Journal, reopen: Callable[[], Journal]
) -> None:
    parked.stage("again", [row(0), row(1)])
    again = reopen()
    assert again.count("") == Counts(queued=2, interrupted=3, parked=3)
    assert resolve(again, None).count == 3


def test_what_is_sent_again_can_be_cleared(parked: Journal) -> None:
    resolve(parked, None)
    assert parked.clear("again", NOW).count == 3
    assert parked.count("") == Counts(queued=2, interrupted=3, cleared=3)
    assert indices(drain(parked)) == [2, 3]


def test_retention_removes_what_nobody_resolved(
    parked: Journal, reopen: Callable[[], Journal]
) -> None:
    resolve(parked, [0])
    drain(parked)
    assert parked.count("").parked == 2
    slices = list(parked.retain(Limits(age=DAY), NOW + 9 * DAY))
    assert sum(each.parked for each in slices) == 2
    assert parked.count("") == Counts(succeeded=3, interrupted=3)
    assert refusal(parked, [1]).reason is Reason.BATCH_NOT_FOUND
    assert isinstance(parked, StoredJournal)
    assert parked._ledger.store.resolution(place_of(1, 0)) is None
    # The next start counts what is there.
    assert reopen().count("") == Counts(succeeded=3, interrupted=3)


def test_resolves_races_with_clears_and_retention(parked: Journal) -> None:
    """Each is resolved once or removed with its batch; the books balance all the while."""
    start = Barrier(4)
    resolved: list[int] = []

    def resolving(name: str) -> None:
        start.wait(DEADLINE)
        for index in (0, 1, 4):
            with suppress(ReplaydError):
                resolved.append(resolve(parked, [index], resent_as=f"{name}{index}").count)

    def clearing() -> None:
        start.wait(DEADLINE)
        for _ in range(10):
            parked.clear("", NOW)
            list(parked.retain(Limits(age=DAY), NOW + 9 * DAY))

    def counting() -> None:
        start.wait(DEADLINE)
        for _ in range(200):
            told = parked.count("")
            assert told.interrupted == 3
            assert told.queued + told.cleared + told.interrupted >= 5

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(resolving, "x"), pool.submit(resolving, "y")]
        work += [pool.submit(clearing), pool.submit(counting)]
        for done in work:
            done.result(DEADLINE)
    parked.clear("", NOW)
    told = parked.count("")
    assert told.queued == 0
    assert told.cleared == 2 + sum(resolved)
    assert sum(resolved) <= 3
    list(parked.retain(Limits(age=DAY), NOW + 9 * DAY))
    assert parked.count("").parked == 0


def test_a_lost_row_is_noticed(parked: Journal, folder: Path) -> None:
    resolve(parked, [0], Resolution.DROP)
    parked.close()
    connection = apsw.Connection(str(folder.with_name("data+") / "journal.db"))
    connection.execute("UPDATE resolved SET resent_as = 'x'")
    connection.close()
    again = open_sqlite(folder.with_name("data+"), NOW)
    with pytest.raises(JournalError, match=r"what was done with it of batch 1, flow 0, .* damaged"):
        resolve(again, [0])
    again.close()
    connection = apsw.Connection(str(folder.with_name("data+") / "journal.db"))
    connection.execute("DELETE FROM resolved")
    connection.close()
    with pytest.raises(JournalError, match=r"number of resolved replays \(0\)"):
        open_sqlite(folder.with_name("data+"), NOW)


def test_a_store_in_memory_knows_what_was_resolved() -> None:
    store = MemoryStore()
    store.stage(1, "b1", [row(0)])
    done = StoredResolution(place_of(1, 0), Resolution.DROP, "")
    store.commit(Change(resolved=[done]))
    assert store.resolution(done.place) == done
    assert store.past(done.place, done.place, 1, 1)[0].resolution == done
    store.discard(1)
    while store.erase() is not None:
        pass
    assert store.resolution(done.place) is None


def test_only_parked_ones_are_listed(parked: Journal) -> None:
    resolve(parked, [1])
    wanted = Wanted(parked=True)
    found = parked.replays(At(), wanted, 10)
    assert [past.key.flow_index for past in found.replays] == [0, 4]
    assert found.more
    assert not parked.replays(At(99), wanted, 10).more
