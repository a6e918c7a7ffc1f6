"""Where a watch stands: what to ask for next, what is new, whether to go on after an error.

Pure bookkeeping, shared by the synchronous and the asynchronous watch.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypedDict

import grpc
from flowreplay.v1.event_pb2 import Event, EventKind
from flowreplay.v1.replay_pb2 import (
    START_POSITION_NOW,
    START_POSITION_START,
    WatchEventsRequest,
    WatchEventsResponse,
)

from flowreplay_client.backoff import delays
from flowreplay_client.errors import EventsCompacted, ReplaydClientError, Unreachable

_KIND_PREFIX = "EVENT_KIND_"

Return = Callable[[], None]
"""Called when the daemon is watching again after an interruption."""


class WatchSettings(TypedDict, total=False):
    """Which events to watch, from where."""

    start: str
    """`now` (default), `start` (the oldest event that is kept) or a cursor: after it."""
    kinds: Iterable[str]
    """Only these: `request`, `response`, `error`, `log`, `update`; empty: all."""
    batch_id: str
    """Only this batch, and what concerns the whole queue; empty: all."""
    filter: str
    """Only events about single replays that this filter expression finds, in mitmproxy's
    notation, such as `~m POST & ~c 500`; empty: all."""
    content_limit: int
    """Bytes of each content, at most 1 MiB; the daemon's default is 64 KiB."""
    secrets: bool
    """Show secrets, in place of the marks that the log has. Needs the role `secrets`."""
    until_idle: bool
    """End once nothing waits or runs and all events came."""
    skip_gaps: bool
    """Go on with the oldest event that is kept where events were compacted away."""


def kind_names() -> list[str]:
    """Returns the kinds of events that this client knows."""
    names = (name.removeprefix(_KIND_PREFIX).lower() for name in EventKind.keys())  # noqa: SIM118
    return [name for name in names if name != "unspecified"]


class Bookmark:
    """The place of one watch in the log; survives any number of streams.

    `cursor` lies after the events that were handed out, `paused` is what the last
    response said of the queue.
    """

    def __init__(self, settings: WatchSettings, on_return: Return | None = None) -> None:
        self.cursor = ""
        self.paused = False
        self._skip_gaps = settings.get("skip_gaps", False)
        self._request = _first_request(settings)
        self._watching = False
        self._interrupted = False
        self._on_return = on_return
        self._sequence = 0
        self._delays = delays()

    def request(self) -> WatchEventsRequest:
        """Returns what to ask for: from the start at first, later after the cursor."""
        if self._watching:
            self._request.cursor = self.cursor
        return self._request

    def begin(self, response: WatchEventsResponse) -> None:
        """Takes note of a stream's first response: from here nothing is missed."""
        self._watching = True
        self.cursor = response.cursor
        self.paused = response.paused
        self._delays = delays()
        returned, self._interrupted = self._interrupted, False
        if returned and self._on_return is not None:
            self._on_return()

    def receive(self, response: WatchEventsResponse) -> Iterator[Event]:
        """Yields the events that are new; the cursor moves on with the last of them."""
        self.paused = response.paused
        fresh = [event for event in response.events if event.sequence > self._sequence]
        for left, event in zip(range(len(fresh) - 1, -1, -1), fresh, strict=True):
            self._sequence = event.sequence
            if not left:
                self.cursor = response.cursor
            yield event
        self.cursor = response.cursor

    def after(self, error: ReplaydClientError) -> float:
        """Returns the seconds to wait before going on, or raises the error that ends it."""
        if isinstance(error, EventsCompacted) and self._skip_gaps:
            self._watching = False
            self._request.position = START_POSITION_START
        elif not (self._watching and _passing(error)):
            # What gRPC raised says nothing more, at length.
            raise error from None
        self._interrupted = True
        return next(self._delays)


def _passing(error: ReplaydClientError) -> bool:
    """Whether a watch that had begun may succeed later with the same cursor."""
    # After a restart others may be quicker; and the dead stream of this very watcher
    # counts until the daemon notices. CANCELLED: a stop cut the stream off.
    full = error.reason == "TOO_MANY_WATCHERS"
    return isinstance(error, Unreachable) or full or error.code is grpc.StatusCode.CANCELLED


def _first_request(settings: WatchSettings) -> WatchEventsRequest:
    request = WatchEventsRequest(
        kinds=[_kind(name) for name in settings.get("kinds", ())],
        batch_id=settings.get("batch_id", ""),
        until_idle=settings.get("until_idle", False),
        reveal_secrets=settings.get("secrets", False),
        filter=settings.get("filter", ""),
    )
    if "content_limit" in settings:
        request.content_limit_bytes = settings["content_limit"]
    start = settings.get("start", "now")
    if start == "now":
        request.position = START_POSITION_NOW
    elif start == "start":
        request.position = START_POSITION_START
    else:
        request.cursor = start
    return request


def _kind(name: str) -> EventKind.ValueType:
    if name not in kind_names():
        raise ValueError(f"{name!r} is not a kind of event; use {', '.join(kind_names())}")
    return EventKind.Value(_KIND_PREFIX + name.upper())
