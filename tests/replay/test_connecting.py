"""How a replay comes by its connection: a kept one first, else a dial, told when late."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.model.plan import Plan, Target
from replayd.planning.target_rules import TargetRules
from replayd.replay.connecting import Connecting
from replayd.wire.client import Wire
from replayd.wire.poller import Connection
from replayd.wire.pool import Session
from replayd.wire.settings import WireSettings
from tests.support.connections import Listener
from tests.support.scripted_server import ScriptedServer, silent

SESSION = Session("batch", 0, "ann")


class Seeking:
    """Seeks connections to a server, on a wire of its own."""

    def __init__(self) -> None:
        self.server = ScriptedServer(silent)
        self.wire = Wire(WireSettings(), TargetRules(), lambda _: None)
        self.owner = Listener()

    def connecting(self) -> Connecting:
        target = Target("http", self.server.host, self.server.port)
        plan = Plan(b"GET", b"", target, b"")
        return Connecting(plan, target, SESSION, self.wire, owner=self.owner, wake=int)

    def connect(self) -> Connection:
        """Connects afresh."""
        seeking = self.connecting()
        connection = seeking.begin_afresh(0)
        while connection is None:
            self.wire.poller.wait(0.01)
            connection = seeking.advance(0)
        assert seeking.connected_at == 0
        return connection

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
    connecting = seeking.connecting()
    assert connecting.begin(0) is kept
    assert kept.owner is seeking.owner
    assert (connecting.connected_at, connecting.info) == (None, None)
    kept.close()


def test_afresh_means_afresh(seeking: Seeking) -> None:
    kept = seeking.connect()
    seeking.wire.pool.keep(kept, SESSION, session_waits=False, now=0)
    fresh = seeking.connect()
    assert fresh is not kept
    fresh.close()
