"""Watchers in a process of their own: each follows every event and keeps books on them.

    python -m benchmarks.watcher NUMBER ADDRESS CURSOR [BATCH]

Each has a connection of its own. Prints a line once the daemon is watching for all, follows
the log until nothing is left to replay, then prints what each saw as JSON (`Seen`). Raises
nothing about gaps: who started it judges. `Watchers` starts the process and waits for it.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import grpc
from flowreplay.v1.replay_pb2 import WatchEventsRequest
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub

from benchmarks.figures import percentile
from benchmarks.processes import running

_TERMINAL = ("response", "error")

_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


class Seen(NamedTuple):
    """What a watcher saw."""

    events: int
    missing: int
    """Numbers that were left out, or came out of order."""
    outcomes: int
    """Responses and errors."""
    p50: float
    """Seconds from an outcome's record to its arrival: half of them were faster."""
    p99: float
    ended: float
    """When the last outcome was recorded, in seconds since the epoch; 0: there was none."""


async def follow(request: WatchEventsRequest, address: str, watching: asyncio.Event) -> Seen:
    """Follows the log to its idle end, reading as little of each event as it can.

    With a batch only its events come, so numbers are missing where others ran beside it.
    """
    events = missing = expected = 0
    ended = 0.0
    ages: list[float] = []
    async with grpc.aio.insecure_channel(address, _OWN_CONNECTION) as channel:
        async for message in ReplayServiceStub(channel).WatchEvents(request):
            # The first one has no events: it says that the daemon is watching.
            watching.set()
            now = time.time()
            for event in message.events:
                events += 1
                missing += expected not in (0, event.sequence)
                expected = event.sequence + 1
                if event.WhichOneof("payload") in _TERMINAL:
                    ended = event.record_time.seconds + event.record_time.nanos / 1e9
                    ages.append(now - ended)
    return Seen(events, missing, len(ages), percentile(ages, 50), percentile(ages, 99), ended)


async def follow_all(number: int, address: str, cursor: str, batch_id: str = "") -> list[Seen]:
    """Has so many watchers follow the log; says when the daemon is watching for all."""
    request = WatchEventsRequest(cursor=cursor, batch_id=batch_id, until_idle=True)
    watching = [asyncio.Event() for _ in range(number)]
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(follow(request, address, each)) for each in watching]
        for each in watching:
            await each.wait()
        print("watching", flush=True)
    return [each.result() for each in following]


class Watchers:
    """Watchers at work in their process; there may be none."""

    def __init__(self, process: "subprocess.Popen[str] | None") -> None:
        self._process = process

    def finish(self) -> list[Seen]:
        """Returns what each saw, once all have seen the end."""
        if self._process is None:
            return []
        return [Seen(*each) for each in json.loads(_line(self._process))]


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the watchers ended with an error; it is above")
    return line


@contextmanager
def watching(
    address: str,
    cursor: str,
    number: int = 1,
    cores: set[int] | None = None,
    batch_id: str = "",
) -> Iterator[Watchers]:
    """Starts watchers on these cores; when it yields, the daemon is watching for each."""
    if not number:
        yield Watchers(None)
        return
    command = [sys.executable, "-m", "benchmarks.watcher", str(number)]
    command += [address, cursor, batch_id]
    with running(command, cores, stdout=subprocess.PIPE) as process:
        _line(process)
        yield Watchers(process)


def main() -> None:
    """Follows the log and prints what was seen."""
    number, *where = sys.argv[1:]
    print(json.dumps(asyncio.run(follow_all(int(number), *where))), flush=True)


if __name__ == "__main__":
    main()
