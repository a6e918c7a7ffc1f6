"""The synchronous watch: an iterator of events that outlives connections."""

import threading
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Self

import grpc
from flowreplay.v1.event_pb2 import Event
from flowreplay.v1.replay_pb2 import WatchEventsResponse

from flowreplay_client.access import Access, Metadata
from flowreplay_client.bookmark import Bookmark
from flowreplay_client.errors import ReplaydClientError, late_answer
from flowreplay_client.stream import Stream, first_response

Interruption = Callable[[ReplaydClientError], None]
"""Called when a stream broke (Unreachable) or a gap is skipped (EventsCompacted), before
the watch goes on: after each try that failed. What it raises ends the watch."""


class Watch(Iterator[Event]):
    """Events in the order of the log, each once, across restarts of the daemon.

    When the constructor returns, the daemon is watching: no later event is missed. The
    iteration ends when the queue is idle (with `until_idle`), after `close`, or with a
    ReplaydClientError. One thread iterates; any thread may close.
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
        self._closed = threading.Event()
        # Guards `_call` against a close between its opening and its storing.
        self._lock = threading.Lock()
        self._call: Stream[WatchEventsResponse] | None = None
        self._events = self._follow(self._connect())

    @property
    def cursor(self) -> str:
        """The place after the last event handed out: `start` for a later watch.

        While a message with several events is handed out it stays before them: a later
        watch may repeat these (compare `sequence`) but misses none.
        """
        return self._bookmark.cursor

    @property
    def paused(self) -> bool:
        """Whether the queue was paused when the daemon last said something."""
        return self._bookmark.paused

    def close(self) -> None:
        """Ends the iteration, also one that waits in another thread. Idempotent."""
        self._closed.set()
        with self._lock:
            if self._call is not None:
                self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __next__(self) -> Event:
        return next(self._events)

    def _follow(self, responses: Iterator[WatchEventsResponse] | None) -> Iterator[Event]:
        while responses is not None:
            try:
                for response in responses:
                    yield from self._bookmark.receive(response)
            except grpc.RpcError as failure:
                self._pause_after(self._access.error(failure, self._shown))
            else:
                return
            responses = self._connect()

    def _connect(self) -> Iterator[WatchEventsResponse] | None:
        """Opens a stream and waits until the daemon is watching; None when closed."""
        while (call := self._open()) is not None:
            try:
                first = first_response(call, self._timeout, self._access.address)
            except grpc.RpcError as failure:
                self._pause_after(self._access.error(failure, self._shown))
            except TimeoutError:
                self._pause_after(late_answer(self._access.address))
            else:
                self._bookmark.begin(first)
                return chain((first,), call)
        return None

    def _open(self) -> Stream[WatchEventsResponse] | None:
        with self._lock:
            if self._closed.is_set():
                return None
            self._shown = self._access.metadata()
            self._call = self._open_stream(self._bookmark.request(), metadata=self._shown)
            return self._call

    def _pause_after(self, error: ReplaydClientError) -> None:
        """Waits until it is time to connect again; raises the error when it is final."""
        if self._closed.is_set():
            return
        delay = self._bookmark.after(error)
        if self._on_interruption is not None:
            self._on_interruption(error)
        self._closed.wait(delay)
