"""Reading: the log's events, from memory or the store, and the contents. See `Journal`."""

from collections.abc import Iterable, Iterator
from contextlib import closing

from replayd.errors import JournalError, ReplaydError
from replayd.journal.body import pieces_of
from replayd.journal.interface import Page, Part
from replayd.journal.ledger import Ledger
from replayd.journal.store import StoredEvent, matching, place_of
from replayd.model.event import EventKind
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason

_MEMORY_STEP = 4096
"""How many recent events one read looks through, about a millisecond."""

_STORE_STEP = 512
"""How many stored events one read looks through."""


class Log:
    """The log's readers."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def read(
        self,
        after: int,
        *,
        limit: int,
        max_bytes: int,
        kinds: frozenset[EventKind] = frozenset(),
        batch_id: str = "",
    ) -> Page:
        """Reads events after a sequence."""
        ledger = self._ledger
        with ledger.state:
            self._refuse_compacted(after)
            until = min(ledger.latest, after + max(limit, _MEMORY_STEP))
            recent = ledger.recent.after(after, until)
            if recent is not None or until <= after:
                wanted = matching(recent or (), kinds, batch_id)
                return self._page(wanted, max(after, until), limit, max_bytes)
        with ledger.writing:
            ledger.check_open()
            until = min(ledger.latest, after + max(limit, _STORE_STEP))
            with ledger.state:
                self._refuse_compacted(after)
            with closing(ledger.store.events(after, until, kinds, batch_id)) as events:
                return self._page(events, until, limit, max_bytes)

    def is_recent(self, after: int) -> bool:
        """Whether memory has all that comes after a sequence."""
        ledger = self._ledger
        with ledger.state:
            return after >= ledger.latest or ledger.recent.after(after, after) is not None

    def content(self, key: ReplayKey, part: Part) -> Iterator[bytes]:
        """Yields a content in pieces; no lock is held between them."""
        with self._ledger.writing:
            self._ledger.check_open()
            place = place_of(self._number(key.batch_id), max(key.slot, 0))
            content = b"" if key.slot < 0 else self._ledger.store.content(place, part)
            # A file is opened here: it may be removed at any time, and stays readable.
            pieces = pieces_of(content)
        yield from pieces

    def _number(self, batch_id: str) -> int:
        """Returns a batch's number."""
        ledger = self._ledger
        with ledger.state:
            live = ledger.books.live.get(batch_id)
        if live is not None:
            return live.number
        stored = ledger.batch(batch_id)
        return stored.number

    def _page(self, events: Iterable[StoredEvent], until: int, limit: int, max_bytes: int) -> Page:
        ledger = self._ledger
        oldest = ledger.trimmed + 1 if ledger.latest > ledger.trimmed else 0
        bodies: list[bytes] = []
        size = last = 0
        try:
            for event in events:
                size += len(event.body)
                if bodies and size > max_bytes:
                    return Page(bodies, last, oldest, ledger.latest)
                bodies.append(event.body)
                last = event.sequence
                if len(bodies) == limit:
                    return Page(bodies, last, oldest, ledger.latest)
        except JournalError:
            # What comes before a damaged event is served; reading on from there fails.
            if not bodies:
                raise
            return Page(bodies, last, oldest, ledger.latest)
        return Page(bodies, until, oldest, ledger.latest)

    def _refuse_compacted(self, after: int) -> None:
        trimmed, latest = self._ledger.trimmed, self._ledger.latest
        if after < trimmed:
            oldest = trimmed + 1 if latest > trimmed else 0
            raise ReplaydError(
                Reason.SEQUENCE_COMPACTED,
                f"the events up to {trimmed} were removed by retention; "
                f"continue after {trimmed} or from a later cursor",
                oldest_sequence=oldest,
                latest_sequence=latest,
            )
