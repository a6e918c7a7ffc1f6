"""Replays captures through a real daemon, against recorders that stand for all servers.

Says what arrived for which flow and what the daemon said of it; judges nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Generic, Self

import grpc
from flowreplay.v1 import plan_pb2, replay_pb2

from replayd.model.flow import Flow
from tests.support.calls import Event, connect_to, enqueue_capture, events, payload
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.http2_recorder import Http2Recorded, Http2Recorder
from tests.support.recorder import Recorded, Recorder
from tests.support.websocket_actor import Actor
from tests.support.websockets import Visit, WebSocketServer
from tools.fidelity.arrivals import Arrivals, Request, arrivals, next_request


@dataclass
class Replayed(Generic[Request]):
    """A capture that was replayed, by the indexes of its flows."""

    receipt: replay_pb2.EnqueueResponse
    arrived: dict[int, Request] = field(default_factory=dict)
    named: dict[int, frozenset[str]] = field(default_factory=dict)
    """Kinds of changes that the `request` events name."""
    failed: dict[int, str] = field(default_factory=dict)
    """Replays without a response, and why."""
    strays: list[Request] = field(default_factory=list)
    """What arrived and belongs to no replay."""


class Lab:
    """A daemon, and a plain and a TLS server, for HTTP/1, for WebSockets and, where node is
    found, for HTTP/2; a context manager.
    """

    def __init__(self, authority: Authority, node: Path | None = None) -> None:
        self._stack = ExitStack()
        start = self._stack.enter_context
        self.plain = start(Recorder())
        self.secure = start(Recorder(tls=authority.server_context("any.test")))
        self.http2: list[Http2Recorder] = []
        """Plain and TLS; empty without node."""
        if node is not None:
            files = authority.files("any.test")
            self.http2 = [start(Http2Recorder(node)), start(Http2Recorder(node, files))]
        self.actor = Actor()
        tls = authority.server_context("any.test")
        self.websockets = [
            start(WebSocketServer(self.actor, compression="deflate", max_size=None)),
            start(WebSocketServer(self.actor, tls=tls, compression="deflate", max_size=None)),
        ]
        """Plain and TLS."""
        self.daemon = start(Daemon("--ephemeral", "--insecure"))
        self.stub = self.daemon.stub()

    def connect_to(self) -> list[replay_pb2.ConnectTo]:
        """Dials the two of HTTP/1 in place of everything."""
        return dialling(self.plain.port, self.secure.port)

    def replay(self, capture: bytes) -> Replayed[Recorded]:
        """Replays a capture to its end, over HTTP/1.

        Raises grpc.RpcError when it is refused as a whole, or takes too long; what is left
        of it is cleared.
        """
        recorders = (self.plain, self.secure)
        for recorder in recorders:
            recorder.requests.clear()
        receipt, seen = self._run(capture, connect_to=self.connect_to())
        return assigned(receipt, seen, arrivals(recorders), lambda plan: plan.changes)

    def replay_http2(self, capture: bytes) -> Replayed[Http2Recorded]:
        """Replays a capture to its end, its HTTP/2 and HTTP/3 flows over HTTP/2; of the
        others nothing is said.

        Raises grpc.RpcError as `replay` does.
        """
        for recorder in self.http2:
            recorder.forget()
        receipt, seen = self._run(
            capture,
            connect_to=dialling(*(recorder.port for recorder in self.http2)),
            http_version=replay_pb2.HTTP_VERSION_RECORDED,
        )
        for recorder in self.http2:
            recorder.wait_for(sum(map(answered_by(recorder.port), seen)))
        chosen = {
            event.replay_id
            for event in seen
            if event.request.plan.target.http_versions == plan_pb2.HTTP_VERSIONS_TWO
        }
        seen = [event for event in seen if event.replay_id in chosen]
        return assigned(receipt, seen, arrivals(self.http2), lambda plan: plan.http2.changes)

    def replay_websockets(
        self, capture: bytes, expected: Mapping[int, Flow]
    ) -> tuple[dict[int, Visit], dict[int, str]]:
        """Replays a capture to its end, where somebody plays the parts of these flows'
        servers. Returns the visits of those that came and why others failed, by index.

        Raises grpc.RpcError as `replay` does.
        """
        self.actor.expect(expected)
        dialled = dialling(*(server.port for server in self.websockets))
        _, seen = self._run(capture, connect_to=dialled)
        for server in self.websockets:
            server.wait_for_ends(len(server.visits))
        failed = {
            event.error.flow_index: event.error.message
            for event in seen
            if payload(event) == "error"
        }
        return dict(self.actor.visits), failed

    def _run(
        self, capture: bytes, **options: object
    ) -> tuple[replay_pb2.EnqueueResponse, list[Event]]:
        receipt = enqueue_capture(self.stub, capture, **options)
        try:
            return receipt, events(self.stub, receipt.cursor, batch_id=receipt.batch_id)
        except grpc.RpcError:
            self.stub.Clear(replay_pb2.ClearRequest())
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def dialling(plain: int, secure: int) -> list[replay_pb2.ConnectTo]:
    """Dials these ports for http and https."""
    return [connect_to("http", plain), connect_to("https", secure)]


def answered_by(port: int) -> Callable[[Event], bool]:
    """Tells the events of responses that came from a port over HTTP/2."""

    def answered(event: Event) -> bool:
        came = event.response
        return came.head.http_version == b"HTTP/2.0" and port_of(came.connection.address) == port

    return answered


def assigned(
    receipt: replay_pb2.EnqueueResponse,
    seen: Iterable[Event],
    waiting: Arrivals[Request],
    changes: Callable[[plan_pb2.Plan], Iterable[plan_pb2.Change]],
) -> Replayed[Request]:
    """Finds what arrived for each replay; `changes` are those that its plan names."""
    done: Replayed[Request] = Replayed(receipt)
    indexes: dict[str, int] = {}
    for event in seen:
        if payload(event) == "request":
            plan = event.request.plan
            indexes[event.replay_id] = plan.flow_index
            done.named[plan.flow_index] = names(changes(plan))
        elif payload(event) in ("response", "error"):
            assign(event, indexes[event.replay_id], waiting, done)
    done.strays = [request for left in waiting.values() for request in left]
    return done


def assign(event: Event, index: int, waiting: Arrivals[Request], done: Replayed[Request]) -> None:
    """Finds what arrived for a replay: the next request on the connection that it used."""
    ended = event.response if payload(event) == "response" else event.error
    if payload(event) == "error":
        done.failed[index] = event.error.message
    used = ended.connection
    arrived = next_request(waiting, port_of(used.address), port_of(used.local_address))
    if arrived is not None:
        done.arrived[index] = arrived


def port_of(address: str) -> int:
    """The port of an address; 0 for none."""
    return int(address.rpartition(":")[2] or 0)


def names(changes: Iterable[plan_pb2.Change]) -> frozenset[str]:
    """The kinds of changes, but for the dialled address, which no byte shows."""
    kinds = {plan_pb2.ChangeKind.Name(change.kind) for change in changes}
    return frozenset(kind.removeprefix("CHANGE_KIND_") for kind in kinds) - {"CONNECT_TO"}
