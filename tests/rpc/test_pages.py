"""Pages of the log: made once for all at one place, and never old, foreign or too large."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from unittest.mock import Mock, patch

import pytest
from flowreplay.v1 import replay_pb2

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.model.event import EventKind
from replayd.reasons import Reason
from replayd.rpc import pages
from replayd.rpc.pages import MAX_BYTES, MIN_BYTES, Message, Pages, Place
from replayd.rpc.places import Places
from tests.support.journals import NOW, enqueue, note, row, run, trim

START = Place(0)


@pytest.fixture
def journal() -> Iterator[Journal]:
    opened = open_memory(NOW)
    yield opened
    opened.close()


@pytest.fixture
def reads(journal: Journal) -> Iterator[Mock]:
    with patch.object(journal, "read", Mock(wraps=journal.read)) as counted:
        yield counted


def log(journal: Journal, *texts: str) -> None:
    journal.emit([note(text) for text in texts])
    journal.commit()


def texts(message: Message) -> list[str]:
    answer = replay_pb2.WatchEventsResponse.FromString(message.encoded)
    return [event.log.message for event in answer.events]


def ask(message: Callable[[Place], Coroutine[Any, Any, Message]], *places: Place) -> list[Message]:
    async def all_of_them() -> list[Message]:
        return [await message(place) for place in places]

    return asyncio.run(all_of_them())


def test_all_who_stand_at_one_place_share_a_message(journal: Journal, reads: Mock) -> None:
    log(journal, "one", "two")
    first, second = ask(Pages(journal, Places(9999, 1)).message, START, START)
    assert (texts(first), first.last, first.latest) == (["one", "two"], 2, 2)
    assert second.encoded is first.encoded
    assert reads.call_count == 1


def test_others_have_their_own(journal: Journal, reads: Mock) -> None:
    enqueue(journal, "b", [row(0)])
    log(journal, "one")
    found = ask(
        Pages(journal, Places(9999, 1)).message,
        START,
        Place(1),
        Place(0, frozenset({EventKind.LOG})),
        Place(0, batch_id="b"),
    )
    assert [len(texts(message)) for message in found] == [2, 1, 1, 2]
    assert reads.call_count == 4


def test_the_pause_is_told_as_it_is(journal: Journal) -> None:
    log(journal, "one")
    shared = Pages(journal, Places(9999, 1))
    ask(shared.message, START)
    with patch.object(type(journal), "is_paused", lambda _journal, _batch_id: True):
        (message,) = ask(shared.message, START)
    assert replay_pb2.WatchEventsResponse.FromString(message.encoded).paused


def test_who_is_a_little_late_gets_the_same_and_is_told_of_more(journal: Journal) -> None:
    log(journal, "one")
    shared = Pages(journal, Places(9999, 1))
    ask(shared.message, START)
    log(journal, "two")
    (late,) = ask(shared.message, START)
    assert (texts(late), late.last, late.latest) == (["one"], 1, 2)


def test_who_is_much_later_gets_all_at_once(journal: Journal) -> None:
    log(journal, "one")
    shared = Pages(journal, Places(9999, 1))
    with patch.object(pages, "FRESH_SECONDS", 0.0):
        ask(shared.message, START)
        log(journal, "two")
        (late,) = ask(shared.message, START)
    assert texts(late) == ["one", "two"]


def test_a_large_page_serves_later_ones_too(journal: Journal, reads: Mock) -> None:
    places = Places(9999, 1)
    shared = Pages(journal, places)
    places.count = 1000
    log(journal, *("x" * 4096 for _ in range(8)))
    with patch.object(pages, "FRESH_SECONDS", 0.0):
        ask(shared.message, START, START)
    assert reads.call_count == 1


def test_what_retention_removed_is_not_served(journal: Journal) -> None:
    log(journal, "one", "two")
    shared = Pages(journal, Places(9999, 1))
    ask(shared.message, START)
    trim(journal, 2)
    with pytest.raises(ReplaydError) as caught:
        ask(shared.message, START)
    assert caught.value.reason is Reason.SEQUENCE_COMPACTED


def test_the_more_watch_the_smaller_a_message(journal: Journal) -> None:
    places = Places(9999, 1)
    shared = Pages(journal, places)
    sizes = []
    for watchers in (0, 1, 16, 64, 1024, 2000):
        places.count = watchers
        sizes.append(shared.max_bytes)
    assert sizes == [MAX_BYTES, MAX_BYTES, MAX_BYTES, MAX_BYTES // 4, 16 << 10, MIN_BYTES]
    log(journal, *("x" * 4096 for _ in range(8)))
    (message,) = ask(shared.message, START)
    assert len(message.encoded) <= MIN_BYTES


def test_little_is_kept(journal: Journal) -> None:
    shared = Pages(journal, Places(9999, 1))
    log(journal, *("x" * 4096 for _ in range(8)))
    with patch.object(pages, "KEPT_BYTES", 16 << 10):
        ask(shared.message, *(Place(after) for after in range(7)))
    kept = [made.message.encoded for made in shared._made.values()]
    assert 0 < sum(map(len, kept)) == shared._bytes <= 16 << 10


def test_nothing_for_a_watcher_is_no_message(journal: Journal) -> None:
    enqueue(journal, "a", [row(0)])
    enqueue(journal, "b", [row(0)])
    run(journal, 2)
    (message,) = ask(Pages(journal, Places(9999, 1)).message, Place(2, frozenset({EventKind.LOG})))
    assert (message.encoded, message.last) == (b"", journal.latest)
