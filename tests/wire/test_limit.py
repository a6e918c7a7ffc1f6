"""At most so many connections to a place: permits, the order of those who wait, and room."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from replayd.model.plan import HttpVersions, Target
from replayd.planning.target_limits import TargetLimits
from replayd.wire.limit import ConnectionLimit
from replayd.wire.poller import Connection
from replayd.wire.pool import Pool, Session
from replayd.wire.settings import WireSettings
from replayd.wire.shared import SharedConnections
from tests.support.connections import OTHER, TARGET, Network
from tests.support.http2_network import GET

SECOND = 1_000_000_000
ANN, BOB = Session("batch", 0, "ann"), Session("batch", 0, "bob")


class Limited:
    """A limit of two beside a pool, with replays that wait by name."""

    def __init__(self) -> None:
        settings = WireSettings(connections_per_target=TargetLimits([(None, 2)]))
        self.network = Network()
        self.pool = Pool(settings)
        self.shared = SharedConnections(settings, self.pool)
        self.posted: list[Callable[[], None]] = []
        self.limit = ConnectionLimit(settings, self.pool, self.shared, self.posted.append)
        self.now = 1000 * SECOND
        self.woken: list[str] = []
        self.leave: set[str] = set()
        """Who has what they wait for once they are woken."""
        self.wakes: dict[str, Callable[[], None]] = {}

    def dialled(self, target: Target = TARGET) -> Connection:
        """One that stands by a permit."""
        permit = self.limit.permit(target)
        assert permit is not None
        connection = self.network.connection(target)
        connection.permit = permit
        return connection

    def full(self) -> list[Connection]:
        """As many as may be."""
        made = [self.dialled(), self.dialled()]
        assert self.limit.permit(TARGET) is None
        return made

    def keep(self, connection: Connection, *, waits: bool = True, bound: bool = False) -> None:
        connection.bound = bound
        self.pool.keep(connection, ANN, session_waits=waits, now=self.now)

    def wait(self, *names: str, first: bool = False) -> list[bool]:
        """They stand in line; returns whose turn it was at once."""
        return [self.limit.wait(TARGET, self._wake(name), first=first) for name in names]

    def _wake(self, name: str) -> Callable[[], None]:
        def wake() -> None:
            self.woken.append(name)
            if name in self.leave:
                self.limit.forget(TARGET, wake)

        return self.wakes.setdefault(name, wake)

    def turn(self) -> list[str]:
        """Who is woken in the next turn."""
        self.woken.clear()
        posted, self.posted[:] = self.posted[:], []
        for call in posted:
            call()
        return self.woken

    def close(self) -> None:
        self.pool.close()
        self.shared.close()
        self.network.close()


@pytest.fixture
def limited() -> Iterator[Limited]:
    with closing(Limited()) as made:
        yield made


def test_a_place_has_so_many_whatever_they_speak(limited: Limited) -> None:
    limited.full()
    other_version = TARGET._replace(http_versions=HttpVersions.TWO, tunnelled=True)
    assert limited.limit.permit(other_version) is None
    assert limited.limit.permit(TARGET._replace(dial_port=81)) is not None
    assert limited.limit.permit(OTHER) is not None


def test_what_is_closed_or_never_came_counts_no_longer(limited: Limited) -> None:
    connection = limited.dialled()
    never = limited.limit.permit(TARGET)
    assert never is not None
    for end in (connection.close, never.end):
        end()
        end()
    limited.full()


def test_they_are_woken_in_order_until_one_waits_on(limited: Limited) -> None:
    one, _ = limited.full()
    assert limited.wait("a", "b", "c") == [True, False, False]
    assert limited.turn() == []
    one.close()
    assert limited.woken == [], "in a turn of their own"
    limited.leave = {"a"}
    assert limited.turn() == ["a", "b"]
    assert limited.wait("b") == [True]


def test_who_was_here_before_comes_first(limited: Limited) -> None:
    one, _ = limited.full()
    limited.wait("a")
    assert limited.wait("z", first=True) == [True]
    one.close()
    assert limited.turn() == ["z"]


def test_who_gives_up_lets_the_next_one_try(limited: Limited) -> None:
    limited.full()
    limited.wait("a", "b")
    limited.limit.forget(TARGET, limited.wakes["a"])
    assert limited.turn() == ["b"]


def test_who_waits_is_told_what_is_kept_and_what_takes_more(limited: Limited) -> None:
    kept, shared = limited.full()
    limited.wait("a")
    limited.keep(kept)
    assert limited.turn() == ["a"]
    added = limited.shared.add(shared, ANN, binds=False)
    stream = added.open(b"GET", GET, ends=True, wake=int)
    assert limited.turn() == []
    stream.leave(limited.now)
    assert limited.turn() == ["a"]
    limited.shared.settled(added)
    assert limited.turn() == ["a"]


def test_nobody_takes_what_others_wait_for_but_what_is_theirs(limited: Limited) -> None:
    kept, _ = limited.full()
    assert not limited.limit.bars(BOB, TARGET)
    limited.wait("a")
    limited.keep(kept, bound=True)
    assert limited.limit.bars(BOB, TARGET)
    assert not limited.limit.bars(ANN, TARGET)
    assert not limited.limit.bars(BOB, OTHER)


def test_a_session_has_its_shared_one_though_others_wait(limited: Limited) -> None:
    shared, _ = limited.full()
    limited.wait("a")
    assert limited.limit.bars(ANN, TARGET)
    limited.shared.add(shared, ANN, binds=True)
    assert not limited.limit.bars(ANN, TARGET)


def test_the_longest_idle_makes_room(limited: Limited) -> None:
    first, second = limited.full()
    assert limited.limit.make_room(TARGET, limited.now) is None
    limited.keep(first)
    limited.now += 1
    added = limited.shared.add(second, ANN, binds=False)
    added.open(b"GET", GET, ends=True, wake=int).leave(limited.now)
    assert limited.limit.make_room(TARGET, limited.now) is not None
    assert (first.closed, second.closed) == (True, False)
    assert limited.limit.make_room(TARGET, limited.now) is not None
    assert second.closed


def test_what_is_bound_makes_room_when_it_is_not_fresh_any_more(limited: Limited) -> None:
    bound, other = limited.full()
    assert limited.limit.again_at(TARGET) is None
    limited.keep(bound, bound=True)
    fresh_until = limited.now + SECOND
    assert limited.limit.again_at(TARGET) == fresh_until
    assert limited.limit.make_room(TARGET, fresh_until - 1) is None
    limited.now += SECOND
    limited.pool.keep(other, BOB, session_waits=True, now=limited.now)
    assert limited.limit.make_room(TARGET, fresh_until) is not None
    assert (bound.closed, other.closed) == (False, True)
    assert limited.limit.make_room(TARGET, fresh_until) is not None
    assert bound.closed


def test_says_what_is_waited_for(limited: Limited) -> None:
    said = limited.limit.what_for(TARGET)
    assert said.startswith("it waited for one of the 2 connections to http://host.example:80")
