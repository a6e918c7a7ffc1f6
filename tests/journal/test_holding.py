"""Strict sessions: who waits for a parked replay, over openings too, and what lets them go on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flowreplay.v1 import replay_pb2

from replayd.journal.interface import Journal, Limits, Place, Wanted
from replayd.journal.sqlite import open_sqlite
from replayd.model.batch import Terms
from replayd.model.replay import ReplayKey, Resolution
from tests.support.journals import DAY, NOW, drain, enqueue, finish, row

STRICT = Terms(options=replay_pb2.EnqueueOptions(strict_session=True).SerializeToString())

Crash = Callable[[], Journal]


@pytest.fixture
def crash(folder: Path, tmp_path: Path) -> Crash:
    """A journal of which b1.0 is parked, at each call as a crash and a new opening leave it; b1
    has a session `a` of flows 0, 2 and 4, and `b` of 1, 3 and 5.
    """
    journal = open_sqlite(folder, NOW)
    rows = [row(index, "ab"[index % 2], idempotent=False) for index in range(6)]
    enqueue(journal, "b1", rows, terms=STRICT)
    journal.begin(journal.take(1, NOW))
    opened = [journal]

    def again() -> Journal:
        journal = opened.pop()
        journal._ledger.store._connection.close()  # type: ignore[attr-defined]
        journal._ledger.store._folder.close()  # type: ignore[attr-defined]
        opened.append(open_sqlite(folder, NOW))
        return opened[-1]

    return again


def resolve(journal: Journal, resolution: Resolution, batch_id: str = "b1") -> None:
    journal.resolve(batch_id, [0], resolution, resent_as=f"{batch_id}+", now=NOW)


def take(journal: Journal) -> list[str]:
    """Takes what may be taken, and lets it succeed."""
    return [key.replay_id for key in drain(journal)]


def waiting(journal: Journal) -> dict[str, str]:
    """What waits for what."""
    found = {}
    for batch_id in ("b1", "b1+"):
        if journal._ledger.store.batch(batch_id):  # type: ignore[attr-defined]
            for past in journal.replays(Place(), Wanted(batch_id), 100).replays:
                if past.awaited is not None:
                    found[past.key.replay_id] = past.awaited.replay_id
    return found


def test_others_go_on_and_its_session_waits_over_openings_too(crash: Crash) -> None:
    journal = crash()
    assert journal.held_sessions == 1
    assert take(journal) == ["b1.1", "b1.3", "b1.5"]
    enqueue(journal, "b2", [row(0, "a")])
    assert take(journal) == ["b2.0"]
    assert waiting(journal) == {"b1.2": "b1.0", "b1.4": "b1.0"}
    journal = crash()
    assert (journal.held_sessions, take(journal)) == (1, [])


def test_when_it_is_dropped_they_go_on(crash: Crash) -> None:
    journal = crash()
    runnable: list[bool] = []
    journal.on_runnable(lambda: runnable.append(True))
    take(journal)
    runnable.clear()
    resolve(journal, Resolution.DROP)
    assert runnable
    assert journal.held_sessions == 0
    assert take(journal) == ["b1.2", "b1.4"]


def test_when_it_is_sent_again_they_wait_for_its_end(crash: Crash) -> None:
    journal = crash()
    take(journal)
    resolve(journal, Resolution.RESEND)
    assert waiting(journal) == {"b1.2": "b1+.0", "b1.4": "b1+.0"}
    journal = crash()
    assert waiting(journal) == {"b1.2": "b1+.0", "b1.4": "b1+.0"}
    (replay,) = journal.take(9, NOW)
    assert replay.key == ReplayKey("b1+", 0, 0)
    journal.begin([replay])
    assert journal.take(9, NOW) == []
    finish(journal, replay)
    assert journal.take(9, NOW) == [], "its end is not durable yet"
    journal.commit()
    assert take(journal) == ["b1.2", "b1.4"]


def test_a_retry_sends_it_again_as_well(crash: Crash) -> None:
    journal = crash()
    take(journal)
    journal.retry("b1", [0], retried_as="b1+", now=NOW)
    assert waiting(journal) == {"b1.2": "b1+.0", "b1.4": "b1+.0"}
    assert take(journal) == ["b1+.0", "b1.2", "b1.4"]


def test_what_sends_it_again_is_parked_as_well(crash: Crash) -> None:
    journal = crash()
    take(journal)
    resolve(journal, Resolution.RESEND)
    journal.begin(journal.take(9, NOW))
    journal = crash()
    assert (waiting(journal), take(journal)) == ({"b1.2": "b1+.0", "b1.4": "b1+.0"}, [])
    resolve(journal, Resolution.DROP, "b1+")
    assert take(journal) == ["b1.2", "b1.4"]


def test_what_sends_it_again_is_cleared_or_cancelled(crash: Crash) -> None:
    journal = crash()
    take(journal)
    resolve(journal, Resolution.RESEND)
    journal.clear("b1+", NOW)
    assert journal.held_sessions == 0
    journal = crash()
    assert take(journal) == ["b1.2", "b1.4"]


def test_what_waits_can_be_cleared(crash: Crash) -> None:
    journal = crash()
    take(journal)
    journal.clear("b1", NOW)
    assert journal.count("").queued == 0
    resolve(journal, Resolution.DROP)
    assert journal.held_sessions == 0


def test_a_parked_one_that_retention_removes_is_not_waited_for(crash: Crash) -> None:
    journal = crash()
    take(journal)
    resolve(journal, Resolution.RESEND)
    journal.begin(journal.take(9, NOW))
    journal = crash()
    journal.clear("b1", NOW)
    enqueue(journal, "later", [row(0)])
    take(journal)
    list(journal.retain(Limits(age=1), NOW + DAY))
    assert journal.held_sessions == 0


def test_without_it_nobody_waits(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(index, "a", idempotent=False) for index in range(3)])
    journal.begin(journal.take(1, NOW))
    journal._ledger.store._connection.close()  # type: ignore[attr-defined]
    journal._ledger.store._folder.close()  # type: ignore[attr-defined]
    journal = open_sqlite(folder, NOW)
    assert journal.held_sessions == 0
    assert take(journal) == ["b1.1", "b1.2"]
