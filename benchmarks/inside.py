"""The replay thread in this process, where a profiler sees it, with all that is around it
in the daemon but gRPC: flows come in through a decoder's process, the journal is on disk,
and a watcher is served every event.
"""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.replay_pb2 import (
    START_POSITION_START,
    EnqueueRequest,
    FlowBatch,
    WatchEventsRequest,
    WatchEventsResponse,
)

from benchmarks.machine import client_cores, on
from benchmarks.replays import flows_of
from benchmarks.targets import Target
from benchmarks.workloads import Workload
from replayd.errors import JournalError
from replayd.intake.pool import DecoderPool, WorkerSettings
from replayd.journal.interface import Journal
from replayd.journal.sqlite import open_sqlite
from replayd.planning.target_rules import TargetRules
from replayd.queue import ReplayQueue
from replayd.replay.thread import ReplayThread
from replayd.rpc.enqueue import Enqueuer
from replayd.rpc.places import Places
from replayd.rpc.watch import Watchers
from replayd.wire.settings import TlsSettings, WireSettings

THREAD = "replay"
"""The name of the replay thread."""

_MESSAGE_FLOWS = 256


class Spent(NamedTuple):
    """What one flow took, in seconds."""

    cpu: float
    """CPU of the replay thread, from its start until the last event was served."""
    system: float
    """How much of that was the kernel's, to its tick."""
    all_threads: float
    """CPU of all threads meanwhile: the replay thread, and the event loop with the watcher."""
    wall: float


def replay_inside(target: Target, workload: Workload, count: int) -> Spent:
    """Replays so many of a workload's flows in this process, on the clients' core.

    Raises SystemExit when the books do not balance.
    """
    before = target.serving(workload).requests()
    with tempfile.TemporaryDirectory() as folder, on(client_cores(same=workload.same_core)):
        spent = asyncio.run(_replay(Path(folder), target, workload, count))
    arrived = target.serving(workload).requests() - before
    if arrived != count:
        raise SystemExit(f"the books do not balance: {count} flows, {arrived} requests arrived")
    return spent


async def _replay(folder: Path, target: Target, workload: Workload, count: int) -> Spent:
    flows = flows_of(workload, target.port_of(workload), count)
    with closing(open_sqlite(folder / "data", time.time_ns())) as journal:
        await _enqueue(journal, flows)
        flows.clear()
        with _replay_thread(journal, target, workload) as failed:
            return await _measure(journal, failed, count)


async def _enqueue(journal: Journal, flows: list[Flow]) -> None:
    async def messages() -> AsyncIterator[bytes]:
        for start in range(0, len(flows), _MESSAGE_FLOWS):
            batch = FlowBatch(flows=flows[start : start + _MESSAGE_FLOWS])
            yield EnqueueRequest(flow_batch=batch).SerializeToString()

    settings = WorkerSettings("anywhere", (), (), WireSettings().body_size_limit)
    decoders = DecoderPool(settings)
    try:
        await Enqueuer(journal, decoders).enqueue(messages(), client="")
    finally:
        await decoders.close()


@contextmanager
def _replay_thread(
    journal: Journal, target: Target, workload: Workload
) -> Iterator["asyncio.Future[None]"]:
    """Runs the thread; yields what fails when it does."""
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()

    def fail(error: JournalError) -> None:
        loop.call_soon_threadsafe(failed.set_exception, error)

    tls = TlsSettings(ca_file=str(target.ca_file) if workload.tls else "")
    thread = ReplayThread(
        journal,
        ReplayQueue(journal),
        WireSettings(tls=tls),
        targets=TargetRules(mode="anywhere"),
        concurrency=workload.concurrency,
        on_failure=fail,
    )
    thread.start()
    try:
        yield failed
    finally:
        thread.stop(0)
        thread.join()


async def _measure(journal: Journal, failed: "asyncio.Future[None]", count: int) -> Spent:
    thread = next(each for each in threading.enumerate() if each.name == THREAD)
    assert thread.ident is not None
    start, process = time.perf_counter(), time.process_time()
    clock = time.pthread_getcpuclockid(thread.ident)
    own = time.clock_gettime(clock)
    following = asyncio.create_task(_follow(journal))
    either: set[asyncio.Future[Any]] = {following, failed}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if failed.done():
        following.cancel()
        await failed
    spent = Spent(
        (time.clock_gettime(clock) - own) / count,
        _system_seconds(thread) / count,
        (time.process_time() - process) / count,
        (time.perf_counter() - start) / count,
    )
    _check(await following, journal, count)
    return spent


async def _follow(journal: Journal) -> list[bytes]:
    """Is a watcher from the first event until nothing is left to replay; returns what came."""
    request = WatchEventsRequest(position=START_POSITION_START, until_idle=True)
    return [message async for message in Watchers(journal, Places(1, 1)).watch(request)]


def _system_seconds(thread: threading.Thread) -> float:
    stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
    # Fields as proc(5) counts them; the second one is a name that may contain anything.
    return int(stat.rpartition(")")[2].split()[12]) / os.sysconf("SC_CLK_TCK")


def _check(messages: list[bytes], journal: Journal, count: int) -> None:
    answers = map(WatchEventsResponse.FromString, messages)
    events = [event for answer in answers for event in answer.events]
    responses = sum(event.HasField("response") for event in events)
    gaps = [event.sequence for event in events] != list(range(1, len(events) + 1))
    succeeded = journal.count("").succeeded
    if (responses, succeeded, gaps) != (count, count, False):
        raise SystemExit(
            f"the books do not balance: {count} flows, {succeeded} succeeded, {responses} "
            f"responses in {len(events)} events, gaps in their numbers: {gaps}"
        )
