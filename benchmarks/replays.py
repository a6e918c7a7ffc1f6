"""replayd at work: one run replays a workload's flows, watched, and checks the books.

Unless an option says otherwise, everything is measured with every promise kept: the
journal on disk (synchronous FULL), every limit, deadline and check on. The clock runs from
the resume of a queue that holds all flows until the last watcher has the last event;
without watchers, until the last outcome was recorded, as the log tells afterwards.
"""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.replay_pb2 import CountResponse
from flowreplay_client import Client, connect, request_flow

from benchmarks.figures import Rate
from benchmarks.hooked import hooked
from benchmarks.machine import client_cores, cpu_seconds, server_cores
from benchmarks.memory import resident
from benchmarks.processes import Daemon, daemon_process
from benchmarks.targets import Target
from benchmarks.watcher import Seen, watching
from benchmarks.workloads import FIELDS, SMALL, Workload, indices

_LOOK_SECONDS = 0.2
"""How often an unwatched run is looked at: seldom, for each look costs the daemon a call."""


class Run(NamedTuple):
    """What a run took and showed."""

    rate: Rate
    """Of flows; the CPU is the daemon's."""
    seen: Seen
    """What the slowest watcher saw."""
    memory: int
    """Bytes that the daemon has in memory right after."""


def flows_of(workload: Workload, port: int, count: int) -> list[Flow]:
    """Builds a workload's flows."""
    return [
        request_flow(
            workload.method, workload.url(port, index), FIELDS, workload.content, session_id=session
        )
        for index, session in indices(workload, count)
    ]


def options_of(workload: Workload, target: Target) -> list[str]:
    """Returns the daemon's options for a workload."""
    options = [f"--concurrency={workload.concurrency}"]
    return [*options, f"--ca-file={target.ca_file}"] if workload.tls else options


def replay(
    target: Target,
    workload: Workload,
    usual: int,
    watchers: int = 1,
    *,
    options: Sequence[str] = (),
    warm_up: int = 0,
    hook: bool = False,
) -> Run:
    """Replays a workload on a daemon of its own, with these options beside the workload's;
    `warm_up` small flows before, for counts so small that the first ones would show; `hook`: one
    is asked about each request, beside the server, and has it go on.

    Raises SystemExit when the books do not balance.
    """
    cores = client_cores(same=workload.same_core)
    needed = [*options_of(workload, target), *options]
    with daemon_process("--paused", *needed, cores=cores) as daemon:
        if warm_up:
            replay_on(daemon, target, replace(workload, answer=SMALL, content=b""), warm_up)
        with hooked(daemon.address, server_cores()) if hook else nullcontext():
            return replay_on(daemon, target, workload, usual, watchers)


def replay_on(
    daemon: Daemon, target: Target, workload: Workload, usual: int, watchers: int = 1
) -> Run:
    """Replays a workload on a daemon that is paused, with nothing to do; leaves it so.

    Raises SystemExit when the books do not balance: what was accepted, what came of it,
    what the watchers saw, and what the target counted.
    """
    server = target.serving(workload)
    count = workload.count(usual)
    beside = client_cores() if workload.same_core else server_cores()
    with connect(daemon.address) as client:
        accepted = client.enqueue(flows_of(workload, target.port_of(workload), count))
        before = server.requests()
        with watching(daemon.address, accepted.cursor, watchers, beside) as following:
            start, spent = time.time(), cpu_seconds(daemon.pid)
            client.resume()
            if not watchers:
                _wait_until_idle(client)
            seen = following.finish()
            end = time.time()
            spent = cpu_seconds(daemon.pid) - spent
        arrived = server.requests() - before
        memory = resident(daemon.pid)
        if not watchers:
            with watching(daemon.address, accepted.cursor) as following:
                seen = following.finish()
            end = seen[0].ended
        client.pause()
        counts = client.count(accepted.batch_id)
    check_books(count, accepted.accepted_count, counts, seen, arrived)
    rate = Rate(count / (end - start), spent / count)
    return Run(rate, max(seen, key=lambda each: each.p99), memory)


def _wait_until_idle(client: Client) -> None:
    while (counts := client.count()).queued_count or counts.running_count:
        time.sleep(_LOOK_SECONDS)


def check_books(
    sent: int, accepted: int, counts: CountResponse, seen: Sequence[Seen], arrived: int
) -> None:
    """Compares all accounts of a run; raises SystemExit with each that differs."""
    accounts = {
        "accepted by the daemon": accepted,
        "succeeded in its count": counts.succeeded_count,
        "requests counted by the target": arrived,
    } | {f"outcomes seen by watcher {each}": saw.outcomes for each, saw in enumerate(seen, 1)}
    wrong = [f"{account}: {number}" for account, number in accounts.items() if number != sent]
    wrong += [
        f"events missing at watcher {each}: {saw.missing}"
        for each, saw in enumerate(seen, 1)
        if saw.missing
    ]
    if wrong:
        raise SystemExit(f"the books do not balance: {sent} flows enqueued, {'; '.join(wrong)}")
