"""How a replay comes by its connection: a kept one first, else a dial, told when late."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from replayd.model.plan import HttpVersions, Plan, Target
from replayd.planning.target_rules import TargetRules
from replayd.replay.connecting import Connecting, Way, standing
from replayd.wire.client import Wire
from replayd.wire.dial import Dial
from replayd.wire.multiplex import Multiplexer
from replayd.wire.poller import Connection
from replayd.wire.pool import Session
from replayd.wire.settings import WireSettings
from tests.support.connections import Listener
from tests.support.http2_peer import http2_answers
from tests.support.scripted_server import ScriptedServer, silent

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
