"""The real services on a real socket, over a memory journal, without a replay thread.

Tests play the replay thread: they take replays and finish them.
"""

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from flowreplay.v1 import replay_pb2_grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from replayd.access.settings import Access
from replayd.codec.event import outcome_event
from replayd.codec.plan import decode_plan
from replayd.comparer.process import ComparerSettings
from replayd.intake.pool import DecoderPool, WorkerSettings
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.model.outcome import Outcome, ResponseHead, Timings
from replayd.model.replay import Replay, ReplayKey, ReplayState
from replayd.model.target_state import TargetState
from replayd.planning.target_rules import Pattern, TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED
from replayd.rpc.call_counts import CallCounts
from replayd.rpc.enqueue import Enqueuer
from replayd.rpc.filtering import Filtering
from replayd.rpc.history import HistoryService
from replayd.rpc.hook import HookService
from replayd.rpc.journal import JournalService
from replayd.rpc.listen import Address, UnixAddress
from replayd.rpc.places import Places
from replayd.rpc.plan import Planner
from replayd.rpc.quotas import ClientLimits
from replayd.rpc.server import RpcServer
from replayd.rpc.service import About, ReplayService
from replayd.rpc.shown import Shown
from replayd.rpc.watch import Watchers
from replayd.wire.settings import WireSettings

NO_UPSTREAM = WireSettings()
NO_LIMITS = ClientLimits()
UNASKED = Access(None)

DEADLINE = 20.0
"""Seconds after which a test gives up: far above what any step takes."""


class HandThread:
    """Stands for the replay thread where it is told to kill: tests say what runs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.has_ended = False
        self.states: list[TargetState] = []
        """What it tells of targets."""
        self.limits: list[tuple[str | None, int | None, bool]] = []
        """What was set for targets: pattern, nanoseconds, whether breakers are closed."""
        self._runs: dict[ReplayKey, tuple[Replay, Callable[[Replay], object] | None]] = {}

    def runs(self, replay: Replay, instead: Callable[[Replay], object] | None = None) -> None:
        """A replay runs, and is killed when that is asked for, or something else is done."""
        self._runs[replay.key] = replay, instead

    def targets(self) -> Sequence[TargetState]:
        """Tells what is known of targets."""
        return self.states

    def limit_targets(
        self,
        pattern: Pattern | None,
        interval: int | None,
        told: Callable[[], object],
        missed: Callable[[], object],
        *,
        close_breakers: bool,
    ) -> None:
        """Notes it."""
        if self.has_ended:
            missed()
            return
        self.limits.append((pattern.text if pattern else None, interval, close_breakers))
        told()

    def cancel(
        self,
        keys: Collection[ReplayKey],
        told: Callable[[Sequence[ReplayKey]], object],
        missed: Callable[[], object],
    ) -> None:
        """Kills what runs of these."""
        if self.has_ended:
            missed()
            return
        killed = []
        for key in keys:
            replay, instead = self._runs.pop(key)
            if instead is not None:
                instead(replay)
                continue
            outcome = Outcome(ReplayState.KILLED, Timings(1), Reason.CANCELLED)
            event = outcome_event(replay, decode_plan(replay.plan), outcome, 1)
            self._journal.finish(key, outcome, [event])
            killed.append(key)
        told(killed)


@dataclass
class Served:
    """What a test works with."""

    journal: Journal
    stub: "replay_pb2_grpc.ReplayServiceAsyncStub"
    channel: grpc.aio.Channel
    server: RpcServer
    watchers: Watchers
    enqueuer: Enqueuer
    planner: Planner
    decoders: DecoderPool
    address: str
    thread: HandThread

    def replay(self, content: bytes = b"ok") -> Replay:
        """Takes the next replay and lets it succeed."""
        (replay,) = self.journal.take(1, time.time_ns())
        self.finish(replay, content)
        return replay

    def finish(self, replay: Replay, content: bytes = b"ok") -> None:
        """Lets a taken replay succeed."""
        now = time.time_ns()
        self.journal.begin([replay])
        body = self.journal.new_body()
        body.write(content)
        outcome = Outcome(
            ReplayState.SUCCEEDED,
            Timings(now),
            head=ResponseHead(b"HTTP/1.1", 200),
            content_prefix=body.prefix(64 << 10),
            content_size=len(content),
        )
        event = outcome_event(replay, decode_plan(replay.plan), outcome, now)
        self.journal.finish(replay.key, outcome, [event], body)
        self.journal.commit()


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    max_watchers: int = 10,
    max_calls: int = 1000,
    max_queued: int = 0,
    client: ClientLimits = NO_LIMITS,
    wire: WireSettings = NO_UPSTREAM,
    address: Address | None = None,
    access: Access = UNASKED,
    calls: CallCounts | None = None,
) -> AsyncIterator[Served]:
    """Serves on an address, or on a Unix socket in `folder`; its channel speaks no TLS."""
    journal = open_memory(time.time_ns())
    decoders = DecoderPool(WorkerSettings("anywhere", (), (), 64 << 20))
    enqueuer = Enqueuer(journal, decoders, max_queued=max_queued, client=client)
    planner = Planner(decoders, wire.as_told, wire.upstream.name if wire.upstream else "")
    shown = Shown(journal, as_sent=wire.as_sent)
    filtering = Filtering(journal, shown)
    watchers = Watchers(journal, Places(max_watchers, max_watchers), shown, filtering)
    thread = HandThread(journal)
    service = ReplayService(
        journal,
        enqueuer,
        planner,
        watchers,
        About(time.time_ns(), 1, expires=access.expires),
        thread=thread,
    )
    hooks = HookService(
        journal,
        lambda _hooks, used: used(),
        targets=TargetRules(),
        body_size_limit=64 << 20,
        redactor=UNKEYED,
    )
    services = [
        service,
        HistoryService(journal, filtering, shown, ComparerSettings),
        JournalService(journal),
        hooks,
    ]
    server = RpcServer(
        services,
        [address or UnixAddress(folder / "s.sock")],
        access,
        max_calls=max_calls,
        calls=calls,
    )
    (bound,) = server.bind(folder)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(bound) as channel:
            stub = replay_pb2_grpc.ReplayServiceStub(channel)
            yield Served(
                journal,
                stub,
                channel,
                server,
                watchers,
                enqueuer,
                planner,
                decoders,
                bound,
                thread,
            )
    finally:
        hooks.end()
        await enqueuer.stop()
        await planner.stop()
        await server.stop(0)
        await decoders.close()
        await filtering.close()
        journal.close()


def counted(served: Served) -> Callable[[int], Awaitable[None]]:
    """Returns what waits until there are so many watchers; call it before the first one comes."""
    watchers, changed = served.watchers, asyncio.Event()
    original = watchers.watch

    async def watch(*arguments: Any) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(original(*arguments)) as messages:
                async for message in messages:
                    changed.set()
                    yield message
        finally:
            changed.set()

    async def wait(number: int) -> None:
        while watchers.count != number:
            changed.clear()
            await changed.wait()

    watchers.watch = watch  # type: ignore[method-assign]
    return wait


@contextmanager
def ends_with(code: grpc.StatusCode, reason: Reason) -> Iterator[dict[str, str]]:
    """Expects the call in the block to end with this status; yields the error's metadata."""
    metadata: dict[str, str] = {}
    with pytest.raises(grpc.RpcError) as caught:
        yield metadata
    error = caught.value
    assert isinstance(error, grpc.aio.AioRpcError)
    assert error.code() is code, error.details()
    status = rpc_status.from_call(error)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("flowreplay.v1", reason.name)
    metadata.update(info.metadata)
