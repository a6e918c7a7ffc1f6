"""Connections without a network, and who owns them."""

from contextlib import suppress

from replayd.model.plan import Target
from replayd.wire.poller import Connection, Poller
from replayd.wire.scripted import ScriptedTransport

TARGET = Target("http", "host.example", 80)
OTHER = Target("http", "other.example", 80)


class Listener:
    """An owner that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Connection, bool, bool]] = []

    def on_ready(self, connection: Connection, readable: bool, writable: bool) -> None:
        self.told.append((connection, readable, writable))


class Network:
    """Makes connections on scripted transports, all in one selector."""

    def __init__(self) -> None:
        self.poller = Poller()
        self.owner = Listener()
        self.transports: dict[Connection, ScriptedTransport] = {}

    def connection(self, target: Target = TARGET) -> Connection:
        """A connection that stands, owned by `owner`."""
        transport = ScriptedTransport()
        connection = Connection(transport, target, self.owner, self.poller)
        self.transports[connection] = transport
        return connection

    def turn(self) -> None:
        """Tells everybody concerned what is ready now."""
        self.poller.tell(self.poller.wait(0))

    def close(self) -> None:
        """Closes what is still open."""
        for connection in self.transports:
            with suppress(KeyError):
                connection.close()
        self.poller.close()
