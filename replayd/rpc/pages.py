"""Pages of the log as messages of WatchEvents, made once for all who stand at one place.

With few watchers a message is as large as is of use; with many each is smaller, for every
watcher has one in gRPC's memory, and one who never reads has it there for good.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from flowreplay.v1 import event_pb2

from replayd.codec.cursor import Cursor, encode_cursor
from replayd.journal.interface import Journal, Page
from replayd.model.event import EventKind
from replayd.rpc.convert import watch_answer
from replayd.rpc.places import Places

MAX_EVENTS = 256
MAX_BYTES = 1 << 20
"""What one message holds at most, but for a single larger event."""

MIN_BYTES = 16 << 10
"""What it may hold with however many watchers: smaller ones cost more time than memory."""

ALL_BYTES = 16 << 20
"""What the messages of all watchers may have together, as far as the above allows."""

KEPT_BYTES = 4 << 20
"""What is kept of pages that others may ask for."""

FRESH_SECONDS = 0.25
"""How long a page is of use to others although the log has gone on: about as long as a
thousand watchers take to be served once. Later ones get a page to the log's end.
"""


class Place(NamedTuple):
    """Where a watcher stands, and what it looks at."""

    after: int
    kinds: frozenset[EventKind] = frozenset()
    """Empty: all."""
    batch_id: str = ""


class Message(NamedTuple):
    """A page, ready to be sent."""

    encoded: bytes
    """Empty: nothing in it is for this watcher."""
    last: int
    """How far in the log it goes."""
    latest: int
    """How far the log went when this was asked for."""


class _Made(NamedTuple):
    message: Message
    time: float


class Pages:
    """Reads pages for watchers. Lives on one event loop."""

    def __init__(self, journal: Journal, places: Places) -> None:
        """`places`: among how many watchers the memory is shared."""
        self._journal = journal
        self._places = places
        self._made: OrderedDict[tuple[Place, bool], _Made] = OrderedDict()
        self._bytes = 0

    @property
    def max_bytes(self) -> int:
        """What one message holds now."""
        return min(max(ALL_BYTES // max(self._places.count, 1), MIN_BYTES), MAX_BYTES)

    async def message(self, place: Place) -> Message:
        """Returns what comes next. Raises ReplaydError as the journal does."""
        key = place, self._journal.is_paused(place.batch_id)
        # Also since retention may have overtaken the place.
        recent = self._journal.is_recent(place.after)
        if recent and (made := self._made.get(key)) and self._serves(made):
            return made.message._replace(latest=self._journal.latest)
        page = await self.page(place)
        wanted = concerning(page.events, place.batch_id)
        encoded = self.encode(wanted, page.last, place.batch_id) if wanted else b""
        message = Message(encoded, page.last, page.latest)
        if recent and page.last > place.after:
            self._keep(key, message)
        return message

    async def page(self, place: Place) -> Page:
        """Reads the next page. Raises ReplaydError as the journal does."""

        def read() -> Page:
            return self._journal.read(
                place.after,
                limit=MAX_EVENTS,
                max_bytes=self.max_bytes,
                kinds=place.kinds,
                batch_id=place.batch_id,
            )

        if self._journal.is_recent(place.after):
            return read()
        return await asyncio.to_thread(read)

    def encode(self, events: Iterable[bytes], after: int, batch_id: str) -> bytes:
        """Makes the message that brings a watcher of a batch (empty: of all) up to a place."""
        info = self._journal.info
        cursor = encode_cursor(Cursor(info.store_id, info.epoch, after))
        return watch_answer(events, cursor, self._journal.is_paused(batch_id))

    def _serves(self, made: _Made) -> bool:
        """Tells whether a page that was made for others is as good as a new one."""
        message = made.message
        if message.last == self._journal.latest or 2 * len(message.encoded) >= self.max_bytes:
            return True
        return time.monotonic() - made.time < FRESH_SECONDS

    def _keep(self, key: tuple[Place, bool], message: Message) -> None:
        if before := self._made.pop(key, None):
            self._bytes -= len(before.message.encoded)
        self._made[key] = _Made(message, time.monotonic())
        self._bytes += len(message.encoded)
        while self._bytes > KEPT_BYTES or len(self._made) > MAX_EVENTS:
            _, oldest = self._made.popitem(last=False)
            self._bytes -= len(oldest.message.encoded)


def concerning(events: Iterable[bytes], batch_id: str) -> list[bytes]:
    """Returns the events, of those that the journal gave for a batch, that are about it.

    The journal takes every event without a batch for one about the whole queue; a clear of
    everything may name other batches only.
    """
    if not batch_id:
        return list(events)
    return [event for event in events if _concerns(event, batch_id.encode())]


def _concerns(event: bytes, batch_id: bytes) -> bool:
    if batch_id in event:
        return True
    return not event_pb2.Event.FromString(event).update.ranges
