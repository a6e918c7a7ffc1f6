"""`make resumes`: watchers that leave and come back, over and over, while events come and go.

    python -m tools.watchers.resumes [--resumes N] [--walkers N] [--rate N] [--seed N]
                                     [--size SIZE] [--drop N] [--repeat N]

A daemon with a small --retention-size replays at `--rate` flows a second. Walkers resume
from cursors that anybody was ever given, read a little, and leave. What each is shown must
be the log from there on, without a gap or a repeat, event for event the same; or it is told
that retention removed it, truly. Ends with 1 when something was wrong. `--drop` and
`--repeat` have the walkers themselves lose, or see twice, one event in N: the run has to
fail then.
"""

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import grpc
from flowreplay.v1 import replay_pb2_grpc
from flowreplay.v1.event_pb2 import Event
from flowreplay.v1.replay_pb2 import (
    START_POSITION_START,
    CountRequest,
    GetStatusRequest,
    ResumeRequest,
    WatchEventsRequest,
)
from flowreplay_client.errors import error_from

from benchmarks.processes import daemon_in
from benchmarks.targets import run_target
from replayd.codec.cursor import Cursor, decode_cursor, encode_cursor
from tools.soak.load import Load
from tools.watchers.transcript import Transcript

_DEADLINE = 60.0
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
_LOOK_SECONDS = 0.05


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="resumes", description="Watchers that come back.")
    add = parser.add_argument
    add("--resumes", type=int, default=10_000, help="how often somebody comes back")
    add("--walkers", type=int, default=16, help="watchers at once that come back")
    add("--rate", type=float, default=300.0, help="flows a second")
    add("--seed", type=int, help="what is drawn; else it is drawn, too")
    add("--size", default="4m", help="the daemon's --retention-size")
    add("--drop", type=int, default=0, help="walkers lose one event in so many")
    add("--repeat", type=int, default=0, help="walkers see one event in so many twice")
    return parser.parse_args(given)


class Walkers:
    """Watchers at an address that come and go."""

    def __init__(self, address: str, options: argparse.Namespace, chance: random.Random) -> None:
        self._address = address
        self._options = options
        self._chance = chance
        self._cursors: list[str] = []
        self.transcript = Transcript()
        self.resumes = 0
        self.ends: Counter[str] = Counter()
        """How streams ended that were not left: reasons."""
        self.findings: list[str] = []

    async def stay(self, stub: "replay_pb2_grpc.ReplayServiceAsyncStub") -> None:
        """Follows the log from its start until it is cancelled."""
        async for answer in stub.WatchEvents(WatchEventsRequest(position=START_POSITION_START)):
            self._cursors.append(answer.cursor)
            self.transcript.keep(answer.events)

    async def walk(self) -> None:
        """Comes back until all together have come back often enough."""
        while self.resumes < self._options.resumes:
            async with grpc.aio.insecure_channel(self._address, _OWN_CONNECTION) as channel:
                stub = replay_pb2_grpc.ReplayServiceStub(channel)
                for _ in range(self._chance.randint(1, 8)):
                    self.resumes += 1
                    await self._resume(stub, self._cursor())

    def _cursor(self) -> str:
        """Draws a cursor that somebody was given: a late one half of the time."""
        if self._chance.random() < 0.5:
            return self._chance.choice(self._cursors[-50:])
        return self._chance.choice(self._cursors)

    async def _resume(self, stub: "replay_pb2_grpc.ReplayServiceAsyncStub", cursor: str) -> None:
        """Reads some messages after a cursor, and leaves."""
        after, messages = decode_cursor(cursor).sequence, self._chance.randint(1, 6)
        call = stub.WatchEvents(WatchEventsRequest(cursor=cursor), timeout=_DEADLINE)
        try:
            async for answer in call:
                after = self.transcript.show(after, self._spoilt(list(answer.events)))
                told = decode_cursor(answer.cursor).sequence
                if told != after and not self._spoiling:
                    self.findings.append(f"a cursor is after {told}, the last event was {after}")
                self._cursors.append(answer.cursor)
                messages -= 1
                if not messages:
                    break
        except grpc.aio.AioRpcError as error:
            self._judge(error, after)
        finally:
            call.cancel()

    @property
    def _spoiling(self) -> bool:
        return bool(self._options.drop or self._options.repeat)

    def _spoilt(self, events: list[Event]) -> list[Event]:
        """Loses or repeats events, where the walkers are to fail."""
        seen: list[Event] = []
        for event in events:
            if self._options.drop and self._chance.randrange(self._options.drop) == 0:
                continue
            seen.append(event)
            if self._options.repeat and self._chance.randrange(self._options.repeat) == 0:
                seen.append(event)
        return seen

    def _judge(self, failure: grpc.aio.AioRpcError, after: int) -> None:
        """A stream may end because retention came first, and must say so truly."""
        error = error_from(failure, self._address)
        self.ends[error.reason or error.code.name] += 1
        if error.reason != "SEQUENCE_COMPACTED" or error.code is not grpc.StatusCode.OUT_OF_RANGE:
            self.findings.append(f"a watcher after {after} ended with {error.code.name}: {error}")
            return
        oldest, latest = (int(error.metadata[f"{name}_sequence"]) for name in ("oldest", "latest"))
        if not after + 1 < oldest <= latest:
            self.findings.append(f"compacted after {after}: {oldest} is the oldest of {latest}")


async def refusals(stub: "replay_pb2_grpc.ReplayServiceAsyncStub") -> list[str]:
    """Asks with cursors that can't be served; returns what was not refused as it should."""
    status = await stub.GetStatus(GetStatusRequest())
    here = decode_cursor(status.cursor)
    wrong = {
        "CURSOR_FOREIGN": here._replace(epoch=here.epoch + 1),
        "CURSOR_AHEAD": here._replace(sequence=here.sequence + 1_000_000),
    }
    findings = []
    for reason, cursor in wrong.items():
        got = await _end(stub, cursor)
        if got != reason:
            findings.append(f"{cursor} ended with {got}, not with {reason}")
    return findings


async def _end(stub: "replay_pb2_grpc.ReplayServiceAsyncStub", cursor: Cursor) -> str:
    request = WatchEventsRequest(cursor=encode_cursor(cursor), until_idle=True)
    try:
        async for _ in stub.WatchEvents(request, timeout=_DEADLINE):
            pass
    except grpc.aio.AioRpcError as error:
        return error_from(error, "").reason
    return "OK"


async def run(address: str, port: int, options: argparse.Namespace) -> tuple[Walkers, list[str]]:
    """Has walkers resume while a load runs; returns them, and what was wrong."""
    chance = random.Random(options.seed)  # noqa: S311 - not a secret
    async with grpc.aio.insecure_channel(address) as channel:
        stub = replay_pb2_grpc.ReplayServiceStub(channel)
        load = Load(stub, port, options.rate, chance)
        await load.typed(50)
        walkers = Walkers(address, options, chance)
        staying = asyncio.create_task(walkers.stay(stub))
        loading = asyncio.create_task(load.run(float("inf")))
        while not walkers.transcript.latest:
            await asyncio.sleep(_LOOK_SECONDS)
        async with asyncio.TaskGroup() as group:
            for _ in range(options.walkers):
                group.create_task(walkers.walk())
        loading.cancel()
        await asyncio.wait({loading})
        findings = load.made.findings + await refusals(stub)
        await _drained(stub, walkers, staying)
        staying.cancel()
    walkers.transcript.settle()
    return walkers, findings + walkers.findings + walkers.transcript.findings


async def _drained(
    stub: "replay_pb2_grpc.ReplayServiceAsyncStub", walkers: Walkers, staying: "asyncio.Task[None]"
) -> None:
    """Waits until the watcher who stays has all events."""
    async with asyncio.timeout(_DEADLINE):
        while True:
            if staying.done():
                staying.result()
            counts = await stub.Count(CountRequest())
            if counts.paused:
                # The load was given up amid a pause.
                await stub.Resume(ResumeRequest())
            latest = decode_cursor(counts.cursor).sequence
            idle = not counts.queued_count and not counts.running_count
            if idle and walkers.transcript.latest >= latest:
                return
            await asyncio.sleep(_LOOK_SECONDS)


def main(given: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = arguments(given)
    if options.seed is None:
        options.seed = secrets.randbelow(1 << 31)
    print(f"seed {options.seed}", flush=True)
    start = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        target = stack.enter_context(run_target())
        daemon = stack.enter_context(
            daemon_in(folder, "--concurrency=8", f"--retention-size={options.size}")
        )
        walkers, findings = asyncio.run(
            run(daemon.address, (target.bundled or target).port, options)
        )
    seen = walkers.transcript
    print(
        f"{walkers.resumes} resumes in {time.monotonic() - start:.0f} s, {seen.shown} events shown "
        f"of a log of {seen.latest}; ended by the daemon: {dict(walkers.ends)}"
    )
    print(f"{seen.missed} missed, {seen.repeated} repeated, {seen.different} different")
    for finding in findings:
        print(f"FOUND: {finding}")
    return 1 if findings or seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
