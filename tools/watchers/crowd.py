"""Watchers in a process of their own, some of which never read.

    python -m tools.watchers.crowd ADDRESS READING SILENT CURSOR

Each has a connection of its own. Prints a line once the daemon watches for all, follows the
log from the cursor until its stdin names a last sequence and all that read have it, then
prints what they saw as JSON (`Seen`).
"""

import asyncio
import json
import sys
import time
from typing import NamedTuple

import grpc
from flowreplay.v1.replay_pb2 import WatchEventsRequest
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub

from benchmarks.figures import percentile

_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
_DEADLINE = 60.0


class Seen(NamedTuple):
    """What all that read saw together."""

    deliveries: int
    wrong: int
    """Events that were left out, repeated or out of order."""
    messages: int
    p50: float
    """Seconds from an event's record to its arrival: half of them were faster."""
    p99: float
    last: int
    """The last sequence that each of them has."""


class _Watcher:
    """One that reads."""

    def __init__(self, address: str, cursor: str) -> None:
        self.ages: list[float] = []
        self.deliveries = self.wrong = self.messages = self.latest = 0
        self.watching = asyncio.Event()
        self._address = address
        self._request = WatchEventsRequest(cursor=cursor)

    async def read(self) -> None:
        """Follows the log until it is cancelled."""
        async with grpc.aio.insecure_channel(self._address, _OWN_CONNECTION) as channel:
            async for message in ReplayServiceStub(channel).WatchEvents(self._request):
                self.watching.set()
                self.messages += 1
                for event in message.events:
                    self.deliveries += 1
                    self.wrong += bool(self.latest) and event.sequence != self.latest + 1
                    self.latest = event.sequence
                if message.events:
                    recorded = message.events[0].record_time
                    self.ages.append(time.time() - recorded.seconds - recorded.nanos / 1e9)

    async def stay(self) -> None:
        """Asks for everything and reads nothing after the first answer."""
        async with grpc.aio.insecure_channel(self._address, _OWN_CONNECTION) as channel:
            call = ReplayServiceStub(channel).WatchEvents(self._request)
            await call.read()
            self.watching.set()
            await asyncio.Event().wait()


async def follow(address: str, reading: int, silent: int, cursor: str) -> Seen:
    """Has them watch until stdin says up to where."""
    readers = [_Watcher(address, cursor) for _ in range(reading)]
    idlers = [_Watcher(address, cursor) for _ in range(silent)]
    tasks = [asyncio.create_task(each.read()) for each in readers]
    tasks += [asyncio.create_task(each.stay()) for each in idlers]
    for each in (*readers, *idlers):
        await each.watching.wait()
    print("watching", flush=True)
    until = int(await asyncio.to_thread(sys.stdin.readline))
    end = time.monotonic() + _DEADLINE
    while min(each.latest for each in readers) < until and time.monotonic() < end:
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if not isinstance(error, asyncio.CancelledError) and error is not None:
            print(f"a watcher ended early: {error}", file=sys.stderr)
    ages = [age for each in readers for age in each.ages]
    return Seen(
        sum(each.deliveries for each in readers),
        sum(each.wrong for each in readers),
        sum(each.messages for each in readers),
        percentile(ages, 50),
        percentile(ages, 99),
        min(each.latest for each in readers),
    )


def main() -> None:
    """Watches and prints what was seen."""
    address, reading, silent, cursor = sys.argv[1:]
    print(json.dumps(asyncio.run(follow(address, int(reading), int(silent), cursor))), flush=True)


if __name__ == "__main__":
    main()
