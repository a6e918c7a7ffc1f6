"""The thread that looks now and then."""

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import cast

import pytest
from flowreplay.v1 import event_pb2

from replayd import retention
from replayd.errors import JournalError
from replayd.journal.interface import Journal, Limits, Removed, Size
from replayd.model.event import PendingEvent
from replayd.retention import RetentionThread

LIMITS = Limits(age=1, size=100 << 20)
DEADLINE = 10


class FakeJournal:
    """A journal whose slices a test makes."""

    def __init__(self) -> None:
        self.used = 0
        self.looks = threading.Semaphore(0)
        self.slices = 3
        self.removed = 0
        self.failure = ""
        self.full = False
        self.said: list[str] = []
        self.room = False

    def regain_room(self) -> bool:
        self.full = not self.room
        return self.room

    def emit(self, events: Sequence[PendingEvent]) -> None:
        self.said += [event_pb2.Event.FromString(each.body).log.message for each in events]

    def commit(self) -> None:
        assert self.said

    def size(self) -> Size:
        return Size(self.used, 0)

    def retain(self, limits: Limits, now: int) -> Iterator[Removed]:
        assert limits == LIMITS
        assert now > 0
        if self.failure:
            self.looks.release()
            raise JournalError(self.failure)
        for number in range(self.slices):
            self.removed += 1
            self.used -= 1 << 20
            yield Removed(events=10, batches=number % 2)
        self.looks.release()


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
def thread(
    journal: FakeJournal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[RetentionThread]:
    monkeypatch.setattr(retention, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(retention, "ROOM_SECONDS", 0.001)
    caplog.set_level(logging.INFO)
    made = RetentionThread(cast(Journal, journal), LIMITS)
    yield made
    made.stop()


def wait(journal: FakeJournal, looks: int) -> None:
    for _ in range(looks):
        assert journal.looks.acquire(timeout=DEADLINE)


def test_it_tells_what_it_removed(
    journal: FakeJournal, thread: RetentionThread, caplog: pytest.LogCaptureFixture
) -> None:
    journal.used = 9 << 20
    thread.start()
    wait(journal, 2)
    thread.stop()
    assert caplog.messages[0] == (
        "retention removed 30 events and 1 batches; the journal went from 9.0 MiB to 6.0 MiB"
    )


def test_it_says_once_that_it_can_not_remove_enough(
    journal: FakeJournal, thread: RetentionThread, caplog: pytest.LogCaptureFixture
) -> None:
    journal.used, journal.slices = 101 << 20, 0
    thread.start()
    wait(journal, 4)
    thread.stop()
    assert len(caplog.messages) == 1
    assert "larger than --retention-size" in caplog.messages[0]


def test_a_journal_that_fails_is_tried_again(
    journal: FakeJournal, thread: RetentionThread, caplog: pytest.LogCaptureFixture
) -> None:
    journal.failure = "there is no room left"
    thread.start()
    wait(journal, 3)
    journal.failure = ""
    wait(journal, 2)
    journal.failure = "there is no room again"
    wait(journal, 2)
    journal.failure = ""
    wait(journal, 2)
    journal.failure = "there is no room again"
    wait(journal, 3)
    thread.stop()
    failures = [message for message in caplog.messages if "removed" not in message]
    said = "retention can't remove anything: there is no room"
    assert failures == [f"{said} left", f"{said} again", f"{said} again"]


def test_a_full_disk_is_told_once_and_its_end_too(
    journal: FakeJournal, thread: RetentionThread, caplog: pytest.LogCaptureFixture
) -> None:
    journal.slices = 0
    journal.full = True
    thread.start()
    wait(journal, 3)
    journal.room = True
    wait(journal, 3)
    thread.stop()
    full, room = caplog.messages
    assert "is full: nothing is sent" in full
    assert "has room again" in room
    assert journal.said == [full, room]


def test_it_stops_between_two_slices(journal: FakeJournal, thread: RetentionThread) -> None:
    journal.slices = 1 << 60
    thread.start()
    while journal.removed < 3:
        assert thread._thread.is_alive()
    thread.stop()
    assert not thread._thread.is_alive()


def test_it_may_be_stopped_before_it_starts(thread: RetentionThread) -> None:
    thread.stop()
    thread.stop()
