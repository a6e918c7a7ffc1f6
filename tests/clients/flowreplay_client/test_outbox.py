import threading
from collections.abc import Iterator

import pytest
from flowreplay_client.outbox import Outbox

from tests.support.processes import DEADLINE


def reader(outbox: Outbox[int], read: list[int]) -> threading.Thread:
    thread = threading.Thread(target=lambda: read.extend(outbox))
    thread.start()
    return thread


def test_all_messages_arrive_in_order() -> None:
    outbox: Outbox[int] = Outbox()
    read: list[int] = []
    thread = reader(outbox, read)
    outbox.fill(range(1000))
    thread.join(DEADLINE)
    assert read == list(range(1000))
    assert outbox.reached


def test_messages_are_made_in_the_callers_thread_and_few_ahead() -> None:
    outbox: Outbox[int] = Outbox()
    made: list[int] = []
    threads = set()
    enough = threading.Event()

    def messages() -> Iterator[int]:
        for number in range(100):
            threads.add(threading.current_thread())
            made.append(number)
            if number == 2:
                enough.set()
            yield number

    filler = threading.Thread(target=outbox.fill, args=(messages(),))
    filler.start()
    assert enough.wait(DEADLINE)
    assert made == [0, 1, 2]
    assert not outbox.reached
    outbox.close()
    filler.join(DEADLINE)
    assert threads == {filler}
    assert list(outbox) == [0, 1]


def test_an_error_of_the_messages_reaches_the_caller() -> None:
    outbox: Outbox[int] = Outbox()

    def messages() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        outbox.fill(messages())
    assert next(outbox) == 1


def test_closing_wakes_a_reader_that_waits() -> None:
    outbox: Outbox[int] = Outbox()
    read: list[int] = []
    thread = reader(outbox, read)
    outbox.close()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert not outbox.reached


def test_there_is_room_for_a_few_and_for_whatever_comes_after_the_end() -> None:
    outbox: Outbox[int] = Outbox()
    assert [outbox.put(number) for number in (1, 2)] == [True, True]
    assert not outbox.has_room
    assert next(outbox) == 1
    assert outbox.has_room
    outbox.close()
    assert outbox.has_room
    assert not outbox.put(3)
    assert list(outbox) == [2]
