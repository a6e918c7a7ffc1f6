"""Watchers that come and go, and write down what they were shown.

    python -m tools.chaos.watcher ADDRESS TRANSCRIPT SEED COUNT

A line of the transcript is one message of one watcher, as JSON: `after` and `last` (the
sequences that it says it lies between), `kinds` (none: all) and `events`, a flat list of each
event's sequence and checksum; or an `error` that it was told. A watcher that comes back does so
with its last cursor.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING
from zlib import crc32

import grpc
from flowreplay.v1 import event_pb2
from flowreplay.v1.replay_pb2 import (
    START_POSITION_NOW,
    START_POSITION_START,
    WatchEventsRequest,
)
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub

from replayd.codec.cursor import decode_cursor
from tools.chaos.caller import OPTIONS

if TYPE_CHECKING:
    from flowreplay.v1.replay_pb2_grpc import ReplayServiceAsyncStub

_OUTCOMES = (event_pb2.EVENT_KIND_RESPONSE, event_pb2.EVENT_KIND_ERROR)
_GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""How a stream ends when the daemon does. It has no other reason to."""

_UPDATES = (event_pb2.EVENT_KIND_UPDATE,)


class Watcher:
    """One of them."""

    def __init__(self, stub: "ReplayServiceAsyncStub", transcript: int, seed: str) -> None:
        self._stub = stub
        self._transcript = transcript
        self._random = Random(seed)  # noqa: S311 - a seed repeats it
        self._cursor = ""
        self._kinds: tuple[event_pb2.EventKind.ValueType, ...] = ()

    async def follow(self) -> None:
        """Watches, goes away and comes back, for ever."""
        while True:
            try:
                await self._once()
            except grpc.aio.AioRpcError as error:
                if error.code() not in _GONE:
                    self._write({"error": f"{error.code().name}: {error.details()}"})
                    self._cursor = ""
                await asyncio.sleep(0.02)

    async def _once(self) -> None:
        random = self._random
        request = self._request()
        call = self._stub.WatchEvents(request, wait_for_ready=True)
        left = random.choice((1, 5, 30, 200))
        # Where it asked to go on: a first message that lies further on has left something out.
        after = decode_cursor(request.cursor).sequence if request.cursor else -1
        async for message in call:
            last = decode_cursor(message.cursor).sequence
            if after >= 0:
                self._write_events(after, last, message.events)
            after, self._cursor = last, message.cursor
            left -= 1
            if not left:
                call.cancel()
                return
            await asyncio.sleep(random.choice((0, 0, 0, 0.001, 0.05)))

    def _request(self) -> WatchEventsRequest:
        random = self._random
        if self._cursor and random.random() < 0.8:
            return WatchEventsRequest(cursor=self._cursor, kinds=self._kinds)
        self._kinds = random.choice(((), (), (), _OUTCOMES, _UPDATES))
        start = START_POSITION_START if random.random() < 0.1 else START_POSITION_NOW
        return WatchEventsRequest(position=start, kinds=self._kinds)

    def _write_events(self, after: int, last: int, events: Iterable[event_pb2.Event]) -> None:
        seen = [
            number
            for event in events
            for number in (event.sequence, crc32(event.SerializeToString()))
        ]
        self._write({"after": after, "last": last, "kinds": self._kinds, "events": seen})

    def _write(self, line: dict[str, object]) -> None:
        os.write(self._transcript, json.dumps(line).encode() + b"\n")


async def watch(address: str, transcript: int, seed: str, count: int) -> None:
    """Runs watchers."""
    async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
        stub = ReplayServiceStub(channel)
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                watcher = Watcher(stub, transcript, f"{seed}:w{number}")
                group.create_task(watcher.follow())


def main() -> None:
    """Watches until it is killed."""
    address, path, seed, count = sys.argv[1:]
    transcript = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    asyncio.run(watch(address, transcript, seed, int(count)))


if __name__ == "__main__":
    main()
