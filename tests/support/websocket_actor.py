"""Plays the part of captured WebSocket servers: says what they said, when they said it."""

import socket
import threading
from collections import defaultdict, deque
from collections.abc import Mapping

from replayd.model.flow import Flow, WebSocketMessage, WebSocketMessageKind
from tests.support.websockets import Visit

UNSENT_CLOSE_CODES = (0, 1005, 1006, 1015)
"""They say that no code, or no close at all, was captured (RFC 6455 section 7.4.1)."""


class Actor:
    """The handler of a `WebSocketServer`; each conversation is told by its handshake."""

    def __init__(self) -> None:
        self.visits: dict[int, Visit] = {}
        """By the index of the flow that was played."""
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[tuple[int, Flow]]] = defaultdict(deque)

    def expect(self, flows: Mapping[int, Flow]) -> None:
        """Forgets what was, and waits for the replays of these flows, by their indexes."""
        with self._lock:
            self.visits.clear()
            self._waiting.clear()
            for index, flow in flows.items():
                self._waiting[_key_of(flow)].append((index, flow))

    def __call__(self, visit: Visit) -> None:
        flow = self._enter(visit)
        if flow is not None:
            play(visit, flow)

    def _enter(self, visit: Visit) -> Flow | None:
        """The flow that a visit replays; None: nobody was expected."""
        request = visit.connection.request
        assert request is not None
        with self._lock:
            waiting = self._waiting[f"{request.headers['Sec-WebSocket-Key']} {request.path}"]
            if not waiting:
                return None
            index, flow = waiting.popleft()
            self.visits[index] = visit
            return flow


def play(visit: Visit, flow: Flow) -> None:
    """Says what the captured server said."""
    said = flow.websocket
    assert said is not None
    for message in said.messages:
        if message.replayed:
            visit.receive()
        elif message.awaited:
            visit.send(spoken(message))
    if said.client_closed is False and said.close_code in UNSENT_CLOSE_CODES:
        visit.connection.socket.shutdown(socket.SHUT_RDWR)
    elif said.client_closed is False:
        visit.connection.close(said.close_code, said.close_reason)
    else:
        # What comes now is the close, or a message too many.
        visit.receive()


def spoken(message: WebSocketMessage) -> str | bytes:
    """A message as `websockets` has it."""
    text = message.kind is WebSocketMessageKind.TEXT
    return message.content.decode() if text else message.content


def _key_of(flow: Flow) -> str:
    """What tells its handshake from the others'."""
    assert flow.request is not None
    fields = {name.lower(): value.decode("latin-1") for name, value in flow.request.headers}
    return f"{fields[b'sec-websocket-key']} {flow.request.path.decode('latin-1')}"
