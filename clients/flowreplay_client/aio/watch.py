"""The asynchronous watch: an iterator of events that outlives connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Self

import grpc
from flowreplay.v1.event_pb2 import Event
from flowreplay.v1.replay_pb2 import WatchEventsResponse

from flowreplay_client.access import Access, Metadata
from flowreplay_client.aio.stream import Stream
from flowreplay_client.bookmark import Bookmark
from flowreplay_client.errors import ReplaydClientError, late_answer, silent_stream
from flowreplay_client.watch import Interruption


class Watch(AsyncIterator[Event]):
    """Events in the order of the log, each once, across restarts of the daemon.

    What `flowreplay_client.Watch` is, for tasks: one iterates, any may close.
    """

    def __init__(
        self,
        open_stream: Callable[..., Stream[WatchEventsResponse]],
        bookmark: Bookmark,
        access: Access,
        timeout: float,
        on_interruption: Interruption | None,
    ) -> None:
        self._open_stream = open_stream
        self._bookmark = bookmark
        self._access = access
        self._shown: Metadata | None = None
        self._timeout = timeout
        self._on_interruption = on_interruption
        self._closed = asyncio.Event()
        self._call: Stream[WatchEventsResponse] | None = None
        self._events = self._follow()

    async def open(self) -> None:
        """Waits until the daemon is watching; `Client.watch` has called it."""
        await self._connect()

    @property
    def cursor(self) -> str:
        """The place after the last event handed out; see `flowreplay_client.Watch`."""
        return self._bookmark.cursor

    @property
    def paused(self) -> bool:
        """Whether the queue was paused when the daemon last said something."""
        return self._bookmark.paused

    def close(self) -> None:
        """Ends the iteration, also one that waits in another task. Idempotent."""
        self._closed.set()
        if self._call is not None:
            self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def _follow(self) -> AsyncIterator[Event]:
        while self._call is not None and not self._closed.is_set():
            try:
                async for response in self._call:
                    for event in self._bookmark.receive(response):
                        yield event
            except grpc.RpcError as failure:
                await self._pause_after(self._access.error(failure, self._shown))
            except asyncio.CancelledError:
                # Our own close looks like this too, but for the task's being cancelled.
                if not self._ended_by_close():
                    raise
                return
            else:
                return
            await self._connect()

    async def _connect(self) -> None:
        """Opens a stream and waits for its first response, until that works or `close`."""
        while not self._closed.is_set():
            self._shown = self._access.metadata()
            self._call = self._open_stream(self._bookmark.request(), metadata=self._shown)
            try:
                async with asyncio.timeout(self._timeout):
                    first = await anext(aiter(self._call), None)
            except grpc.RpcError as failure:
                await self._pause_after(self._access.error(failure, self._shown))
            except TimeoutError:
                await self._pause_after(late_answer(self._access.address))
            except asyncio.CancelledError:
                if not self._ended_by_close():
                    raise
            else:
                if first is None:
                    raise silent_stream(self._access.address)
                self._bookmark.begin(first)
                return

    def _ended_by_close(self) -> bool:
        task = asyncio.current_task()
        return self._closed.is_set() and not (task and task.cancelling())

    async def _pause_after(self, error: ReplaydClientError) -> None:
        """Waits until it is time to connect again; raises the error when it is final."""
        if self._closed.is_set():
            return
        delay = self._bookmark.after(error)
        if self._on_interruption is not None:
            self._on_interruption(error)
        try:
            await asyncio.wait_for(self._closed.wait(), delay)
        except TimeoutError:
            return
