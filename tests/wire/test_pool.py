"""Kept connections: whose they are, until when, and when they are not used again."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.model.plan import Target
from replayd.wire.poller import Connection
from replayd.wire.pool import Pool, Session
from replayd.wire.settings import WireSettings
from tests.support.connections import OTHER, TARGET, Network
from tests.support.peers import establish, tcp

SECOND = 1_000_000_000
ANN, BOB = Session("batch", 0, "ann"), Session("batch", 0, "bob")


class Kept:
    """A pool, connections to keep in it, and a clock."""

    def __init__(self, **settings: float) -> None:
        self.network = Network()
        self.pool = Pool(WireSettings(**settings))
        self.now = 1000 * SECOND

    def keep(self, session: Session = ANN, *, waits: bool = False, **more: object) -> Connection:
        """A connection whose exchange has just ended."""
        connection = self.network.connection(more.pop("target", TARGET))
        connection.bound = more.pop("bound", False)
        self.pool.keep(connection, session, session_waits=waits, now=self.now, **more)
        return connection

    def take(
        self, session: Session = BOB, *, target=TARGET, idempotent: bool = True
    ) -> Connection | None:
        return self.pool.take(session, target, idempotent=idempotent, now=self.now)

    def close(self) -> None:
        self.pool.close()
        self.network.close()


@pytest.fixture
def kept() -> Iterator[Kept]:
    with closing(Kept()) as made:
        yield made


def test_a_kept_connection_waits_for_nothing_to_write(kept: Kept) -> None:
    with tcp() as (transport, peer):
        peer.accept()
        establish(transport)
        connection = Connection(transport, TARGET, kept.network.owner, kept.network.poller)
        connection.want_write(True)
        kept.pool.keep(connection, ANN, session_waits=False, now=kept.now)
        assert kept.network.poller.wait(0) == []
        kept.pool.close()


def test_an_empty_pool_has_nothing(kept: Kept) -> None:
    assert kept.take() is None
    assert kept.pool.deadline is None


def test_anybody_with_the_same_target_gets_it_once(kept: Kept) -> None:
    connection = kept.keep()
    assert kept.take(target=OTHER) is None
    assert kept.take() is connection
    assert kept.take() is None


def test_the_latest_used_is_taken_first(kept: Kept) -> None:
    first, second = kept.keep(), kept.keep()
    assert [kept.take(), kept.take()] == [second, first]


def test_a_session_with_work_to_come_keeps_its_own(kept: Kept) -> None:
    anns = kept.keep(ANN, waits=True)
    free = kept.keep(BOB)
    assert kept.take(ANN) is anns
    assert kept.take(BOB) is free
    assert kept.take(BOB) is None


def test_sessions_of_other_batches_and_repeats_are_others(kept: Kept) -> None:
    kept.keep(ANN, waits=True)
    assert kept.take(ANN._replace(batch_id="other")) is None
    assert kept.take(ANN._replace(repeat=1)) is None


def test_a_session_without_more_work_gives_back_all_its_connections(kept: Kept) -> None:
    first = kept.keep(ANN, waits=True)
    second = kept.keep(ANN, target=OTHER)
    assert kept.take(BOB) is first
    assert kept.take(BOB, target=OTHER) is second


def test_a_session_has_one_connection_to_a_target(kept: Kept) -> None:
    first, second = kept.keep(ANN, waits=True), kept.keep(ANN, waits=True)
    assert (first.closed, second.closed, len(kept.pool)) == (True, False, 1)


def test_a_bound_connection_is_never_shared(kept: Kept) -> None:
    anns = kept.keep(ANN, waits=True, bound=True)
    assert kept.take(BOB) is None
    assert kept.take(ANN) is anns
    kept.pool.keep(anns, ANN, session_waits=False, now=kept.now)
    assert anns.closed
    elsewhere = kept.keep(ANN, waits=True, bound=True, target=OTHER)
    kept.keep(ANN)
    assert elsewhere.closed


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_not_idempotent_wants_one_just_used(kept: Kept, waits: bool) -> None:
    connection = kept.keep(ANN, waits=waits)
    kept.now += SECOND
    assert kept.take(ANN, idempotent=False) is connection
    kept.pool.keep(connection, ANN, session_waits=waits, now=kept.now)
    kept.now += SECOND + 1
    assert kept.take(ANN, idempotent=False) is None
    assert kept.take(ANN) is (None if waits else connection)


def test_one_that_was_idle_for_too_long_is_closed(kept: Kept) -> None:
    connection = kept.keep()
    assert kept.pool.deadline == kept.now + 15 * SECOND
    kept.now += 15 * SECOND - 1
    kept.pool.expire(kept.now)
    assert not connection.closed
    kept.now += 1
    kept.pool.expire(kept.now)
    assert (connection.closed, len(kept.pool), kept.pool.deadline) == (True, 0, None)


@pytest.mark.parametrize(("promised", "usable_for"), [(5, 4), (100, 15), (2, 1)])
def test_a_servers_promise_counts_less_a_second(kept: Kept, promised: int, usable_for: int) -> None:
    connection = kept.keep(idle_seconds=promised)
    kept.now += usable_for * SECOND - 1
    assert kept.take() is connection
    kept.pool.keep(connection, ANN, session_waits=False, now=kept.now, idle_seconds=promised)
    kept.now += usable_for * SECOND
    assert kept.take() is None
    assert connection.closed


@pytest.mark.parametrize("promised", [0, 1])
def test_a_promise_too_short_is_none(kept: Kept, promised: int) -> None:
    assert kept.keep(idle_seconds=promised).closed


def test_the_longest_unused_makes_room() -> None:
    with closing(Kept(idle_limit=2)) as kept:
        first = kept.keep(ANN, waits=True)
        second, third = kept.keep(BOB), kept.keep(BOB)
        assert [each.closed for each in (first, second, third)] == [True, False, False]


def test_one_given_back_by_its_session_is_as_old_as_it_is(kept: Kept) -> None:
    anns = kept.keep(ANN, waits=True)
    kept.now += SECOND
    bobs = kept.keep(BOB)
    kept.pool.end_session(ANN)
    assert kept.pool.deadline == kept.now + 14 * SECOND
    assert [kept.take(), kept.take()] == [bobs, anns]


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("how", ["end", "break_off", "talk"])
@pytest.mark.parametrize("noticed", [True, False])
def test_a_server_that_closes_or_talks_unasked(
    kept: Kept, how: str, waits: bool, noticed: bool
) -> None:
    connection = kept.keep(ANN, waits=waits)
    transport = kept.network.transports[connection]
    if how == "talk":
        transport.arrive(b"HTTP/1.1 408 Too late\r\n\r\n")
    else:
        getattr(transport, how)()
    if noticed:
        kept.network.turn()
        assert transport.closed
    assert kept.take(ANN) is None
    assert transport.closed
    assert len(kept.pool) == 0


def test_used_again_is_told(kept: Kept) -> None:
    connection = kept.network.connection()
    assert not connection.info.reused
    kept.pool.keep(connection, ANN, session_waits=False, now=kept.now)
    assert connection.info.reused


def test_closes_all(kept: Kept) -> None:
    connections = [kept.keep(ANN, waits=True), kept.keep(BOB)]
    kept.pool.close()
    assert all(connection.closed for connection in connections)


def test_the_longest_idle_of_another_session_is_taken_over(kept: Kept) -> None:
    def taken(target: Target = TARGET, *, idempotent: bool = True) -> Connection | None:
        return kept.pool.take_over(target, idempotent=idempotent, now=kept.now)

    bound = kept.keep(ANN, waits=True, bound=True, target=OTHER)
    ended, first, second = (kept.keep(ANN._replace(name=name), waits=True) for name in "abc")
    kept.network.transports[ended].end()
    assert (taken(OTHER), kept.pool.binds(ANN, OTHER)) == (None, True)
    assert (taken(), ended.closed) == (first, True)
    kept.now += SECOND + 1
    assert taken(idempotent=False) is None
    assert (taken(), taken()) == (second, None)
    assert list(kept.pool.idle) == [bound]
    assert not kept.pool.binds(BOB, OTHER)
