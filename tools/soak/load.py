"""Clients that enqueue, clear and pause, at a steady rate, in every way there is.

What a call was answered is compared at once: a wrong answer is a finding.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import grpc
from flowreplay.v1 import replay_pb2_grpc
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.replay_pb2 import (
    ClearRequest,
    EnqueueOptions,
    EnqueueRequest,
    EnqueueResponse,
    FlowBatch,
    PauseRequest,
    ResumeRequest,
)
from flowreplay_client import request_flow
from flowreplay_client.errors import error_from

from benchmarks.workloads import sized

_DEADLINE = 60.0
_AT_ONCE = 6
"""Calls under way at once."""
_MOST = 60
"""Flows of one call."""
_CLEAR_SECONDS = 10.0
_LARGE = 300_000
"""Bytes of a content that has a file of its own."""


@dataclass(slots=True)
class Made:
    """What the clients did."""

    accepted: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


class Load:
    """Enqueues flows for a target until it is cancelled."""

    def __init__(
        self,
        stub: "replay_pb2_grpc.ReplayServiceAsyncStub",
        port: int,
        rate: float,
        chance: random.Random,
    ) -> None:
        self._stub = stub
        self._port = port
        self._rate = rate
        self._chance = chance
        self._number = 0
        self.made = Made()
        self._kinds: list[tuple[int, Callable[[int], Awaitable[None]]]] = [
            (40, self.typed),
            (10, self.posts),
            (1, self.large),
            (10, self.goreplay),
            (10, self.har),
            (10, self.streamed),
            (5, self.repeated),
            (5, self.partly_refused),
            (3, self.strictly_refused),
            (3, self.damaged),
            (3, self.given_up),
        ]

    async def run(self, seconds: float) -> None:
        """Makes calls for so long, as many flows a second as the rate says, and ends them."""
        places = asyncio.Semaphore(_AT_ONCE)
        start = due = time.monotonic()
        cleared = start
        async with asyncio.TaskGroup() as group:
            # By the clock: what a daemon that falls behind has not taken is not sent later.
            while (now := time.monotonic()) < start + seconds:
                await asyncio.sleep(max(due - now, 0))
                count = self._chance.randint(1, _MOST)
                due += count / self._rate
                await places.acquire()
                call = group.create_task(self._call(self._draw(), count))
                call.add_done_callback(lambda _: places.release())
                if time.monotonic() - cleared > _CLEAR_SECONDS:
                    cleared = time.monotonic()
                    await self._call(self.clear, count)

    def _draw(self) -> Callable[[int], Awaitable[None]]:
        weights, kinds = zip(*self._kinds, strict=True)
        chosen: Callable[[int], Awaitable[None]] = self._chance.choices(kinds, weights)[0]
        return chosen

    async def _call(self, kind: Callable[[int], Awaitable[None]], count: int) -> None:
        name = getattr(kind, "__name__", "")
        self.made.calls[name] = self.made.calls.get(name, 0) + 1
        try:
            await kind(count)
        except grpc.aio.AioRpcError as error:
            self.made.findings.append(f"{name}: {error.code().name}: {error.details()}")

    def _flows(self, count: int, method: str = "GET", size: int = 1024) -> list[Flow]:
        content = b"y" * size if method == "POST" else b""
        numbers = range(self._number, self._number + count)
        self._number += count
        answer = sized(size)
        return [
            request_flow(
                method,
                f"http://127.0.0.1:{self._port}/{answer}/{number}",
                content=content,
                session_id=str(number % 32),
            )
            for number in numbers
        ]

    def _urls(self, count: int) -> list[str]:
        numbers = range(self._number, self._number + count)
        self._number += count
        return [f"http://127.0.0.1:{self._port}/small/{number}" for number in numbers]

    async def _enqueue(
        self, messages: Iterable[EnqueueRequest], accepted: int | None = None
    ) -> EnqueueResponse:
        answer: EnqueueResponse = await self._stub.Enqueue(iter(messages), timeout=_DEADLINE)
        if not answer.duplicate:
            self.made.accepted += answer.accepted_count
        if accepted is not None and answer.accepted_count != accepted:
            self.made.findings.append(f"{accepted} flows sent, {answer.accepted_count} accepted")
        return answer

    async def typed(self, count: int) -> None:
        """GETs as typed flows."""
        await self._enqueue([_typed(self._flows(count))], count)

    async def posts(self, count: int) -> None:
        """POSTs, each with an intent of its own."""
        await self._enqueue([_typed(self._flows(count, "POST"))], count)

    async def large(self, _: int) -> None:
        """A content, and an answer, that lie in files."""
        await self._enqueue([_typed(self._flows(1, "POST", _LARGE))], 1)

    async def goreplay(self, count: int) -> None:
        """A GoReplay file."""
        await self._enqueue(_chunks(_goreplay(self._urls(count))), count)

    async def har(self, count: int) -> None:
        """A HAR file."""
        await self._enqueue(_chunks(_har(self._urls(count))), count)

    async def streamed(self, count: int) -> None:
        """Flows that are queued while others are still sent."""
        options = EnqueueRequest(options=EnqueueOptions(stream=True, label="streamed"))
        part = count // 3 + 1
        parts = [_typed(self._flows(part)) for _ in range(3)]
        try:
            await self._enqueue([options, *parts], 3 * part)
        except grpc.aio.AioRpcError as error:
            # A clear of everything may take it while it is open.
            self.made.accepted += _taken_before_clear(error)

    async def repeated(self, count: int) -> None:
        """The same call twice, under one request_id."""
        options = EnqueueOptions(request_id=f"soak-{self._number}")
        messages = [EnqueueRequest(options=options), _typed(self._flows(count))]
        first = await self._enqueue(messages, count)
        second = await self._enqueue(messages, count)
        if not second.duplicate or second.batch_id != first.batch_id:
            self.made.findings.append(f"a repeat was another batch than {first.batch_id}")

    async def partly_refused(self, count: int) -> None:
        """Flows of which one can't be replayed."""
        await self._enqueue([_typed([*self._flows(count), Flow(flow_id="empty")])], count)

    async def strictly_refused(self, count: int) -> None:
        """The same, all refused for one."""
        options = EnqueueRequest(options=EnqueueOptions(strict=True))
        flows = [*self._flows(count), Flow(flow_id="empty")]
        await self._refused([options, _typed(flows)], grpc.StatusCode.FAILED_PRECONDITION)

    async def damaged(self, count: int) -> None:
        """A capture that breaks off."""
        capture = _har(self._urls(count))[:-20]
        await self._refused(_chunks(capture), grpc.StatusCode.INVALID_ARGUMENT)

    async def _refused(self, messages: Iterable[EnqueueRequest], code: grpc.StatusCode) -> None:
        try:
            await self._enqueue(messages)
        except grpc.aio.AioRpcError as error:
            if error.code() is not code:
                raise
        else:
            self.made.findings.append(f"an Enqueue was accepted that should end with {code.name}")

    async def given_up(self, count: int) -> None:
        """A call that its client cancels before its end; nothing of it is accepted."""
        call = self._stub.Enqueue(_unfinished(_typed(self._flows(count))), timeout=_DEADLINE)
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.wait([asyncio.ensure_future(call.code())])

    async def clear(self, count: int) -> None:
        """Holds the queue, fills it, clears the batch or everything, and lets it go on."""
        await self._stub.Pause(PauseRequest(), timeout=_DEADLINE)
        batch = await self._enqueue([_typed(self._flows(count))], count)
        wanted = self._chance.choice(["", batch.batch_id])
        await self._stub.Clear(ClearRequest(batch_id=wanted), timeout=_DEADLINE)
        await self._stub.Resume(ResumeRequest(), timeout=_DEADLINE)


def _typed(flows: Iterable[Flow]) -> EnqueueRequest:
    return EnqueueRequest(flow_batch=FlowBatch(flows=flows))


def _chunks(capture: bytes) -> list[EnqueueRequest]:
    half = len(capture) // 2
    return [EnqueueRequest(capture_chunk=part) for part in (capture[:half], capture[half:])]


async def _unfinished(message: EnqueueRequest) -> AsyncIterator[EnqueueRequest]:
    yield message
    await asyncio.Event().wait()


def _taken_before_clear(failure: grpc.aio.AioRpcError) -> int:
    """Returns how many flows a stream had queued when a clear ended it; raises what else it
    was that ended it.
    """
    error = error_from(failure, "")
    if error.reason != "BATCH_CLEARED":
        raise failure
    return int(error.metadata["accepted_count"])


def _goreplay(urls: Iterable[str]) -> bytes:
    """Makes a GoReplay file of GETs."""
    parts = []
    for number, url in enumerate(urls):
        _, _, host, path = url.split("/", 3)
        head = f"1 {number:024x} {1_700_000_000_000_000_000 + number} 0"
        parts.append(f"{head}\nGET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n\n🐵🙈🙉\n")
    return "".join(parts).encode()


def _har(urls: Iterable[str]) -> bytes:
    """Makes a HAR file of GETs."""
    entries = [
        {
            "startedDateTime": "2026-01-01T00:00:00.000Z",
            "time": 1,
            "request": {"method": "GET", "url": url, "httpVersion": "HTTP/1.1", "headers": []},
            "response": {"status": 200, "statusText": "OK", "headers": [], "content": {"size": 0}},
        }
        for url in urls
    ]
    log = {"version": "1.2", "creator": {"name": "soak", "version": "1"}, "entries": entries}
    return json.dumps({"log": log}).encode()
