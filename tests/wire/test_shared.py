"""Which shared connection a request takes, who waits for one, and when they are closed."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.model.plan import HttpVersions, Target
from replayd.wire.multiplex import Multiplexer
from replayd.wire.pool import Pool, Session
from replayd.wire.settings import WireSettings
from replayd.wire.shared import SharedConnections, may_speak_http2
from replayd.wire.stream import Stream
from tests.support.connections import TARGET, Network
from tests.support.http2_network import GET
from tests.support.http2_peer import Http2Peer

SECOND = 1_000_000_000
ANN, BOB = Session("batch", 0, "ann"), Session("batch", 0, "bob")


class Sharing:
    """Shared connections without a network, beside a pool."""

    def __init__(self, **settings: int) -> None:
        self.network = Network()
        made = WireSettings(**settings)
        self.pool = Pool(made)
        self.shared = SharedConnections(made, self.pool)
        self.now = 1000 * SECOND

    def add(self, *, binds: bool = False, **settings: int) -> Multiplexer:
        """A connection whose server has said its settings."""
        connection = self.network.connection()
        added = self.shared.add(connection, ANN, binds=binds)
        self.network.transports[connection].arrive(Http2Peer(**settings).outgoing())
        self.network.turn()
        return added

    def take(
        self, session: Session = ANN, *, binds: bool = False, idempotent: bool = True
    ) -> Multiplexer | None:
        return self.shared.take(session, TARGET, binds=binds, idempotent=idempotent, now=self.now)

    def use(self, connection: Multiplexer) -> Stream:
        return connection.open(b"GET", GET, ends=True, wake=int)

    def idle(self, **settings: int) -> Multiplexer:
        """A connection that was used, and is not any more."""
        added = self.add(**settings)
        self.use(added).leave(self.now)
        return added

    def close(self) -> None:
        self.shared.close()
        self.pool.close()
        self.network.close()


@pytest.fixture
def sharing() -> Iterator[Sharing]:
    with closing(Sharing()) as made:
        yield made


@pytest.mark.parametrize(
    ("scheme", "versions", "expected"),
    [
        ("https", HttpVersions.ONE, False),
        ("https", HttpVersions.TWO_OR_ONE, True),
        ("https", HttpVersions.TWO, True),
        ("http", HttpVersions.TWO_OR_ONE, False),
        ("http", HttpVersions.TWO, True),
    ],
)
def test_where_http2_may_be_spoken(scheme: str, versions: HttpVersions, expected: bool) -> None:
    target = Target(scheme, "host.example", 1, http_versions=versions)
    assert may_speak_http2(target) is expected


def test_all_share_one_until_it_is_full(sharing: Sharing) -> None:
    first = sharing.add(max_concurrent_streams=2)
    sharing.use(first)
    assert sharing.take(BOB) is first
    sharing.use(first)
    assert sharing.take(BOB) is None
    second = sharing.add()
    assert sharing.take(BOB) is second


def test_a_bound_one_is_its_sessions_alone(sharing: Sharing) -> None:
    bound = sharing.add(binds=True)
    assert sharing.take(BOB) is None
    assert sharing.take(ANN) is bound
    assert sharing.take(ANN, binds=True) is bound
    sharing.add()
    assert sharing.take(BOB) is not None
    assert sharing.take(BOB, binds=True) is None


def test_what_is_not_idempotent_wants_one_just_used(sharing: Sharing) -> None:
    idle = sharing.idle()
    sharing.now += SECOND + 1
    assert sharing.take(idempotent=False) is None
    assert sharing.take() is idle
    sharing.use(idle)
    assert sharing.take(idempotent=False) is idle


def test_one_that_the_server_closed_is_not_taken(sharing: Sharing) -> None:
    idle = sharing.idle()
    sharing.network.transports[idle.connection].end()
    assert sharing.take() is None
    assert idle.connection.closed
    assert sharing.shared.deadline is None


def test_what_nobody_uses_is_closed_in_time(sharing: Sharing) -> None:
    first = sharing.idle()
    sharing.now += 5 * SECOND
    second = sharing.idle()
    assert sharing.shared.deadline == sharing.now + 10 * SECOND
    sharing.shared.expire(sharing.now + 10 * SECOND)
    assert (first.connection.closed, second.connection.closed) == (True, False)
    sharing.use(second)
    assert sharing.shared.deadline is None
    sharing.shared.expire(sharing.now + 99 * SECOND)
    assert not second.connection.closed


def test_idle_connections_count_within_the_pools_limit() -> None:
    with closing(Sharing(idle_limit=2)) as sharing:
        pooled = [sharing.network.connection() for _ in range(2)]
        for each in pooled:
            sharing.pool.keep(each, ANN, session_waits=False, now=sharing.now)
        first, second = sharing.idle(), sharing.idle()
        assert [each.closed for each in pooled] == [True, True]
        third = sharing.idle()
        assert [each.connection.closed for each in (first, second, third)] == [True, False, False]
        late = sharing.network.connection()
        sharing.pool.keep(late, ANN, session_waits=False, now=sharing.now)
        assert late.closed


def test_closes_all(sharing: Sharing) -> None:
    used, idle = sharing.add(), sharing.idle()
    sharing.use(used)
    sharing.shared.close()
    assert (used.connection.closed, idle.connection.closed) == (True, True)
    assert sharing.take() is None


# Waiting for one that is dialled


def test_as_many_wait_as_it_is_expected_to_carry(sharing: Sharing) -> None:
    woken: list[str] = []
    assert sharing.shared.coming(TARGET) is None
    coming = sharing.shared.expect(TARGET)
    waits = [lambda at=at: woken.append(at) for at in range(99)]
    for wake in waits:
        awaited = sharing.shared.coming(TARGET)
        assert awaited is coming
        awaited.wait(wake)
    assert sharing.shared.coming(TARGET) is None
    coming.forget(waits[0])
    assert sharing.shared.coming(TARGET) is coming
    coming.wait(lambda: woken.append(0), first=True)
    assert sharing.shared.coming(TARGET) is None
    sharing.shared.end(TARGET, coming)
    assert woken == list(range(99))
    assert (coming.over, sharing.shared.coming(TARGET)) == (True, None)


def test_they_wait_until_the_server_says_how_many_it_takes(sharing: Sharing) -> None:
    woken: list[int] = []
    coming = sharing.shared.expect(TARGET)
    coming.wait(lambda: woken.append(1))
    connection = sharing.network.connection()
    coming.connection = sharing.shared.add(connection, ANN, binds=False)
    assert woken == []
    sharing.network.transports[connection].arrive(Http2Peer(max_concurrent_streams=3).outgoing())
    sharing.network.turn()
    assert woken == [1]
    again = sharing.shared.expect(TARGET)
    again.wait(int)
    assert again.has_place
    again.wait(bool)
    assert not again.has_place
    sharing.shared.end(TARGET, again)


def test_they_wait_no_longer_when_it_breaks(sharing: Sharing) -> None:
    woken: list[int] = []
    coming = sharing.shared.expect(TARGET)
    coming.wait(lambda: woken.append(1))
    connection = sharing.network.connection()
    coming.connection = sharing.shared.add(connection, ANN, binds=False)
    sharing.network.transports[connection].end()
    sharing.network.turn()
    assert (woken, coming.connection.retired) == ([1], True)


def test_nobody_waits_where_http1_was_heard_until_http2_is(sharing: Sharing) -> None:
    sharing.shared.heard_http1(TARGET)
    coming = sharing.shared.expect(TARGET)
    assert sharing.shared.coming(TARGET) is None
    sharing.add()
    assert sharing.shared.coming(TARGET) is coming
    sharing.shared.end(TARGET, coming)


def test_forgets_the_oldest_that_speak_http1(sharing: Sharing) -> None:
    targets = [Target("https", "host.example", at) for at in range(1, 1030)]
    for target in targets:
        sharing.shared.heard_http1(target)
        sharing.shared.expect(target)
    waited = [sharing.shared.coming(target) is not None for target in targets]
    assert waited == [True] * 5 + [False] * 1024
