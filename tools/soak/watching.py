"""Watchers of every kind that come and go, and one that stays and keeps the books."""

import asyncio
import random
from collections import deque

import grpc
from flowreplay.v1 import replay_pb2_grpc
from flowreplay.v1.event_pb2 import EventKind
from flowreplay.v1.replay_pb2 import WatchEventsRequest, WatchEventsResponse
from flowreplay_client.errors import error_from

from tools.soak.books import Books

_LONGEST = 8.0
"""Seconds that a watcher stays at most."""
_KEPT_CURSORS = 20_000
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


class Crowd:
    """Watchers at an address."""

    def __init__(self, address: str, chance: random.Random) -> None:
        self._address = address
        self._chance = chance
        self._cursors: deque[tuple[str, int]] = deque(maxlen=_KEPT_CURSORS)
        """Places in the log, with the last sequence before each."""
        self.books = Books()
        self.came = 0
        """How many watchers have come."""
        self.compacted = 0
        """How many of them came with a cursor that retention had overtaken."""
        self.findings: list[str] = []

    async def keep_books(
        self, request: WatchEventsRequest, stub: "replay_pb2_grpc.ReplayServiceAsyncStub"
    ) -> None:
        """Follows every event, until it is cancelled."""
        async for answer in stub.WatchEvents(request):
            self.books.follow(answer.events)
            self._cursors.append((answer.cursor, self.books.latest))

    async def run(self, number: int, seconds: float) -> None:
        """Has so many watchers at once, others after those that leave, for so long."""
        end = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(number):
                group.create_task(self._come_and_go(end))

    async def _come_and_go(self, end: float) -> None:
        loop = asyncio.get_running_loop()
        while (left := end - loop.time()) > 0:
            self.came += 1
            stay = min(self._chance.uniform(0.2, _LONGEST), left)
            try:
                await self._visit(stay)
            except grpc.aio.AioRpcError as error:
                self._judge(error)

    async def _visit(self, stay: float) -> None:
        """Watches in one of the ways for so many seconds, on a connection of its own."""
        watch = self._chance.choice([self._all, self._all, self._some, self._nothing])
        async with grpc.aio.insecure_channel(self._address, _OWN_CONNECTION) as channel:
            try:
                async with asyncio.timeout(stay):
                    await watch(replay_pb2_grpc.ReplayServiceStub(channel))
            except TimeoutError:
                return

    async def _all(self, stub: "replay_pb2_grpc.ReplayServiceAsyncStub") -> None:
        """Every event after a place in the log."""
        request, latest = WatchEventsRequest(), 0
        if self._cursors and self._chance.random() < 0.8:
            cursor, latest = self._chance.choice(self._cursors)
            request = WatchEventsRequest(cursor=cursor)
        answer: WatchEventsResponse
        async for answer in stub.WatchEvents(request):
            for event in answer.events:
                if latest and event.sequence != latest + 1:
                    self.findings.append(f"a watcher got {event.sequence} after {latest}")
                latest = event.sequence

    async def _some(self, stub: "replay_pb2_grpc.ReplayServiceAsyncStub") -> None:
        """Some kinds of events, with less content, or more."""
        kinds = [EventKind.EVENT_KIND_UPDATE, EventKind.EVENT_KIND_RESPONSE]
        limit = self._chance.choice([0, 100, 100_000])
        answer: WatchEventsResponse
        async for answer in stub.WatchEvents(
            WatchEventsRequest(kinds=kinds, content_limit_bytes=limit)
        ):
            if any(
                event.WhichOneof("payload") not in ("update", "response") for event in answer.events
            ):
                self.findings.append("a watcher got a kind that it did not ask for")

    async def _nothing(self, stub: "replay_pb2_grpc.ReplayServiceAsyncStub") -> None:
        """Asks for everything and never reads."""
        call = stub.WatchEvents(WatchEventsRequest())
        await call.wait_for_connection()
        await asyncio.Event().wait()

    def _judge(self, failure: grpc.aio.AioRpcError) -> None:
        error = error_from(failure, self._address)
        if error.reason != "SEQUENCE_COMPACTED":
            self.findings.append(f"a watcher ended with {error.code.name}: {error}")
            return
        self.compacted += 1
        oldest, latest = (int(error.metadata[f"{name}_sequence"]) for name in ("oldest", "latest"))
        if not 0 < oldest <= latest:
            self.findings.append(f"compacted, and the oldest of {latest} is {oldest}")
