"""The replay thread's queue: what wakes it, and that nothing announced is missed."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from replayd.errors import JournalError
from replayd.model.replay import Replay, ReplayKey
from replayd.queue import ReplayQueue
from tests.support.processes import DEADLINE


class Source:
    """As much of a journal as the queue needs."""

    def __init__(self, *numbers: int) -> None:
        self.replays = [Replay(ReplayKey("b", 0, n), "s", True, 1, b"", b"") for n in numbers]
        self.asked: list[int] = []
        self.announce: Callable[[], None]
        self.error: JournalError | None = None
        self.next_due: int | None = None

    def take(self, limit: int, now: int) -> list[Replay]:
        self.asked.append(limit)
        if self.error:
            raise self.error
        taken, self.replays = self.replays[:limit], self.replays[limit:]
        return taken

    def on_runnable(self, callback: Callable[[], None]) -> None:
        self.announce = callback


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def replays(source: Source) -> Iterator[ReplayQueue]:
    with closing(ReplayQueue(source)) as made:
        yield made


def readable(queue: ReplayQueue) -> bool:
    return bool(select.select([queue], [], [], 0)[0])


def test_takes_what_there_is() -> None:
    source = Source(1, 2, 3)
    with closing(ReplayQueue(source)) as queue:
        assert [each.key.flow_index for each in queue.take(2, 0)] == [1, 2]
        assert [each.key.flow_index for each in queue.take(2, 0)] == [3]


def test_asks_only_when_there_may_be_something(source: Source, replays: ReplayQueue) -> None:
    assert replays.take(2, 0) == []
    assert replays.take(2, 0) == []
    assert source.asked == [2]
    source.announce()
    replays.take(3, 0)
    replays.take(3, 0)
    replays.freed()
    replays.take(4, 0)
    assert source.asked == [2, 3, 4]


def test_asks_again_after_a_full_take_and_after_a_failure() -> None:
    source = Source(1, 2)
    with closing(ReplayQueue(source)) as queue:
        queue.take(2, 0)
        source.error = JournalError("disk full")
        for _ in range(2):
            with pytest.raises(JournalError):
                queue.take(2, 0)
        assert source.asked == [2, 2, 2]


def test_many_announcements_are_one(source: Source, replays: ReplayQueue) -> None:
    assert not readable(replays)
    for _ in range(100_000):
        source.announce()
    assert readable(replays)
    assert not list(replays.messages())
    assert not readable(replays)


def test_messages_come_in_order_and_once(replays: ReplayQueue) -> None:
    got: list[int] = []
    for number in range(3):
        replays.post(lambda number=number: got.append(number))
    assert readable(replays)
    for message in replays.messages():
        message()
    assert got == [0, 1, 2]
    assert not list(replays.messages())


def test_a_message_that_posts_announces_itself(replays: ReplayQueue) -> None:
    replays.post(lambda: replays.post(lambda: None))
    for message in replays.messages():
        message()
    assert readable(replays)
    assert len(list(replays.messages())) == 1


def test_what_is_posted_while_the_mail_is_read_is_not_missed(
    replays: ReplayQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = os.read

    def post_then_read(descriptor: int, size: int) -> bytes:
        replays.post(lambda: None)
        return read(descriptor, size)

    replays.post(lambda: None)
    monkeypatch.setattr(os, "read", post_then_read)
    assert len(list(replays.messages())) == 2
    monkeypatch.undo()
    replays.post(lambda: None)
    assert readable(replays)


def test_nothing_posted_from_other_threads_is_missed(replays: ReplayQueue) -> None:
    count, got = 5_000, 0
    threads = [
        threading.Thread(target=lambda: [replays.post(lambda: None) for _ in range(count)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    while got < 3 * count:
        assert select.select([replays], [], [], DEADLINE)[0], f"{got} came, then silence"
        got += len(list(replays.messages()))
    for thread in threads:
        thread.join()
    assert got == 3 * count


def test_what_comes_after_the_close_is_forgotten(source: Source) -> None:
    queue = ReplayQueue(source)
    queue.close()
    queue.close()
    queue.post(lambda: None)
    source.announce()


def test_it_tells_when_the_next_replay_is_due(source: Source, replays: ReplayQueue) -> None:
    source.next_due = 7
    assert replays.next_due is None
    assert replays.take(1, 0) == []
    assert replays.next_due == 7
    assert not replays.promising


def asked(replays: ReplayQueue, heard: list[str], message: Callable[[], None]) -> None:
    replays.ask(message, lambda: heard.append("missed"))


def test_who_asks_hears_of_a_queue_that_is_closed_before_or_after(replays: ReplayQueue) -> None:
    heard: list[str] = []
    replays.post(lambda: heard.append("posted"))
    asked(replays, heard, lambda: heard.append("done"))
    for message in replays.messages():
        message()
    assert heard == ["posted", "done"]
    replays.post(lambda: heard.append("posted"))
    asked(replays, heard, lambda: heard.append("done"))
    replays.close()
    assert heard == ["posted", "done", "missed"]
    asked(replays, heard, lambda: heard.append("done"))
    assert heard == ["posted", "done", "missed", "missed"]


def test_a_message_that_raises_leaves_nobody_waiting(replays: ReplayQueue) -> None:
    heard: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    asked(replays, heard, fail)
    asked(replays, heard, lambda: heard.append("done"))
    with pytest.raises(ZeroDivisionError):
        next(replays.messages())()
    assert heard == ["missed"]
    replays.close()
    assert heard == ["missed", "missed"]
