"""What a crash leaves, and what becomes of it at the next opening."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Limits, Part
from replayd.model.batch import Terms
from replayd.model.event import EventKind
from replayd.model.replay import Counts, OnInterrupt, ReplayKey, ReplayRange, ReplayState
from replayd.reasons import Reason
from tests.support.journals import (
    NOW,
    after_crash,
    drain,
    enqueue,
    finish,
    indices,
    kinds,
    note,
    ranges,
    read_all,
    row,
    run,
    trim,
)

Crash = Callable[[], Journal]


@pytest.fixture
def crash(stored: Journal, folder: Path) -> Iterator[Crash]:
    """Opens what is left of the last journal that was opened, again and again."""
    with ExitStack() as stack:
        folders = [folder]

        def reopen() -> Journal:
            journal = after_crash(folders[-1], NOW + 1)
            folders.append(folders[-1].with_name(folders[-1].name + "+"))
            stack.callback(journal.close)
            return journal

        yield reopen


def test_after_a_clean_end_nothing_is_in_doubt(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(index) for index in range(5)])
    run(stored, 2)
    stored.close()
    again = crash()
    assert again.info == stored.info
    assert again.latest == stored.latest
    assert again.count("") == again.count("b1") == Counts(queued=3, succeeded=2)
    assert [(each.key.flow_index, each.attempt) for each in again.take(5, NOW)] == [
        (2, 1),
        (3, 1),
        (4, 1),
    ]


def test_after_a_clean_end_only_what_runs_is_in_doubt(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(index, idempotent=index != 1) for index in range(5)])
    stored.begin(stored.take(2, NOW))
    stored.close()
    again = crash()
    assert kinds(read_all(again)) == ["queued", "requeued", "error"]
    assert again.count("") == Counts(queued=4, interrupted=1, parked=1)
    assert [replay.attempt for replay in again.take(2, NOW)] == [2, 1]


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_was_only_taken_is_queued_as_before(
    stored: Journal, crash: Crash, idempotent: bool
) -> None:
    enqueue(stored, "b1", [row(0, idempotent=idempotent), row(1)])
    assert len(stored.take(2, NOW)) == 2
    again = crash()
    assert kinds(read_all(again)) == ["queued"]
    assert [(each.key.flow_index, each.attempt) for each in again.take(2, NOW)] == [(0, 1), (1, 1)]


def test_an_idempotent_replay_is_queued_again_marked(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(index, "s") for index in range(3)])
    stored.begin(stored.take(1, NOW))
    again = crash()
    event = read_all(again)[-1]
    assert kinds([event]) == ["requeued"]
    assert event.record_time.ToNanoseconds() == NOW + 1
    assert again.count("") == Counts(queued=3)
    (replay,) = again.take(1, NOW)
    assert (replay.key.flow_index, replay.attempt) == (0, 2)


def test_claimed_ahead_counts_as_queued_and_may_have_been_sent(
    stored: Journal, crash: Crash
) -> None:
    enqueue(stored, "b1", [row(index, "s") for index in range(100)])
    stored.begin(stored.take(1, NOW))
    assert stored.count("") == Counts(queued=99, running=1)
    again = crash()
    event = read_all(again)[-1]
    assert ranges(event) == [ReplayRange("b1", 0, 0, 31)]
    assert event.update.replay_count == 32
    assert indices(drain(again)) == list(range(100))


def test_a_blocked_session_is_not_claimed_in_vain(stored: Journal, crash: Crash) -> None:
    rows = [*(row(index, "long") for index in range(600)), row(600, "b"), row(601, "b")]
    enqueue(stored, "b1", rows)
    long = stored.take(1, NOW)
    stored.take(1, NOW)
    stored.begin(long)
    finish(stored, long[0])
    stored.commit()
    again = crash()
    requeued = [
        index for each in ranges(read_all(again)[-1]) for index in range(each.first, each.last + 1)
    ]
    assert len(requeued) <= 33
    assert 0 not in requeued


def test_another_replay_is_interrupted(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(0, idempotent=False), row(1, idempotent=False)])
    stored.begin(stored.take(1, NOW))
    again = crash()
    event = read_all(again)[-1]
    assert kinds([event]) == ["error"]
    assert event.error.state == event_pb2.REPLAY_STATE_INTERRUPTED
    assert event.error.reason == reason_pb2.REASON_INTERRUPTED
    assert (event.replay_id, event.attempt, event.error.method) == ("b1.0", 1, b"POST")
    assert again.count("b1") == Counts(queued=1, interrupted=1, parked=1)
    assert indices(drain(again)) == [1]


@pytest.mark.parametrize("idempotent", [True, False])
@pytest.mark.parametrize(
    ("on_interrupt", "kind", "counts"),
    [
        (OnInterrupt.RESEND, "requeued", Counts(queued=3)),
        (OnInterrupt.PARK, "error", Counts(queued=2, interrupted=1, parked=1)),
        (OnInterrupt.FAIL, "error", Counts(queued=2, failed=1)),
    ],
)
def test_the_batch_says_what_becomes_of_an_interrupted_replay(
    stored: Journal,
    crash: Crash,
    on_interrupt: OnInterrupt,
    kind: str,
    counts: Counts,
    idempotent: bool,
) -> None:
    rows = [row(index, "s", idempotent=idempotent) for index in range(3)]
    enqueue(stored, "b1", rows, terms=Terms(on_interrupt=on_interrupt))
    stored.begin(stored.take(1, NOW))
    again = crash()
    (event,) = read_all(again)[1:]
    assert kinds([event]) == [kind]
    assert again.count("") == again.count("b1") == counts
    if kind == "error":
        assert event.error.reason == reason_pb2.REASON_INTERRUPTED
        failed = on_interrupt is OnInterrupt.FAIL
        assert event.error.state == (ReplayState.FAILED if failed else ReplayState.INTERRUPTED)
        assert indices(drain(again)) == [1, 2]
    else:
        # What was only claimed ahead may have been sent, too.
        assert ranges(event) == [ReplayRange("b1", 0, 0, 2)]
        assert [replay.attempt for replay in run(again)] == [2]


def test_a_streamed_batch_says_it_too(stored: Journal, crash: Crash) -> None:
    stored.extend("b1", [row(0)], now=NOW, terms=Terms(on_interrupt=OnInterrupt.PARK))
    stored.begin(stored.take(1, NOW))
    assert crash().count("") == Counts(interrupted=1, parked=1)


def test_three_deaths_end_what_is_always_sent_again(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(0, idempotent=False)], terms=Terms(on_interrupt=OnInterrupt.RESEND))
    journal = stored
    for _ in range(3):
        journal.begin(journal.take(1, NOW))
        journal = crash()
    (event,) = read_all(journal, kinds=frozenset({EventKind.ERROR}))
    assert (event.error.reason, event.attempt) == (reason_pb2.REASON_POISON, 3)
    assert journal.count("") == Counts(interrupted=1, parked=1)


def test_what_had_its_outcome_handed_over_is_not_lost(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(0, idempotent=False)])
    (replay,) = stored.take(1, NOW)
    stored.begin([replay])
    finish(stored, replay)
    again = crash()
    assert again.count("") == Counts(interrupted=1, parked=1)


def test_three_deaths_end_a_replay_and_no_other(stored: Journal, crash: Crash) -> None:
    """What was only claimed ahead of the one that kills the daemon is not blamed."""
    enqueue(stored, "b1", [row(index, "s") for index in range(40)])
    journal = stored
    for attempt in (1, 2, 3):
        (replay,) = journal.take(1, NOW)
        assert (replay.key.flow_index, replay.attempt) == (0, attempt)
        journal.begin([replay])
        journal = crash()
    event = read_all(journal)[-1]
    assert (event.error.reason, event.attempt) == (reason_pb2.REASON_POISON, 3)
    assert journal.count("") == Counts(queued=39, interrupted=1, parked=1)
    assert [replay.attempt for replay in journal.take(1, NOW)] == [2]
    assert journal.count("").queued == 38


def test_the_order_is_kept(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(index, f"s{index % 3}") for index in range(9)])
    enqueue(stored, "b2", [row(index) for index in range(3)])
    taken = stored.take(3, NOW)
    stored.begin(taken)
    finish(stored, taken[1])
    stored.commit()
    again = crash()
    keys = drain(again)
    assert indices(keys) == [0, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2]
    assert again.count("b1") == Counts(succeeded=9)


def test_cleared_stays_cleared(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(index) for index in range(1000)])
    taken = stored.take(3, NOW)
    stored.begin(taken)
    finish(stored, taken[1])
    stored.clear("", NOW)
    again = crash()
    assert ranges(read_all(again)[-1]) == [ReplayRange("b1", 0, 0, 0), ReplayRange("b1", 0, 2, 2)]
    assert again.count("") == Counts(queued=2, succeeded=1, cleared=997)
    assert again.clear("", NOW).ranges == (ReplayRange("b1", 0, 0, 0), ReplayRange("b1", 0, 2, 2))
    last = crash()
    assert last.take(1, NOW) == []
    assert last.count("") == Counts(succeeded=1, cleared=999)


def test_a_clear_after_a_restart_leaves_out_what_ended_before(
    stored: Journal, crash: Crash
) -> None:
    enqueue(stored, "b1", [row(index) for index in range(10)])
    taken = stored.take(6, NOW)
    for replay in (taken[2], taken[5]):
        finish(stored, replay)
    stored.commit()
    again = crash()
    assert [(each.first, each.last) for each in again.clear("", NOW).ranges] == [
        (0, 1),
        (3, 4),
        (6, 9),
    ]
    assert again.count("") == Counts(succeeded=2, cleared=8)


def test_a_clear_after_reading_ahead_leaves_out_what_ended_before(
    stored: Journal, crash: Crash
) -> None:
    enqueue(stored, "b1", [row(index) for index in range(10)])
    for replay in stored.take(6, NOW)[2:6:3]:
        finish(stored, replay)
    stored.commit()
    again = crash()
    run(again)
    assert [(each.first, each.last) for each in again.clear("b1", NOW).ranges] == [
        (1, 1),
        (3, 4),
        (6, 9),
    ]


def test_what_was_staged_is_gone(stored: Journal, crash: Crash, folder: Path) -> None:
    large = bytes(5 << 20)
    stored.stage("b1", [row(index) for index in range(600)] + [row(600, request_content=large)])
    assert len(list((folder / "blobs").iterdir())) == 1
    again = crash()
    assert list(again.retain(Limits(), NOW))
    assert list((folder.with_name("data+") / "blobs").iterdir()) == []
    assert again.latest == 0
    enqueue(again, "b1", [row(0)])
    assert indices(drain(again)) == [0]


def test_pause_lasts(stored: Journal, crash: Crash) -> None:
    stored.pause(True, NOW)
    again = crash()
    assert again.paused
    again.pause(False, NOW)
    assert not crash().paused


def test_answers_last(stored: Journal, crash: Crash) -> None:
    enqueue(stored, "b1", [row(0)], request_id="r", content_hash=b"h")
    assert stored.reserve("open", None) is None
    again = crash()
    receipt = again.reserve("r", b"h")
    assert receipt is not None
    assert receipt.duplicate
    assert again.reserve("open", None) is None


def test_what_was_handed_over_and_not_committed_is_gone(stored: Journal, crash: Crash) -> None:
    stored.emit([note("durable")])
    stored.commit()
    stored.emit([note("gone")])
    again = crash()
    again.emit([note("next")])
    again.commit()
    events = read_all(again)
    assert [(event.sequence, event.log.message) for event in events] == [
        (1, "durable"),
        (2, "next"),
    ]


def test_trimmed_stays_trimmed(stored: Journal, crash: Crash) -> None:
    stored.emit([note("one"), note("two")])
    stored.commit()
    trim(stored, 3)
    again = crash()
    assert again.latest == 2
    page = again.read(2, limit=1, max_bytes=1)
    assert (page.oldest, page.latest) == (0, 2)


def test_contents_last(stored: Journal, crash: Crash) -> None:
    small, large, huge = b"s" * 1000, b"l" * (1 << 20), b"h" * (5 << 20)
    for number, content in enumerate((small, large, huge)):
        enqueue(stored, f"b{number}", [row(0, request_content=content, recorded_content=content)])
        run(stored, content=content)
    again = crash()
    for number, content in enumerate((small, large, huge)):
        for part in Part:
            pieces = again.content(ReplayKey(f"b{number}", 0, 0), part)
            assert b"".join(pieces) == content


def test_many_crashes_in_a_row(stored: Journal, crash: Crash) -> None:
    enqueue(
        stored, "b1", [row(index, f"s{index % 5}", idempotent=index % 3 > 0) for index in range(60)]
    )
    journal = stored
    for _ in range(8):
        taken = journal.take(4, NOW)
        journal.begin(taken)
        for replay in taken[1:]:
            finish(journal, replay)
        journal.commit()
        journal = crash()
        counts = journal.count("")
        assert counts == journal.count("b1")
        assert counts.queued + counts.succeeded + counts.interrupted == 60
    drain(journal, 4)
    assert journal.count("").idle
    events = read_all(journal)
    assert [event.sequence for event in events] == list(range(1, journal.latest + 1))
    ended = [
        each.replay_id for each in events if each.WhichOneof("payload") in ("response", "error")
    ]
    assert sorted(ended) == sorted(f"b1.{index}" for index in range(60))


def test_an_open_batch_is_closed_with_what_is_durable(stored: Journal, crash: Crash) -> None:
    assert stored.reserve("r", None) is None
    rows = [row(index, request_content=bytes(5 << 20) if index == 2 else b"") for index in range(4)]
    stored.extend("b1", rows[:3], now=NOW, request_id="r")
    enqueue(stored, "b2", [row(0)])
    run(stored)
    stored.extend("b1", rows[3:], now=NOW, request_id="r")
    again = crash()
    assert again.count("b1") == Counts(queued=3, succeeded=1)
    with pytest.raises(ReplaydError) as caught:
        again.reserve("r", None)
    assert caught.value.reason is Reason.REQUEST_INCOMPLETE
    assert caught.value.metadata["accepted_count"] == "4"
    assert b"".join(again.content(ReplayKey("b1", 0, 2), Part.REQUEST)) == bytes(5 << 20)
    assert indices(drain(again)) == [1, 2, 3, 0]
    assert again.count("") == Counts(succeeded=5)
    again.extend("b3", [row(0)], now=NOW)
    assert indices(drain(again)) == [0]
