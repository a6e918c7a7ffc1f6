"""A watcher as a process of its own: it follows every event and keeps books on them.

    python -m benchmarks.watcher ADDRESS CURSOR [BATCH]

Prints a line once the daemon is watching for it, follows the log until nothing is left to
replay, then prints what it saw as JSON (`Seen`). Raises nothing about gaps: who started it
judges. `Watchers` starts some and waits for them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import grpc
from flowreplay.v1.replay_pb2 import WatchEventsRequest
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub

from benchmarks.figures import percentile
from benchmarks.machine import on

_TERMINAL = ("response", "error")


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


def follow(address: str, cursor: str, batch_id: str = "") -> Seen:
    """Follows the log to its idle end, reading as little of each event as it can.

    With a batch only its events come, so numbers are missing where others ran beside it.
    """
    events = missing = expected = 0
    ended = 0.0
    ages: list[float] = []
    request = WatchEventsRequest(cursor=cursor, batch_id=batch_id, until_idle=True)
    with grpc.insecure_channel(address) as channel:
        for message in ReplayServiceStub(channel).WatchEvents(request):
            if not message.events:
                if not expected:
                    print("watching", flush=True)
                continue
            now = time.time()
            for event in message.events:
                events += 1
                missing += expected not in (0, event.sequence)
                expected = event.sequence + 1
                if event.WhichOneof("payload") in _TERMINAL:
                    ended = event.record_time.seconds + event.record_time.nanos / 1e9
                    ages.append(now - ended)
    return Seen(events, missing, len(ages), percentile(ages, 50), percentile(ages, 99), ended)


class Watchers(list["subprocess.Popen[str]"]):
    """Watchers at work."""

    def finish(self) -> list[Seen]:
        """Returns what each saw, once all have seen the end."""
        return [Seen(*json.loads(_line(process))) for process in self]


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a watcher ended with an error; it is above")
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
    command = [sys.executable, "-m", "benchmarks.watcher", address, cursor, batch_id]
    with ExitStack() as stack:
        watchers = Watchers()
        for _ in range(number):
            with on(cores):
                started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            watchers.append(stack.enter_context(started))
            stack.callback(started.kill)
        for process in watchers:
            _line(process)
        yield watchers


if __name__ == "__main__":
    print(json.dumps(follow(*sys.argv[1:])), flush=True)
