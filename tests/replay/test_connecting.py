"""How a replay comes by its connection: a kept one first, else a dial, told when late."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from h2.errors import ErrorCodes

from replayd.model.flow import Flow
from replayd.model.plan import HttpVersion, HttpVersions, Plan, Target
from replayd.planning.target_rules import TargetRules
from replayd.replay.connecting import Connecting
from replayd.replay.standing import Way, standing
from replayd.wire.client import Wire
from replayd.wire.dial import Dial
from replayd.wire.multiplex import Multiplexer
from replayd.wire.poller import Connection
from replayd.wire.pool import Session
from replayd.wire.settings import WireSettings
from tests.support.connections import Listener
from tests.support.http2_flows import http2_flow, run_http2
from tests.support.http2_peer import Http2Session, http2_answers
from tests.support.replaying import Replaying, at_most, flow
from tests.support.scripted_server import OK, Peer, ScriptedServer, answers, silent

SESSION = Session("batch", 0, "ann")


class Seeking:
    """Seeks connections to a server, on a wire of its own."""

    def __init__(self) -> None:
        self.server = ScriptedServer(silent)
        self.woken: list[int] = []
        self.wire = Wire(WireSettings(), TargetRules(), lambda _: None)
        self.owner = Listener()

    def connecting(
        self,
        versions: HttpVersions = HttpVersions.ONE,
        *,
        wake: Callable[[], object] = int,
        head: bytes = b"",
    ) -> Connecting:
        target = Target("http", self.server.host, self.server.port, http_versions=versions)
        plan = Plan(b"GET", b"", target, head)
        return Connecting(plan, target, SESSION, self.wire, owner=self.owner, wake=wake)

    def standing(self, versions: HttpVersions = HttpVersions.ONE) -> "Way | None":
        """What stands already."""
        target = Target("http", self.server.host, self.server.port, http_versions=versions)
        plan = Plan(b"GET", b"", target, b"")
        return standing(plan, target, SESSION, self.wire, owner=self.owner, now=0)

    def lead(self) -> Connecting:
        """One that has begun to dial where HTTP/2 is spoken."""
        leading = self.connecting(HttpVersions.TWO)
        assert leading.begin(0) is None
        return leading

    def connect(self) -> Connection:
        """Connects afresh."""
        seeking = self.connecting()
        connection = seeking.begin(0, first=True) or self.go_on(seeking)
        assert seeking.connected_at == 0
        assert isinstance(connection, Connection)
        return connection

    def go_on(self, seeking: Connecting) -> Way:
        """Advances a dial to its end."""
        while (way := seeking.advance(0)) is None:
            self.wire.poller.wait(0.01)
        return way

    def close(self) -> None:
        self.wire.close()
        self.server.close()


@pytest.fixture
def seeking() -> Iterator[Seeking]:
    with closing(Seeking()) as made:
        yield made


def test_a_kept_connection_comes_first(seeking: Seeking) -> None:
    kept = seeking.connect()
    seeking.wire.pool.keep(kept, SESSION, session_waits=False, now=0)
    assert seeking.standing() is kept
    assert kept.owner is seeking.owner
    kept.close()


def test_afresh_means_afresh(seeking: Seeking) -> None:
    kept = seeking.connect()
    seeking.wire.pool.keep(kept, SESSION, session_waits=False, now=0)
    fresh = seeking.connect()
    assert fresh is not kept
    fresh.close()


# HTTP/2


def slow_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dials stand only when they are advanced once more."""
    advance, seen = Dial.advance, set[Dial]()

    def late(dial: Dial, now: int) -> Connection | None:
        if dial in seen:
            return advance(dial, now)
        seen.add(dial)
        return None

    monkeypatch.setattr(Dial, "advance", late)


def wait(seeking: Seeking, number: int) -> Connecting:
    """One that waits for the dial of another; notes when it is woken."""
    waiting = seeking.connecting(HttpVersions.TWO, wake=lambda: seeking.woken.append(number))
    assert waiting.begin(0) is None
    assert waiting.deadline == 20 * 1_000_000_000
    return waiting


@pytest.fixture
def slow(seeking: Seeking, monkeypatch: pytest.MonkeyPatch) -> Seeking:
    slow_dial(monkeypatch)
    return seeking


def test_one_dials_and_the_others_wait_for_its_connection(slow: Seeking) -> None:
    slow.server.close()
    slow.server = ScriptedServer(http2_answers())
    leading = slow.lead()
    first, second = wait(slow, 1), wait(slow, 2)
    shared = slow.go_on(leading)
    assert isinstance(shared, Multiplexer)
    while not slow.woken:
        assert first.advance(0) is None
        slow.wire.poller.tell(slow.wire.poller.wait(0.01))
    assert slow.woken == [1, 2]
    assert (first.advance(0), second.advance(0)) == (shared, shared)
    assert slow.standing(HttpVersions.TWO) is shared
    slow.server.wait_for_peers(1)


def test_they_dial_themselves_when_the_other_gives_up(slow: Seeking) -> None:
    leading = slow.lead()
    first, left = wait(slow, 1), wait(slow, 2)
    left.close()
    leading.close()
    assert slow.woken == [1]
    assert first.advance(0) is None
    made = slow.go_on(first)
    assert isinstance(made, Multiplexer)
    assert first.connected_at == 0


def test_they_do_not_wait_for_ever(slow: Seeking) -> None:
    leading, waiting = slow.lead(), wait(slow, 1)
    assert waiting.late(20_000_000_000) is None
    assert isinstance(slow.go_on(waiting), Multiplexer)
    leading.close()
    assert slow.woken == []


def test_who_authenticates_the_connection_shares_it_with_nobody(slow: Seeking) -> None:
    leading = slow.lead()
    head = b"GET / HTTP/1.1\r\nAuthorization: NTLM x\r\n\r\n"
    binding = slow.connecting(HttpVersions.TWO, head=head)
    assert binding.begin(0) is None
    made = slow.go_on(binding)
    assert isinstance(made, Multiplexer)
    assert made.bound_to == SESSION
    leading.close()


# Where connections are limited


class Counted:
    """A script that answers so many requests of a connection; what it saw at once is counted."""

    def __init__(self, requests: int) -> None:
        self.most = 0
        self._requests = requests
        self._open = 0
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        self._count(1)
        for left in reversed(range(self._requests)):
            peer.request()
            if not left:
                self._count(-1)  # Before the client can know, and dial the next one.
            peer.send(OK)

    def _count(self, change: int) -> None:
        with self._lock:
            self._open += change
            self.most = max(self.most, self._open)


def sessions(port: int, count: int, *, method: bytes = b"GET", flows: int = 1) -> list[Flow]:
    """Flows of so many sessions, one after the other."""
    names = [f"session-{at % count}" for at in range(count * flows)]
    return [flow(port, method=method, session=name) for name in names]


@pytest.mark.parametrize(("method", "limit"), [(b"GET", 2), (b"POST", 1)])
def test_sessions_hand_their_connections_over(method: bytes, limit: int) -> None:
    with (
        ScriptedServer(answers(*[OK] * 48)) as server,
        Replaying(concurrency=16, connections_per_target=at_most(limit)) as replaying,
    ):
        ended = replaying.run(*sessions(server.port, 16, method=method, flows=3))
        assert [event.response.head.status_code for event in ended] == [200] * 48
        assert len(server.peers) == limit


@pytest.mark.parametrize(
    ("requests", "method", "limit"), [(1, b"GET", 2), (3, b"GET", 1), (1, b"POST", 1)]
)
def test_a_connection_that_ends_lets_the_next_one_dial(
    requests: int, method: bytes, limit: int
) -> None:
    """The server closes; or the client does, for nothing is fresh enough for its POST."""
    script = Counted(requests)
    with (
        ScriptedServer(script) as server,
        Replaying(
            concurrency=16,
            connections_per_target=at_most(limit),
            fresh_for=1.0 * (method == b"GET"),
        ) as replaying,
    ):
        ended = replaying.run(*sessions(server.port, 24, method=method))
        assert [event.response.head.status_code for event in ended] == [200] * 24
        assert script.most <= limit


def test_a_dial_that_fails_lets_the_next_one_fail() -> None:
    with (
        ScriptedServer(silent) as server,
        Replaying(concurrency=100, connections_per_target=at_most(1)) as replaying,
    ):
        server.close()
        ended = replaying.run(*sessions(server.port, 100))
        assert all("refused" in event.error.message for event in ended)


def test_streams_are_waited_for_too() -> None:
    with (
        ScriptedServer(http2_answers(max_concurrent_streams=3)) as server,
        Replaying(concurrency=16, connections_per_target=at_most(1)) as replaying,
    ):
        ended = run_http2(replaying, *(http2_flow(server.port) for _ in range(24)))
        assert [event.response.content for event in ended] == [b"ok"] * 24
        assert len(server.peers) == 1


def test_who_was_refused_dials_once_the_others_are_done() -> None:
    def refuses(peer: Peer) -> None:
        session = Http2Session(peer)
        session.reset(session.request(), ErrorCodes.REFUSED_STREAM)
        while True:
            session.flush()
            session.answer(session.request(), content=b"ok")

    with (
        ScriptedServer(refuses, http2_answers()) as server,
        Replaying(concurrency=4, connections_per_target=at_most(1)) as replaying,
    ):
        ended = run_http2(replaying, *(http2_flow(server.port) for _ in range(12)))
        assert [event.response.content for event in ended] == [b"ok"] * 12
        assert len(server.peers) == 2


def test_another_version_of_http_waits_for_the_same_place() -> None:
    versions = [HttpVersion.TWO, HttpVersion.ONE, HttpVersion.TWO]
    with (
        ScriptedServer(http2_answers(), answers(OK), http2_answers()) as server,
        Replaying(connections_per_target=at_most(1)) as replaying,
    ):
        for number, version in enumerate(versions, start=1):
            made = http2_flow if version is HttpVersion.TWO else flow
            (ended,) = replaying.run(made(server.port), http_version=version)
            assert ended.response.content == b"ok"
            assert len(server.peers) == number


ASK = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"


def test_what_is_bound_to_a_session_is_its_own_while_it_is_fresh() -> None:
    with (
        ScriptedServer(answers(ASK, OK, OK), answers(OK, OK)) as server,
        Replaying(connections_per_target=at_most(1), fresh_for=0.05) as replaying,
    ):
        ann, bob = flow(server.port, session="ann"), flow(server.port, session="bob")
        replaying.run(ann, ann, bob, ann)
        assert [len(peer.requests) for peer in server.peers] == [2, 2]


def test_what_is_bound_to_a_session_is_its_own_though_others_wait() -> None:
    with (
        ScriptedServer(answers(ASK, OK, OK), answers(OK)) as server,
        Replaying(concurrency=2, connections_per_target=at_most(1), fresh_for=60) as replaying,
    ):
        ann, bob = flow(server.port, session="ann"), flow(server.port, session="bob")
        replaying.run(ann, bob, ann, ann)
        assert [len(peer.requests) for peer in server.peers] == [3, 1]


def test_who_waits_for_too_long_says_what_for() -> None:
    with (
        ScriptedServer(answers(ASK, OK)) as server,
        Replaying(connections_per_target=at_most(1), fresh_for=60, total_timeout=0.2) as replaying,
    ):
        ann, bob = flow(server.port, session="ann"), flow(server.port, session="bob")
        _, failed, succeeded = replaying.run(ann, bob, ann)
        assert failed.error.message == (
            "no complete response within 0.2 s: it waited for the one connection to "
            f"http://127.0.0.1:{server.port} that --connections-per-target allows"
        )
        assert failed.error.timings.total_duration.ToMilliseconds() >= 200
        assert succeeded.response.connection.reused
