"""Watchers: each is a place in the log and one message in flight, nothing more.

A watcher reads the next page of the log when its last message is written, so a slow one
holds up nobody and nothing is kept, dropped or cut for it. Events are sent as the bytes
that the log holds, unless the watcher asks for more or less of the contents.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from flowreplay.v1 import event_pb2, replay_pb2

from replayd.codec.cursor import Cursor, decode_cursor, encode_cursor
from replayd.codec.event import sequence_of
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Page
from replayd.model.event import PREVIEW_LIMIT, EventKind
from replayd.reasons import Reason
from replayd.rpc.contents import content_limit, with_contents
from replayd.rpc.convert import watch_answer

MAX_EVENTS = 256
MAX_BYTES = 1 << 20
"""What one message holds at most, but for a single larger event."""

PROGRESS_SECONDS = 10.0
"""A silent watcher gets a newer cursor about this often: filters may hide all events."""


class Watchers:
    """Serves watchers and wakes them. Lives on one event loop."""

    def __init__(self, journal: Journal, limit: int) -> None:
        self._journal = journal
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._waking = False
        self._stopping = False
        self._why = ""
        self.count = 0
        """How many watchers are connected."""
        journal.on_append(self._on_append)

    def stop(self, why: str = "") -> None:
        """Lets every watcher send what is left of the log and end, told `why`."""
        self._stopping = True
        self._why = f" ({why})" if why else ""
        self._wake()

    async def watch(self, request: replay_pb2.WatchEventsRequest) -> AsyncGenerator[bytes, None]:
        """Yields the encoded WatchEventsResponses of one stream.

        Raises ReplaydError as the contract says, DAEMON_STOPPING at the daemon's end.
        """
        if self.count >= self._limit:
            raise ReplaydError(
                Reason.TOO_MANY_WATCHERS,
                f"{self._limit} watchers are connected, which is the limit; try again later, "
                "or raise the daemon's --max-watchers",
                limit=self._limit,
            )
        self.count += 1
        try:
            # Raises BATCH_NOT_FOUND.
            await asyncio.to_thread(self._journal.count, request.batch_id)
            async with aclosing(self._serve(self._view(request))) as messages:
                async for message in messages:
                    yield message
        finally:
            self.count -= 1

    def _view(self, request: replay_pb2.WatchEventsRequest) -> "_View":
        """Checks a request; raises ReplaydError."""
        return _View(
            after=self._start(request),
            kinds=frozenset(map(_kind, request.kinds)),
            batch_id=request.batch_id,
            content_limit=content_limit(request),
            until_idle=request.until_idle,
            progress_seconds=PROGRESS_SECONDS * random.uniform(0.8, 1.2),  # noqa: S311
        )

    def _start(self, request: replay_pb2.WatchEventsRequest) -> int:
        latest = self._journal.latest
        if request.WhichOneof("start") == "cursor":
            return self._sequence(decode_cursor(request.cursor), latest)
        if request.position == replay_pb2.START_POSITION_START:
            oldest = self._journal.read(latest, limit=1, max_bytes=1).oldest
            return max(oldest - 1, 0)
        return latest

    def _sequence(self, cursor: Cursor, latest: int) -> int:
        info = self._journal.info
        if (cursor.store_id, cursor.epoch) != (info.store_id, info.epoch):
            raise ReplaydError(
                Reason.CURSOR_FOREIGN,
                "the cursor belongs to another journal than the one of this daemon; watch from "
                "the start or from now",
                store_id=info.store_id,
            )
        if cursor.sequence > latest:
            raise ReplaydError(
                Reason.CURSOR_AHEAD,
                f"the cursor is after event {cursor.sequence}, the latest is {latest}",
                latest_sequence=latest,
            )
        return cursor.sequence

    async def _serve(self, view: "_View") -> AsyncGenerator[bytes, None]:
        yield self._message([], view.after)
        told = self._loop.time()
        while True:
            # Taken before the log is read: what comes after it will set it.
            news, stopping = self._news, self._stopping
            page = await self._read(view)
            async for events, last in self._groups(page, view):
                yield self._message(events, last)
                told = self._loop.time()
            view.after = page.last
            if page.last < page.latest:
                continue
            if view.until_idle and await self._idle(view):
                return
            if stopping:
                raise ReplaydError(
                    Reason.DAEMON_STOPPING,
                    f"the daemon is stopping{self._why}; connect again later with the last cursor",
                )
            if not await self._wait(news, told + view.progress_seconds):
                yield self._message([], view.after)
                told = self._loop.time()

    async def _read(self, view: "_View") -> Page:
        def read() -> Page:
            return self._journal.read(
                view.after,
                limit=MAX_EVENTS,
                max_bytes=MAX_BYTES,
                kinds=view.kinds,
                batch_id=view.batch_id,
            )

        if self._journal.is_recent(view.after):
            return read()
        return await asyncio.to_thread(read)

    async def _groups(
        self, page: Page, view: "_View"
    ) -> AsyncIterator[tuple[Sequence[bytes], int]]:
        """Yields what fits in one message each, and how far in the log that goes."""
        wanted = [event for event in page.events if _concerns(event, view.batch_id)]
        if view.content_limit == PREVIEW_LIMIT:
            if wanted:
                yield wanted, page.last
            return
        shown = with_contents(wanted, view.content_limit, self._journal)
        while group := await asyncio.to_thread(_next_group, shown):
            yield group, sequence_of(group[-1])

    async def _idle(self, view: "_View") -> bool:
        """Tells whether nothing waits or runs and every event of it has been sent."""
        last = view.last
        if last is None:
            if not await asyncio.to_thread(self._is_idle, view.batch_id):
                return False
            last = self._journal.latest
            if view.batch_id:
                # It stays idle; other batches may log more than this watcher ever reads up.
                view.last = last
        return last <= view.after

    def _is_idle(self, batch_id: str) -> bool:
        try:
            return self._journal.count(batch_id).idle
        except ReplaydError as error:
            # Retention removes no batch that is not finished.
            if error.reason is Reason.BATCH_NOT_FOUND:
                return True
            raise

    async def _wait(self, news: asyncio.Event, until: float) -> bool:
        """Waits for news; False when it is time to tell the progress."""
        try:
            async with asyncio.timeout_at(until):
                await news.wait()
        except TimeoutError:
            return False
        return True

    def _message(self, events: Iterable[bytes], after: int) -> bytes:
        info = self._journal.info
        cursor = encode_cursor(Cursor(info.store_id, info.epoch, after))
        return watch_answer(events, cursor, self._journal.paused)

    def _on_append(self) -> None:
        """Called in the committing thread; many commits may share one wake-up."""
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._news.set()
        self._news = asyncio.Event()


@dataclass(slots=True)
class _View:
    """What one watcher asked for, and how far it has been served."""

    after: int
    kinds: frozenset[EventKind]
    batch_id: str
    content_limit: int
    until_idle: bool
    progress_seconds: float
    """After this much silence it is told how far it is; watchers differ, to spread the load."""
    last: int | None = None
    """No event of the batch comes after this one; None: that is not known yet."""


def _kind(number: int) -> EventKind:
    try:
        return EventKind(number)
    except ValueError as error:
        raise ReplaydError(
            Reason.INVALID_OPTIONS, f"there is no event kind {number}", field="kinds"
        ) from error


def _concerns(event: bytes, batch_id: str) -> bool:
    """Tells whether an event that the journal gave for a batch is about it.

    The journal takes every event without a batch for one about the whole queue; a clear of
    everything may name other batches only.
    """
    if batch_id.encode() in event:
        return True
    return not event_pb2.Event.FromString(event).update.ranges


def _next_group(events: Iterator[bytes]) -> list[bytes]:
    group: list[bytes] = []
    size = 0
    for event in events:
        group.append(event)
        size += len(event)
        if size >= MAX_BYTES:
            break
    return group
