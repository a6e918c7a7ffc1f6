"""A replay thread on a journal in memory, with what a test asks of it."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from flowreplay.v1 import event_pb2

from replayd.codec.flow import request_content
from replayd.codec.plan import encode_plan
from replayd.errors import JournalError
from replayd.journal.interface import ROW_CONTENT_LIMIT, Journal
from replayd.journal.memory import open_memory
from replayd.model.flow import Flow, Headers, Request
from replayd.model.plan import ConnectTo, HttpVersion
from replayd.model.replay import Row
from replayd.planning.plan import make_plan
from replayd.planning.target_limits import TargetLimits
from replayd.planning.target_rules import TargetRules
from replayd.queue import ReplayQueue
from replayd.replay.clock import SYSTEM_CLOCK, Clock
from replayd.replay.governor import GovernorSettings
from replayd.replay.thread import ReplayThread
from replayd.wire.resolver import Lookup, system_lookup
from replayd.wire.settings import WireSettings
from tests.support.processes import DEADLINE

__all__ = ["ROW_CONTENT_LIMIT", "Replaying", "at_most", "flow"]


def flow(
    port: int,
    *,
    host: str = "127.0.0.1",
    method: bytes = b"GET",
    path: bytes = b"/",
    scheme: bytes = b"http",
    content: bytes = b"",
    headers: Headers | None = None,
    session: str = "",
    **request: Any,
) -> Flow:
    """A flow to a server; Host, and Content-Length where there is content, unless given."""
    if headers is None:
        headers = ((b"Host", f"{host}:{port}".encode()),)
        if content:
            headers += ((b"Content-Length", b"%d" % len(content)),)
    return Flow(
        session_id=session,
        request=Request(
            method, scheme, host, port, path, headers=headers, content=content, **request
        ),
    )


def at_most(connections: int) -> TargetLimits[int]:
    """So many connections to each target."""
    return TargetLimits([(None, connections)])


class Replaying:
    """Runs replays; use with `with`."""

    def __init__(
        self,
        *,
        concurrency: int = 1,
        journal: Journal | None = None,
        targets: TargetRules | None = None,
        clock: Clock = SYSTEM_CLOCK,
        lookup: Lookup = system_lookup,
        governed: GovernorSettings | None = None,
        new_comparer: Callable[[], Any] | None = None,
        **settings: Any,
    ) -> None:
        self.journal = journal or open_memory(time.time_ns())
        self.failures: list[JournalError] = []
        self.thread = ReplayThread(
            self.journal,
            ReplayQueue(self.journal),
            WireSettings(**settings),
            targets=targets or TargetRules(),
            concurrency=concurrency,
            on_failure=self.failures.append,
            clock=clock,
            lookup=lookup,
            governed=governed,
            new_comparer=new_comparer,
        )
        self._batches = 0
        self._changed = threading.Condition()
        self.journal.on_append(self._on_append)

    def enqueue(
        self,
        *flows: Flow,
        connect_to: Sequence[ConnectTo] = (),
        raw: bool = False,
        http_version: HttpVersion = HttpVersion.AUTO,
        recorded_digest: bytes = b"",
    ) -> str:
        """Queues flows as one batch; an empty session is one of its own."""
        self._batches += 1
        batch = f"batch{self._batches}"
        self.journal.stage(
            batch, list(_rows(flows, connect_to, raw, http_version, recorded_digest))
        )
        self.journal.accept(batch, now=time.time_ns(), answer=b"")
        return batch

    def run(self, *flows: Flow, **options: Any) -> list[event_pb2.Event]:
        """Queues flows, waits for their outcomes and returns those by flow."""
        batch = self.enqueue(*flows, **options)
        return self.outcomes(batch, len(flows))

    def outcomes(self, batch: str, count: int) -> list[event_pb2.Event]:
        """Waits for so many outcomes of a batch; returns them in order of the capture."""
        self.wait(lambda: len(self._outcomes(batch)) >= count)
        return sorted(self._outcomes(batch), key=_flow_index)

    def events(self) -> list[event_pb2.Event]:
        """Every event so far."""
        page = self.journal.read(0, limit=1_000_000, max_bytes=1 << 30)
        return [event_pb2.Event.FromString(each) for each in page.events]

    def logs(self) -> list[event_pb2.LogEvent]:
        """The `log` events so far."""
        return [event.log for event in self.events() if event.HasField("log")]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition holds that an event may bring about."""
        end = time.monotonic() + DEADLINE
        with self._changed:
            while not condition():
                left = end - time.monotonic()
                assert left > 0, f"after {DEADLINE} s only {self.events()}"
                self._changed.wait(left)

    def _outcomes(self, batch: str) -> list[event_pb2.Event]:
        return [
            event
            for event in self.events()
            if event.batch_id == batch and (event.HasField("response") or event.HasField("error"))
        ]

    def _on_append(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.thread.stop(0)
        assert self.thread.join(DEADLINE), "the replay thread did not end"
        self.journal.close()


def _rows(
    flows: Iterable[Flow],
    connect_to: Sequence[ConnectTo],
    raw: bool,
    version: HttpVersion,
    digest: bytes,
) -> Iterable[Row]:
    for index, each in enumerate(flows):
        plan = make_plan(
            each, flow_index=index, connect_to=connect_to, raw=raw, http_version=version
        )._replace(recorded_digest=digest)
        yield Row(
            flow_index=index,
            session=each.session_id or f"own-{index}",
            idempotent=plan.idempotent,
            plan=encode_plan(plan),
            flow=b"",
            request_content=request_content(each),
        )


def _flow_index(event: event_pb2.Event) -> int:
    return event.response.flow_index if event.HasField("response") else event.error.flow_index
