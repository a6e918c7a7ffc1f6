"""Replays captures through a real daemon, against a recorder that stands for all servers.

Says what arrived for which flow and what the daemon said of it; judges nothing.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import grpc
from flowreplay.v1 import plan_pb2, replay_pb2

from tests.support.calls import Event, connect_to, enqueue_capture, events, payload
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.recorder import Recorded, Recorder
from tools.fidelity.arrivals import Arrivals, arrivals, next_request


@dataclass
class Replayed:
    """A capture that was replayed, by the indexes of its flows."""

    receipt: replay_pb2.EnqueueResponse
    arrived: dict[int, Recorded] = field(default_factory=dict)
    named: dict[int, frozenset[str]] = field(default_factory=dict)
    """Kinds of changes that the `request` events name."""
    failed: dict[int, str] = field(default_factory=dict)
    """Replays without a response, and why."""
    strays: list[Recorded] = field(default_factory=list)
    """What arrived and belongs to no replay."""


class Lab:
    """A daemon, and a plain and a TLS server; a context manager."""

    def __init__(self, authority: Authority) -> None:
        self._stack = ExitStack()
        start = self._stack.enter_context
        self.plain = start(Recorder())
        self.secure = start(Recorder(tls=authority.server_context("any.test")))
        self.daemon = start(Daemon("--ephemeral", "--insecure"))
        self.stub = self.daemon.stub()

    def connect_to(self) -> list[replay_pb2.ConnectTo]:
        """Dials the two in place of everything."""
        return [connect_to("http", self.plain.port), connect_to("https", self.secure.port)]

    def replay(self, capture: bytes) -> Replayed:
        """Replays a capture to its end.

        Raises grpc.RpcError when it is refused as a whole, or takes too long; what is left
        of it is cleared.
        """
        for recorder in (self.plain, self.secure):
            recorder.requests.clear()
        receipt = enqueue_capture(self.stub, capture, connect_to=self.connect_to())
        try:
            seen = events(self.stub, receipt.cursor, batch_id=receipt.batch_id)
        except grpc.RpcError:
            self.stub.Clear(replay_pb2.ClearRequest())
            raise
        done = Replayed(receipt)
        waiting = arrivals([self.plain, self.secure])
        indexes: dict[str, int] = {}
        for event in seen:
            if payload(event) == "request":
                plan = event.request.plan
                indexes[event.replay_id] = plan.flow_index
                done.named[plan.flow_index] = names(plan)
            elif payload(event) in ("response", "error"):
                assign(event, indexes[event.replay_id], waiting, done)
        done.strays = [request for left in waiting.values() for request in left]
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def assign(event: Event, index: int, waiting: Arrivals, done: Replayed) -> None:
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


def names(plan: plan_pb2.Plan) -> frozenset[str]:
    """The kinds of changes in a plan, but for the dialled address, which no byte shows."""
    kinds = {plan_pb2.ChangeKind.Name(change.kind) for change in plan.changes}
    return frozenset(kind.removeprefix("CHANGE_KIND_") for kind in kinds) - {"CONNECT_TO"}
