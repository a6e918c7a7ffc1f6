"""The daemon's side of the workers: starts them, feeds them, reads what they give.

One worker serves one Enqueue at a time. One that ended well waits for the next Enqueue
(a start costs a tenth of a second), for a while; one that failed is gone.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from replayd.errors import ReplaydError
from replayd.intake.frames import Frame, Summary, decode_error, decode_summary
from replayd.intake.turns import Turns
from replayd.reasons import Reason
from replayd.workers.frames import frame
from replayd.workers.process import WorkerProcess

MAX_WORKERS = 4
"""Enqueues decoded at once; the next ones wait. Two cores gain nothing from more."""

MEMORY_LIMIT = 1 << 30
"""Bytes of address space of a worker: some copies of the largest content, and its code."""

IDLE_SECONDS = 30.0
"""How long a worker that has nothing to do is kept."""

STALL_SECONDS = 60.0
"""How long a client may send nothing while others wait for its worker, or its batch's end."""

STREAM_BUFFER = 1 << 20
"""Bytes read ahead from a worker: a group of rows."""

KEEP_BELOW = 128 << 20
"""A worker that holds more bytes than this is not kept: it would not shrink."""


class WorkerSettings(NamedTuple):
    """What a worker is told at its start."""

    target_mode: str
    allow_targets: tuple[str, ...]
    deny_targets: tuple[str, ...]
    body_size_limit: int
    memory_limit: int = MEMORY_LIMIT
    redact_headers: tuple[str, ...] = ()
    redact_parameters: tuple[str, ...] = ()
    redaction_key: bytes = b""

    def as_json(self) -> str:
        """Returns the worker's argument: without the key, for command lines are public."""
        return json.dumps(
            {
                "targets": {
                    "mode": self.target_mode,
                    "allow": self.allow_targets,
                    "deny": self.deny_targets,
                },
                "body_size_limit": self.body_size_limit,
                "memory_limit": self.memory_limit,
                "redact_headers": self.redact_headers,
                "redact_parameters": self.redact_parameters,
            }
        )


class DecoderPool:
    """Lends workers to Enqueues. Lives on one event loop."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._turns = Turns(MAX_WORKERS)
        self._lent: set[Worker] = set()
        self._idle: Worker | None = None
        self._retire: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def lend(self, client: str = "") -> AsyncIterator["Worker"]:
        """Lends a worker for one Enqueue of a client; it is ended unless that went well."""
        await self._acquire(client)
        try:
            worker = self._take_idle() or await Worker.start(self._settings)
            self._lent.add(worker)
            try:
                yield worker
            finally:
                self._lent.discard(worker)
                if worker.reusable and self._idle is None:
                    self._keep(worker)
                else:
                    await worker.end()
        finally:
            self._turns.give_back(client)

    async def _acquire(self, client: str) -> None:
        """Waits for a turn; clients that send nothing may hold theirs up for a while only."""
        while True:
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await self._turns.take(client)
            except TimeoutError:
                for worker in self._lent:
                    worker.take_back_if_stalled()
            else:
                return

    async def close(self) -> None:
        """Ends the worker that waits."""
        if worker := self._take_idle():
            await worker.end()

    def _take_idle(self) -> "Worker | None":
        worker, self._idle = self._idle, None
        if self._retire is not None:
            self._retire.cancel()
            self._retire = None
        if worker is not None and not worker.alive:
            return None
        return worker

    def _keep(self, worker: "Worker") -> None:
        self._idle = worker
        loop = asyncio.get_running_loop()
        self._retire = loop.call_later(IDLE_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        if worker := self._take_idle():
            worker.release()


class Worker:
    """One decoder process."""

    def __init__(self, process: WorkerProcess) -> None:
        self._process = process
        self._waits_since: float | None = None
        """Since when nothing has come from the client; None: it is not its turn."""
        self._unread_since: float | None = None
        """Since when the client has not taken what was decoded; None: nothing waits for it."""
        self._taken_back = asyncio.Event()
        self.summary = Summary()
        self.reusable = False

    @classmethod
    async def start(cls, settings: WorkerSettings) -> "Worker":
        """Starts a process; raises ReplaydError as `WorkerProcess.start` does."""
        process = await WorkerProcess.start(
            "replayd.intake.worker",
            settings.as_json(),
            name="decoder process",
            buffer=STREAM_BUFFER,
        )
        process.write(frame(Frame.KEY, settings.redaction_key))
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.alive

    async def decode(self, messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Feeds the messages of an Enqueue and yields the rows in groups, as `decode_rows`
        reads them (which is no work for an event loop); `summary` is set at the end.

        Raises ReplaydError as the worker did, or DECODER_LIMIT when the worker died.
        """
        self.reusable = False
        feeding = asyncio.create_task(self._feed(messages))
        try:
            while True:
                kind, payload = await self._next_frame(feeding)
                if kind == Frame.ROWS:
                    yield payload
                elif kind == Frame.SUMMARY:
                    self.summary = decode_summary(payload)
                    break
                else:
                    raise decode_error(payload)
            await feeding
            self.reusable = self.summary.resident_memory < KEEP_BELOW
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await feeding

    async def end(self) -> None:
        """Ends the process at once and waits until it is gone."""
        await self._process.end()

    async def while_client_reads(self, taken: Coroutine[Any, Any, None]) -> None:
        """Waits until the client has taken what was decoded for it.

        Raises ReplaydError DECODER_LIMIT when it takes so long that others need the worker.
        """
        self._unread_since = asyncio.get_running_loop().time()
        ways = {asyncio.ensure_future(taken), asyncio.ensure_future(self._taken_back.wait())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._unread_since = None
            for way in ways:
                way.cancel()
        if self._taken_back.is_set():
            raise _stalled()

    @asynccontextmanager
    async def giving_way(self, holds_up: Callable[[], bool]) -> AsyncIterator[None]:
        """Meanwhile a client that sends nothing for long is given up when it holds others up."""

        async def watch() -> None:
            while True:
                await asyncio.sleep(STALL_SECONDS / 4)
                if holds_up():
                    self.take_back_if_stalled()

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()

    def take_back_if_stalled(self) -> None:
        """Ends the process when its client has sent, or read, nothing for long: others wait
        for it.
        """
        now = asyncio.get_running_loop().time()
        since = [each for each in (self._waits_since, self._unread_since) if each is not None]
        if since and now - min(since) >= STALL_SECONDS:
            self._taken_back.set()
            self._process.kill()

    def release(self) -> None:
        """Lets the process end by itself."""
        self._process.release()

    async def _feed(self, messages: AsyncIterator[bytes]) -> None:
        """Writes every message; waits while the pipe is full, which holds the client back."""
        loop = asyncio.get_running_loop()
        try:
            self._waits_since = loop.time()
            async for message in messages:
                self._waits_since = None
                await self._process.send(frame(Frame.MESSAGE, message))
                self._waits_since = loop.time()
            self._waits_since = None
            await self._process.send(frame(Frame.END))
        except BaseException:
            # Without its END the worker would wait for ever, and `decode` with it.
            self._process.release()
            raise

    async def _next_frame(self, feeding: asyncio.Task[None]) -> tuple[int, bytes]:
        try:
            return await self._process.receive()
        except asyncio.IncompleteReadError as error:
            code = await self._process.wait()
            if code == 0:
                # It ended because its input did: what stopped the feeding is the reason.
                await feeding
            if self._taken_back.is_set():
                raise _stalled() from error
            raise ReplaydError(
                Reason.DECODER_LIMIT,
                f"the decoder process ended with code {code} while it read this Enqueue: it "
                "took too much time or memory; split the capture and try again",
                exit_code=code,
            ) from error


def _stalled() -> ReplaydError:
    return ReplaydError(
        Reason.DECODER_LIMIT,
        f"nothing came, or nothing was read, for {STALL_SECONDS:g} s while others waited for "
        "it; send without a stop",
    )
