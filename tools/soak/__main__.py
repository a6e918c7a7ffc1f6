"""`make soak`: hours of a steady load, and what of the daemon grows meanwhile.

    python -m tools.soak [--minutes N] [--rate N] [--watchers N] [--seed N] [--sample SECONDS]
                         [--out FILE] [--leak BYTES] [--growth MIB] [--more N]

Runs a daemon of its own with a small --retention-size, clients that enqueue in every way at
`--rate` flows a second, that clear and pause, and watchers that come and go. Looks at the
daemon every so often; prints a line a minute and a verdict, and writes all samples as JSON.
Ends with 1 when something grew (`judge`) or the books do not balance. `--leak` seeds a leak
in the daemon: the run has to fail then.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
from flowreplay.v1 import replay_pb2_grpc
from flowreplay.v1.replay_pb2 import START_POSITION_START as START
from flowreplay.v1.replay_pb2 import CountRequest, CountResponse, WatchEventsRequest

from benchmarks.processes import BIN, Daemon, daemon_in
from benchmarks.targets import Target, run_target
from tools.soak.judge import Limits, Sample, judge, settled, trend
from tools.soak.load import Load
from tools.soak.sampling import Sampler
from tools.soak.watching import Crowd

_OPTIONS = ("--concurrency=8", "--retention-size=64m", "--retention-age=10m")
_DEADLINE = 120.0
_LOOK_SECONDS = 0.1
_LEAST = 2
"""Samples that a slope takes."""
_MIB = 1 << 20


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="soak", description="A long steady run.")
    add = parser.add_argument
    add("--minutes", type=float, default=60.0, help="how long the load lasts")
    add("--rate", type=float, default=200.0, help="flows a second")
    add("--watchers", type=int, default=20, help="at once, that come and go")
    add("--seed", type=int, help="what is drawn; else it is drawn, too")
    add("--sample", type=float, default=10.0, help="seconds between two looks")
    add("--out", type=Path, default=Path("soak.json"), help="where the samples are written")
    add("--leak", type=int, default=0, help="bytes that the daemon loses each second")
    add("--growth", type=float, default=1.0, help="MiB an hour that memory may grow by")
    add("--more", type=float, default=2.0, help="descriptors, and threads, that may be more")
    return parser.parse_args(given)


async def soak(daemon: Daemon, target: Target, options: argparse.Namespace) -> dict[str, object]:
    """Runs it all; returns the report."""
    chance = random.Random(options.seed)  # noqa: S311 - not a secret
    seconds = options.minutes * 60
    async with grpc.aio.insecure_channel(daemon.address) as channel:
        stub = replay_pb2_grpc.ReplayServiceStub(channel)
        crowd = Crowd(daemon.address, chance)
        load = Load(stub, target.port, options.rate, chance)
        # The first one starts a decoder, which takes a while.
        await load.typed(1)
        sampler = Sampler(daemon, stub, time.monotonic())
        keeping = asyncio.create_task(crowd.keep_books(WatchEventsRequest(position=START), stub))
        looking = asyncio.create_task(_look(sampler, options.sample))
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(seconds))
            group.create_task(crowd.run(options.watchers, seconds))
        looking.cancel()
        counts = await _drained(stub, crowd, keeping)
        last = await sampler.look()
        keeping.cancel()
    if len(settled(sampler.samples[:-1])) < _LEAST:
        raise SystemExit(f"{len(sampler.samples)} samples say nothing; make --minutes longer")
    findings = judge(sampler.samples[:-1], Limits(options.growth * _MIB, options.more))
    findings += load.made.findings + crowd.findings + crowd.books.findings
    findings += _balance(load, crowd, counts, target.requests())
    return {
        "seed": options.seed,
        "rate": options.rate,
        "watchers": options.watchers,
        "findings": findings,
        "calls": load.made.calls,
        "flows": load.made.accepted,
        "watchers_came": crowd.came,
        "watchers_compacted": crowd.compacted,
        "events": crowd.books.latest,
        "trends": _trends(sampler.samples[:-1]),
        "last": last.as_json(),
        "samples": [sample.as_json() for sample in sampler.samples],
    }


async def _look(sampler: Sampler, every: float) -> None:
    """Looks on and on; says a line about once a minute."""
    said = 0.0
    while True:
        await asyncio.sleep(every)
        sample = await sampler.look()
        if sample.seconds - said >= min(60.0, every):
            said = sample.seconds
            print(_line(sample), flush=True)


def _line(sample: Sample) -> str:
    return (
        f"{sample.seconds / 60:7.1f} min {sample.memory / _MIB:7.1f} MiB "
        f"{sample.descriptors:4} descriptors {sample.threads:3} threads "
        f"wal {sample.wal / _MIB:5.1f} journal {sample.journal / _MIB:6.1f} MiB "
        f"{sample.queued:6} queued {sample.watchers:4} watchers {sample.latest:9} events "
        f"{sample.cpu:7.1f} s CPU"
    )


async def _drained(
    stub: "replay_pb2_grpc.ReplayServiceAsyncStub", crowd: Crowd, keeping: "asyncio.Task[None]"
) -> CountResponse:
    """Waits until nothing waits or runs and the books have all of it."""
    async with asyncio.timeout(_DEADLINE):
        while True:
            if keeping.done():
                keeping.result()
                raise SystemExit("the watcher that keeps the books was sent away")
            counts: CountResponse = await stub.Count(CountRequest())
            idle = not counts.queued_count and not counts.running_count
            if idle and crowd.books.ended == crowd.books.queued:
                return counts
            await asyncio.sleep(_LOOK_SECONDS)


def _balance(load: Load, crowd: Crowd, counts: CountResponse, arrived: int) -> list[str]:
    """Compares what was accepted, what the log says, what is counted and what arrived."""
    books = crowd.books
    same = [
        ("accepted", load.made.accepted, "queued by the log", books.queued),
        ("queued by the log", books.queued, "ended by the log", books.ended),
        ("responses in the log", books.responses, "succeeded by count", counts.succeeded_count),
        ("errors in the log", books.errors, "failed by count", counts.failed_count),
        ("cleared by the log", books.cleared, "cleared by count", counts.cleared_count),
        ("responses in the log", books.responses, "arrived at the server", arrived),
        ("errors in the log", books.errors, "wanted", 0),
    ]
    return [
        f"the books do not balance: {left} {one}, {right} {other}"
        for one, left, other, right in same
        if left != right
    ]


def _trends(samples: list[Sample]) -> dict[str, dict[str, float]]:
    judged = settled(samples)
    names = ("memory", "descriptors", "threads", "wal", "journal")
    return {name: dict(trend(judged, name)._asdict()) for name in names}


def main(given: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = arguments(given)
    if options.seed is None:
        options.seed = secrets.randbelow(1 << 31)
    print(f"seed {options.seed}", flush=True)
    program = [str(BIN / "replayd")]
    if options.leak:
        program = [sys.executable, "-m", "tools.soak.leak", str(options.leak)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        target = stack.enter_context(run_target())
        daemon = stack.enter_context(daemon_in(folder, *_OPTIONS, program=program))
        report = asyncio.run(soak(daemon, target.bundled or target, options))
    options.out.write_text(json.dumps(report, indent=1))
    findings = report["findings"]
    assert isinstance(findings, list)
    for finding in findings:
        print(f"FOUND: {finding}")
    trends = report["trends"]
    assert isinstance(trends, dict)
    memory = trends["memory"]
    print(
        f"{report['flows']} flows, {report['events']} events, {report['watchers_came']} watchers; "
        f"memory {memory['slope'] / _MIB:+.2f} MiB an hour; {len(findings)} findings"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
