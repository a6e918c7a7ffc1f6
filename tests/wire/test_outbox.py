"""Bytes of many leave in order, and each can tell what of its own has left."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.wire.outbox import Outbox
from tests.support.connections import Network


class Sending:
    """An outbox on a scripted transport."""

    def __init__(self, room: int) -> None:
        self.network = Network()
        self.connection = self.network.connection()
        self.transport = self.network.transports[self.connection]
        self.transport.room = room
        self.outbox = Outbox(self.connection)

    def put(self, data: bytes) -> None:
        self.outbox.put(data)
        self.outbox.flush(more=False)

    def close(self) -> None:
        self.network.close()


@pytest.fixture
def sending() -> Iterator[Sending]:
    with closing(Sending(room=6)) as made:
        yield made


def test_what_the_transport_does_not_take_waits_in_order(sending: Sending) -> None:
    sending.put(b"1234")
    first = sending.outbox.end
    sending.put(b"5678")
    assert (bytes(sending.transport.sent), len(sending.outbox)) == (b"123456", 2)
    assert (first, sending.outbox.end) == (4, 8)
    assert [sending.outbox.has_left(place) for place in (4, 6, 8)] == [True, True, False]
    assert [sending.outbox.has_begun(place) for place in (4, 6)] == [True, False]
    sending.transport.room = 99
    sending.outbox.flush(more=False)
    assert (bytes(sending.transport.sent), len(sending.outbox)) == (b"12345678", 0)
    assert sending.outbox.has_left(8)


def test_what_the_transport_holds_itself_has_not_left(sending: Sending) -> None:
    sending.put(b"1234")
    sending.transport.wants_write = True
    assert not sending.outbox.has_left(4)


def test_asks_to_be_told_only_while_something_waits(sending: Sending) -> None:
    told: list[bool] = []
    sending.connection.want_write = told.append
    sending.put(b"12345678")
    sending.transport.room = 99
    sending.outbox.flush(more=True)
    sending.outbox.flush(more=False)
    assert told == [True, True, False]


def test_a_failed_write_ends_writing_only(sending: Sending) -> None:
    told: list[bool] = []
    sending.connection.want_write = told.append
    sending.transport.break_off()
    sending.put(b"1")
    error = sending.outbox.error
    assert error is not None
    sending.put(b"2")
    assert sending.outbox.error is error
    assert (told, sending.connection.closed) == ([True, True], False)


def test_a_closed_connection_takes_nothing(sending: Sending) -> None:
    sending.connection.close()
    sending.put(b"1")
    assert bytes(sending.transport.sent) == b""
