"""The selector: who is told, and when."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.wire.poller import Connection
from replayd.wire.scripted import ScriptedTransport
from tests.support.connections import TARGET, Listener, Network


@pytest.fixture
def network() -> Iterator[Network]:
    with closing(Network()) as made:
        yield made


def test_tells_the_owner_what_is_ready(network: Network) -> None:
    quiet, talking = network.connection(), network.connection()
    network.transports[talking].arrive(b"a")
    network.turn()
    assert network.owner.told == [(talking, True, False)]
    assert not quiet.closed


def test_tells_the_latest_owner(network: Network) -> None:
    connection, heir = network.connection(), Listener()
    connection.owner = heir
    network.transports[connection].arrive(b"a")
    network.turn()
    assert (network.owner.told, heir.told) == ([], [(connection, True, False)])


def test_waits_for_writable_only_as_long_as_wanted(network: Network) -> None:
    read_end, write_end = os.pipe()

    class Writable(ScriptedTransport):
        def fileno(self) -> int:
            return write_end

    connection = Connection(Writable(), TARGET, network.owner, network.poller)
    network.turn()
    connection.want_write(True)
    network.turn()
    connection.want_write(False)
    network.turn()
    assert network.owner.told == [(connection, False, True)]
    connection.close()
    os.close(read_end)
    os.close(write_end)


def test_one_that_was_closed_in_the_same_turn_is_passed_over(network: Network) -> None:
    both = network.connection(), network.connection()

    class Closer(Listener):
        def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
            super().on_ready(connection, readable, writable)
            for each in both:
                each.close()

    closer = Closer()
    for connection in both:
        connection.owner = closer
        network.transports[connection].arrive(b"a")
    network.turn()
    assert len(closer.told) == 1
    assert all(network.transports[connection].closed for connection in both)


def test_calls_back_for_other_descriptors(network: Network) -> None:
    read_end, write_end = os.pipe()
    called: list[bytes] = []
    network.poller.watch_descriptor(read_end, lambda: called.append(os.read(read_end, 9)))
    network.turn()
    os.write(write_end, b"x")
    network.turn()
    network.turn()
    assert called == [b"x"]
    os.close(read_end)
    os.close(write_end)


def test_closing_twice_is_closing(network: Network) -> None:
    connection = network.connection()
    connection.close()
    connection.close()
    assert network.transports[connection].closed


def test_one_that_pauses_is_not_told_until_it_goes_on(network: Network) -> None:
    connection = network.connection()
    connection.pause()
    connection.pause()
    network.transports[connection].arrive(b"a")
    connection.want_write(True)
    network.turn()
    assert network.owner.told == []
    connection.want_write(False)
    connection.resume()
    connection.resume()
    network.turn()
    assert network.owner.told == [(connection, True, False)]
    connection.pause()
    connection.close()
    connection.resume()
    connection.pause()
