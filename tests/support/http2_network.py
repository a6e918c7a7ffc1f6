"""Shared connections without a network: a server in memory behind a scripted transport."""

from replayd.wire.multiplex import Multiplexer
from replayd.wire.settings import WireSettings
from replayd.wire.stream import Stream
from tests.support.connections import TARGET, Network
from tests.support.http2_peer import Http2Peer

GET = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"x"))


class Keeper:
    """Notes what connections tell."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def settled(self, connection: Multiplexer) -> None:
        self.told.append("settled")

    def idle(self, connection: Multiplexer) -> None:
        self.told.append("idle")

    def busy(self, connection: Multiplexer) -> None:
        self.told.append("busy")

    def gone(self, connection: Multiplexer) -> None:
        self.told.append("gone")


class Http2Network:
    """One shared connection and its server."""

    def __init__(self, *, greet: bool = True, **settings: int) -> None:
        """`greet`: both sides have said their settings."""
        self.network = Network()
        self.keeper = Keeper()
        connection = self.network.connection(TARGET)
        self.transport = self.network.transports[connection]
        self.shared = Multiplexer(connection, WireSettings(), self.keeper)
        self.server = Http2Peer(**settings)
        self.woken: list[int] = []
        """Streams that were woken, in order."""
        if greet:
            self.talk()

    def open(self, headers=GET, *, ends: bool = True) -> Stream:
        """Opens a stream that notes when it is woken."""
        number = len(self.server.headers) * 2 + 1
        stream = self.shared.open(
            headers[0][1], headers, ends=ends, wake=lambda: self.woken.append(number)
        )
        self.deliver()
        return stream

    def deliver(self) -> None:
        """Lets the server take what was sent."""
        said = bytes(self.transport.sent)
        self.transport.sent.clear()
        if said:
            self.server.take(said)

    def arrive(self, data: bytes) -> None:
        """Bytes come from the server in one turn."""
        self.transport.arrive(data)
        self.network.turn()

    def talk(self) -> None:
        """Both sides hear each other until nobody says more."""
        while True:
            self.deliver()
            answered = self.server.outgoing()
            if not answered:
                return
            self.arrive(answered)

    def close(self) -> None:
        self.shared.close()
        self.network.close()
