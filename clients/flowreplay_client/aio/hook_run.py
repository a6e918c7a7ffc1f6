"""The asynchronous run of a hook: functions that await others, many at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

import grpc
from flowreplay.v1.hook_pb2 import HookRequest, HookResponse

from flowreplay_client.access import Access, Metadata
from flowreplay_client.aio.stream import Stream
from flowreplay_client.backoff import delays
from flowreplay_client.errors import (
    ReplaydClientError,
    Unreachable,
    late_answer,
    silent_stream,
)
from flowreplay_client.hook import Answer, Calls, Hook, answer_messages
from flowreplay_client.hook_flow import HookFlow
from flowreplay_client.hook_run import endure
from flowreplay_client.watch import Interruption


class HookRun:
    """A registered hook, as `flowreplay_client.HookRun`; a plain function runs in the event
    loop, an asynchronous one in a task of its own.
    """

    def __init__(
        self,
        open_stream: Callable[..., Stream[HookResponse]],
        hook: Hook,
        access: Access,
        timeout: float,
        *,
        on_interruption: Interruption | None,
        on_return: Callable[[], None] | None,
    ) -> None:
        self._open_stream = open_stream
        self._hook = hook
        self._access = access
        self._timeout = timeout
        self._on_interruption = on_interruption
        self._on_return = on_return
        self._shown: Metadata | None = None
        self._closed = asyncio.Event()
        self._call: Stream[HookResponse] | None = None
        self._outbox: asyncio.Queue[HookRequest | None] = asyncio.Queue()
        self._asked: set[asyncio.Task[None]] = set()
        self._served: asyncio.Task[None] | None = None
        self._renewed = asyncio.Event()
        self._renewed.set()
        self.cursor = ""
        """The place in the log just before it was registered last."""

    async def open(self) -> None:
        """Registers it; `Client.hook` has called it."""
        try:
            await self._register()
        except grpc.RpcError as failure:
            raise self._access.error(failure, self._shown) from None
        except TimeoutError:
            raise late_answer(self._access.address) from None

    async def serve(self) -> None:
        """Asks the functions until `close`, as `flowreplay_client.HookRun.serve` does."""
        while (call := self._call) is not None and not self._closed.is_set():
            calls = Calls()
            try:
                async for response in call:
                    self._answer(list(calls.flows(response)))
                said = f"the daemon at {self._access.address} hung up"
                error: ReplaydClientError | None = Unreachable("", said)
            except grpc.RpcError as failure:
                error = self._access.error(failure, self._shown)
            except asyncio.CancelledError:
                # Our own close looks like this too, but for the task's being cancelled.
                if self._ended_by_close():
                    return
                if self._renewed.is_set() or _is_cancelled():
                    raise
                error = None
            await self._come_back(error)

    async def renew(self) -> None:
        """Registers it anew, since its functions are for other points now; returns once it is."""
        if self._call is not None:
            self._renewed.clear()
            self._call.cancel()
            await self._renewed.wait()

    def close(self) -> None:
        """Ends it: the daemon asks no more, and decides what is open by the policy. Idempotent."""
        self._closed.set()
        if self._call is not None:
            self._call.cancel()
        self._outbox.put_nowait(None)
        for task in self._asked:
            task.cancel()

    async def __aenter__(self) -> Self:
        self._served = asyncio.create_task(self.serve())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()
        if self._served is not None:
            await self._served

    def _answer(self, flows: list[HookFlow]) -> None:
        answers: list[Answer] = []
        for flow in flows:
            try:
                awaited = self._hook.ask(flow)
                if awaited is None:
                    answers.append(flow.answer())
                else:
                    self._await(flow, awaited)
            except Exception as error:  # noqa: BLE001 - printed; the policy decides
                answers.append(self._hook.failed(flow, error))
        self._send(answers)

    def _await(self, flow: HookFlow, awaited: Awaitable[None]) -> None:
        task = asyncio.create_task(self._ask(flow, awaited))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _ask(self, flow: HookFlow, awaited: Awaitable[None]) -> None:
        outbox = self._outbox
        try:
            await awaited
            answer = flow.answer()
        except Exception as error:  # noqa: BLE001 - printed; the policy decides
            answer = self._hook.failed(flow, error)
        if outbox is self._outbox:
            self._send([answer])

    def _send(self, answers: list[Answer]) -> None:
        for message in answer_messages(answers):
            self._outbox.put_nowait(message)

    # Connections

    async def _register(self) -> None:
        self._outbox = asyncio.Queue()
        self._outbox.put_nowait(self._hook.registration())
        self._shown = self._access.metadata()
        self._call = self._open_stream(_messages(self._outbox), metadata=self._shown)
        async with asyncio.timeout(self._timeout):
            first = await anext(aiter(self._call), None)
        if first is None:
            raise silent_stream(self._access.address)
        self.cursor = first.cursor
        self._renewed.set()

    async def _come_back(self, error: ReplaydClientError | None) -> None:
        """Registers again, when and as often as it takes; raises the error that is final. None:
        there is none, it is to be renewed.
        """
        for delay in delays():
            if self._closed.is_set():
                return
            if error is not None:
                endure(error, self._on_interruption)
            self._outbox.put_nowait(None)
            try:
                await asyncio.wait_for(self._closed.wait(), delay)
                return
            except TimeoutError:
                pass
            try:
                await self._register()
            except grpc.RpcError as failure:
                error = self._access.error(failure, self._shown)
            except TimeoutError:
                error = late_answer(self._access.address)
            else:
                if self._on_return is not None:
                    self._on_return()
                return

    def _ended_by_close(self) -> bool:
        return self._closed.is_set() and not _is_cancelled()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _messages(
    outbox: "asyncio.Queue[HookRequest | None]",
) -> AsyncIterator[HookRequest]:
    while (message := await outbox.get()) is not None:
        yield message
