"""Watchers: each is a place in the log and one message in flight, nothing more.

A watcher reads the next page of the log when its last message is written, so a slow one
holds up nobody and nothing is kept, dropped or cut for it. Events are sent as the bytes
that the log holds, unless the watcher asks for more or less of the contents, or for secrets.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flowreplay.v1 import event_pb2, replay_pb2

from replayd.access.roles import LOCAL, Caller
from replayd.codec.cursor import Cursor, decode_cursor
from replayd.codec.event import sequence_of
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal
from replayd.model.event import PREVIEW_LIMIT, EventKind
from replayd.reasons import Reason
from replayd.rpc.contents import content_limit
from replayd.rpc.filtering import Filtering
from replayd.rpc.news import News
from replayd.rpc.pages import Pages, Place, concerning
from replayd.rpc.places import Places
from replayd.rpc.shown import Shown

PROGRESS_SECONDS = 10.0
"""A silent watcher gets a newer cursor about this often: filters may hide all events."""


class Watchers:
    """Serves watchers and wakes them. Lives on one event loop."""

    def __init__(
        self,
        journal: Journal,
        places: Places,
        shown: Shown | None = None,
        filtering: Filtering | None = None,
    ) -> None:
        """`shown` is for those who ask for other contents than the log has, or secrets;
        `filtering` for those who ask for some replays only.
        """
        self._journal = journal
        self._shown = shown or Shown(journal)
        self._filtering = filtering or Filtering(journal, self._shown)
        self._places = places
        self._loop = asyncio.get_running_loop()
        self._news = News()
        self._pages = Pages(journal, places)
        self._stopping = False
        self._why = ""
        journal.on_append(self._news.ring)

    def stop(self, why: str = "") -> None:
        """Lets every watcher send what is left of the log and end, told `why`."""
        self._stopping = True
        self._why = why
        self._news.ring()

    @property
    def count(self) -> int:
        """How many watchers are connected."""
        return self._places.count

    async def watch(
        self, request: replay_pb2.WatchEventsRequest, caller: Caller = LOCAL
    ) -> AsyncGenerator[bytes, None]:
        """Yields the encoded WatchEventsResponses of one stream.

        Raises ReplaydError as the contract says, DAEMON_STOPPING at the daemon's end.
        """
        with self._places.taken(caller), self._heeding_failure():
            # Raises BATCH_NOT_FOUND.
            await asyncio.to_thread(self._journal.count, request.batch_id)
            needs_requests = await self._filtering.check(request.filter)
            view = self._view(request, needs_requests=needs_requests)
            yield self._pages.encode([], view.place.after, view.place.batch_id)
            told = self._loop.time()
            while True:
                # Taken before the log is read: what comes after it counts.
                news, stopping = self._news.number, self._stopping
                if view.as_logged(self._journal.info.redacted_after):
                    message = await self._pages.message(view.place)
                    if message.encoded:
                        yield message.encoded
                        told = self._loop.time()
                    view.reach(message.last, message.latest)
                else:
                    async for encoded in self._with_contents(view):
                        yield encoded
                        told = self._loop.time()
                if view.behind:
                    # What it asks for may be rare in a long log.
                    if self._loop.time() >= told + view.progress_seconds:
                        yield self._pages.encode([], view.place.after, view.place.batch_id)
                        told = self._loop.time()
                    continue
                if await self._ended(view, stopping):
                    return
                if not await self._news.wait(news, told + view.progress_seconds):
                    yield self._pages.encode([], view.place.after, view.place.batch_id)
                    told = self._loop.time()

    @contextmanager
    def _heeding_failure(self) -> Iterator[None]:
        """Tells a watcher of a journal that failed to come back: the daemon ends."""
        try:
            yield
        except JournalError as error:
            if not self._journal.failure:
                raise
            raise _stopped(self._journal.failure) from error

    def _view(self, request: replay_pb2.WatchEventsRequest, *, needs_requests: bool) -> "_View":
        """Checks a request; raises ReplaydError. `needs_requests`: its filter asks for them."""
        kinds = frozenset(map(_kind, request.kinds))
        # Read along with the others, the filter has seen a request when its replay ends; else
        # each would be looked up, which costs ten times as much.
        read = kinds | {EventKind.REQUEST} if kinds and needs_requests else kinds
        return _View(
            place=Place(self._start(request), read, request.batch_id),
            kinds=kinds if read != kinds else frozenset(),
            content_limit=content_limit(request),
            reveal=request.reveal_secrets,
            filter=request.filter,
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

    async def _with_contents(self, view: "_View") -> AsyncIterator[bytes]:
        """Yields the messages of the next page, of the replays and with as much of contents as
        was asked for.
        """
        page = await self._pages.page(view.place)
        wanted = concerning(page.events, view.place.batch_id)
        if view.filter and wanted:
            wanted = await self._filtering.of_events(view.filter, wanted, reveal=view.reveal)
            if view.kinds:
                wanted = [event for event in wanted if _kind_of(event) in view.kinds]
        shown = self._shown.events(wanted, view.content_limit, reveal=view.reveal)
        while group := await asyncio.to_thread(_next_group, shown, self._pages.max_bytes):
            yield self._pages.encode(group, sequence_of(group[-1]), view.place.batch_id)
        view.reach(page.last, page.latest)

    async def _ended(self, view: "_View", stopping: bool) -> bool:
        """Tells whether a watcher who has all events is done; raises DAEMON_STOPPING."""
        if view.until_idle and await self._idle(view):
            return True
        if stopping:
            raise _stopped(self._why)
        return False

    async def _idle(self, view: "_View") -> bool:
        """Tells whether nothing waits or runs and every event of it has been sent."""
        last = view.last
        if last is None:
            if not await asyncio.to_thread(self._is_idle, view.place.batch_id):
                return False
            last = self._journal.latest
            if view.place.batch_id:
                # It stays idle; other batches may log more than this watcher ever reads up.
                view.last = last
        return last <= view.place.after

    def _is_idle(self, batch_id: str) -> bool:
        try:
            return self._journal.count(batch_id).idle
        except ReplaydError as error:
            # Retention removes no batch that is not finished.
            if error.reason is Reason.BATCH_NOT_FOUND:
                return True
            raise


@dataclass(slots=True)
class _View:
    """What one watcher asked for, and how far it has been served."""

    place: Place
    kinds: frozenset[EventKind]
    """Only these of what is read are sent; empty: all."""
    content_limit: int
    reveal: bool
    """Secrets are shown."""
    filter: str
    """Which replays it is about; empty: all, and the queue."""
    until_idle: bool
    progress_seconds: float
    """After this much silence it is told how far it is; watchers differ, to spread the load."""
    last: int | None = None
    """No event of the batch comes after this one; None: that is not known yet."""

    def as_logged(self, redacted_after: int) -> bool:
        """Whether it gets events as the log has them from here on."""
        return (
            self.content_limit == PREVIEW_LIMIT
            and not self.reveal
            and not self.filter
            and self.place.after >= redacted_after
        )

    behind: bool = False
    """Whether the log went further when it was last read."""

    def reach(self, last: int, latest: int) -> None:
        """Moves on to a later place of a log that goes up to another."""
        self.place = self.place._replace(after=last)
        self.behind = last < latest


def _kind(number: int) -> EventKind:
    try:
        return EventKind(number)
    except ValueError as error:
        raise ReplaydError(
            Reason.INVALID_OPTIONS, f"there is no event kind {number}", field="kinds"
        ) from error


def _kind_of(event: bytes) -> EventKind:
    name = event_pb2.Event.FromString(event).WhichOneof("payload")
    assert name is not None
    return EventKind[name.upper()]


def _next_group(events: Iterator[bytes], max_bytes: int) -> list[bytes]:
    group: list[bytes] = []
    size = 0
    for event in events:
        group.append(event)
        size += len(event)
        if size >= max_bytes:
            break
    return group


def _stopped(why: str) -> ReplaydError:
    """Says that the daemon ends; a watcher comes back."""
    cause = f" ({why})" if why else ""
    return ReplaydError(
        Reason.DAEMON_STOPPING,
        f"the daemon is stopping{cause}; connect again later with the last cursor",
    )
