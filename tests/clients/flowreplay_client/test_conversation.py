"""A call with messages both ways: neither side ever waits for the other for ever."""

import threading
from collections.abc import Iterable, Iterator
from itertools import islice

import grpc
import pytest
from flowreplay_client.conversation import Conversation

from tests.support.processes import DEADLINE


class FakeCall:
    """A call as gRPC makes it: reads the messages in a thread, gives answers in another."""

    def __init__(self, messages: Iterator[int], answers: Iterable[int]) -> None:
        self.messages = messages
        self.cancelled = threading.Event()
        self._answers = answers

    def __iter__(self) -> Iterator[int]:
        for answer in self._answers:
            if self.cancelled.is_set():
                break
            yield answer
        if self.cancelled.is_set():
            raise grpc.RpcError("cancelled")

    def cancel(self) -> bool:
        self.cancelled.set()
        return True


def test_answers_come_while_messages_are_sent() -> None:
    def echo(messages: Iterator[int]) -> FakeCall:
        return FakeCall(messages, (message * 10 for message in messages))

    conversation = Conversation(echo)
    assert list(conversation.talk(range(100))) == [n * 10 for n in range(100)]


def test_messages_are_made_in_the_callers_thread() -> None:
    threads = set()

    def messages() -> Iterator[int]:
        for number in range(5):
            threads.add(threading.current_thread())
            yield number

    conversation = Conversation(lambda sent: FakeCall(sent, sent))
    assert list(conversation.talk(messages())) == list(range(5))
    assert threads == {threading.current_thread()}


def test_a_daemon_that_reads_all_before_it_answers_and_one_that_does_neither_at_once() -> None:
    def after_all(messages: Iterator[int]) -> Iterator[int]:
        yield sum(messages)

    def many_for_one(messages: Iterator[int]) -> Iterator[int]:
        for message in messages:
            yield from [message] * 20

    talk = Conversation(lambda sent: FakeCall(sent, after_all(sent))).talk(range(50))
    assert list(talk) == [sum(range(50))]
    talk = Conversation(lambda sent: FakeCall(sent, many_for_one(sent))).talk(range(50))
    assert len(list(talk)) == 1000


def test_few_answers_are_held_for_a_caller_that_takes_none() -> None:
    given: list[int] = []

    def answers() -> Iterator[int]:
        for number in range(100):
            given.append(number)
            yield number

    conversation = Conversation(lambda sent: FakeCall(sent, answers()))
    talk = conversation.talk([])
    assert next(talk) == 0
    assert len(given) <= 5
    assert list(talk) == list(range(1, 100))


def test_a_call_that_ends_early_leaves_the_rest_of_the_messages() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(1)
            yield 1

    conversation = Conversation(lambda sent: FakeCall(sent, islice(sent, 1)))
    assert list(conversation.talk(endless())) == [1]
    assert made


def test_a_failed_call_is_raised_after_its_answers() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise grpc.RpcError("failed")

    talk = Conversation(lambda sent: FakeCall(sent, fail())).talk([])
    assert next(talk) == 1
    with pytest.raises(grpc.RpcError, match="failed"):
        next(talk)


def test_an_error_of_the_messages_cancels_the_call_before_its_messages_end() -> None:
    calls: list[FakeCall] = []
    looked_whole: list[bool] = []

    def read_all(sent: Iterator[int]) -> Iterator[int]:
        list(sent)
        looked_whole.append(not calls[0].cancelled.is_set())
        yield 0

    def begin(sent: Iterator[int]) -> FakeCall:
        calls.append(FakeCall(sent, read_all(sent)))
        return calls[0]

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(Conversation(begin).talk(broken()))
    assert looked_whole == [False]


def test_closing_ends_a_talk_that_waits_in_another_thread() -> None:
    def silent(sent: Iterator[int]) -> Iterator[int]:
        yield from sent
        yield 2

    conversation = Conversation(lambda sent: FakeCall(sent, silent(sent)))
    seen: list[int] = []
    began = threading.Event()

    def talk() -> None:
        def one_and_wait() -> Iterator[int]:
            yield 1
            began.set()
            assert call_closed.wait(DEADLINE)

        seen.extend(conversation.talk(one_and_wait()))

    call_closed = threading.Event()
    thread = threading.Thread(target=talk)
    thread.start()
    assert began.wait(DEADLINE)
    conversation.close()
    call_closed.set()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert 2 not in seen
    conversation.close()
