"""A store in memory: the ephemeral daemon's, and the simplest one to read.

What it holds ends with the process, so nothing is ever found interrupted.
"""

import secrets
from bisect import bisect_left
from collections.abc import Generator, Sequence

from replayd.journal.body import PIECE, SpoolBody
from replayd.journal.interface import ROW_CONTENT_LIMIT, Journal, Part
from replayd.journal.journal import StoredJournal
from replayd.journal.store import (
    Ahead,
    Change,
    Figures,
    Opened,
    Prepared,
    Remembered,
    StoredBatch,
    StoredEvent,
    StoredPast,
    StoredReplay,
    matching,
    place_of,
    split_place,
)
from replayd.model.event import EventKind
from replayd.model.replay import Row


def open_memory(now: int, *, strict_order: bool = True) -> Journal:
    """Opens an empty journal that ends with the process; `strict_order` as in StoredJournal."""
    return StoredJournal(MemoryStore(), now, strict_order=strict_order)


class MemoryStore:
    """A `Store` of dicts."""

    kind = "memory"
    failure = ""

    def __init__(self) -> None:
        self._rows: dict[int, list[Row]] = {}
        """By the batch's number, in order of their flow index."""
        self._batches: dict[str, StoredBatch] = {}
        self._figures: dict[int, Figures] = {}
        self._cleared: dict[int, tuple[tuple[int, int], ...]] = {}
        self._replays: dict[int, StoredReplay] = {}
        self._events: dict[int, StoredEvent] = {}
        self._remembered: dict[str, Remembered] = {}

    def load(self) -> Opened:
        """Returns that there is nothing."""
        return Opened(
            store_id=secrets.token_hex(8),
            epoch=1,
            trimmed=0,
            latest=0,
            paused=False,
            next_number=1,
            next_position=1,
            accepted=0,
            ended={},
            live=(),
            interrupted=(),
        )

    def stage(self, number: int, batch_id: str, rows: Sequence[Row]) -> None:
        """Adds rows to a batch that is not accepted yet."""
        self._rows.setdefault(number, []).extend(rows)

    def discard(self, number: int, limit: int) -> bool:
        """Deletes a staged batch."""
        del self._rows[number]
        return False

    def commit(self, change: Change) -> None:
        """Takes over a change."""
        if change.accepted is not None:
            self._batches[change.accepted.batch_id] = change.accepted
            self._rows[change.accepted.number].extend(change.rows)
        for figures in change.figures:
            self._figures[figures.number] = figures
        for number, first, last in change.cleared:
            self._cleared[number] = (*self._cleared.get(number, ()), (first, last))
        for replay in change.replays:
            self._replays[replay.place] = replay
        for event in change.events:
            self._events[event.sequence] = event
        self._remember(change)

    def remembered(self, request_id: str) -> Remembered | None:
        """Returns the answer that a request_id was given."""
        return self._remembered.get(request_id)

    def batch(self, batch_id: str) -> StoredBatch | None:
        """Returns an accepted batch."""
        batch = self._batches.get(batch_id)
        if batch is None:
            return None
        return batch._replace(
            figures=self._figures.get(batch.number, batch.figures),
            cleared=self._cleared.get(batch.number, ()),
        )

    def read_ahead(self, number: int, first: int, last: int, limit: int) -> Sequence[Ahead]:
        """Returns replays of a batch; what was read ahead once is not read again."""
        rows = self._rows[number]
        start = bisect_left(rows, first, key=_flow_index)
        return [
            Ahead(row.flow_index, row.session, row.idempotent, 1, ended=False)
            for row in rows[start : start + limit]
            if row.flow_index <= last
        ]

    def ended_between(self, number: int, first: int, last: int) -> Sequence[int]:
        """Returns nothing: no replay ends that was not read ahead."""
        return ()

    def prepared(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[Prepared]:
        """Returns what sending takes; the bytes are shared, so their size costs nothing."""
        number, flow_index = split_place(first)
        rows = self._rows.get(number, [])
        start = bisect_left(rows, flow_index, key=_flow_index)
        return [
            Prepared(
                place_of(number, row.flow_index),
                row.plan,
                _travelling(row.request_content),
            )
            for row in rows[start : start + limit]
            if place_of(number, row.flow_index) <= last
        ]

    def past(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[StoredPast]:
        """Returns what is kept of replays; the bytes are shared, so their size costs nothing."""
        number, flow_index = split_place(first)
        rows = self._rows.get(number, [])
        start = bisect_left(rows, flow_index, key=_flow_index)
        return [
            self._past(place_of(number, row.flow_index), row)
            for row in rows[start : start + limit]
            if place_of(number, row.flow_index) <= last
        ]

    def events(
        self, after: int, until: int, kinds: frozenset[EventKind], batch_id: str
    ) -> Generator[StoredEvent, None, None]:
        """Yields events."""
        stored = (self._events[sequence] for sequence in range(after + 1, until + 1))
        return matching(stored, kinds, batch_id)

    def trim(self, first: int, last: int) -> None:
        """Deletes events."""
        for sequence in range(first, last + 1):
            del self._events[sequence]

    def piece(self, place: int, part: Part, number: int) -> bytes:
        """Returns a content's piece."""
        content = self._content(place, part)
        return content[number * PIECE : (number + 1) * PIECE]

    def new_body(self) -> SpoolBody:
        """Makes a body that stays in memory."""
        return SpoolBody(None)

    def close(self) -> None:
        """Has nothing to do: what it held ends with it."""

    def _remember(self, change: Change) -> None:
        if change.forget_before:
            expired = [
                request_id
                for request_id, answered in self._remembered.items()
                if answered.expires < change.forget_before
            ]
            for request_id in expired:
                del self._remembered[request_id]
        if change.remembered is not None:
            self._remembered[change.remembered.request_id] = change.remembered

    def _past(self, place: int, row: Row) -> StoredPast:
        replay = self._replays.get(place)
        event = self._events.get(replay.sequence) if replay else None
        return StoredPast(
            place,
            row.plan,
            row.flow,
            _travelling(row.request_content),
            _travelling(row.recorded_content),
            replay.state if replay else None,
            replay.attempt if replay else 0,
            _travelling(self._content(place, Part.RESPONSE)),
            event.body if event else b"",
        )

    def _content(self, place: int, part: Part) -> bytes:
        if part is Part.RESPONSE:
            replay = self._replays.get(place)
            content = replay.content if replay else b""
            assert isinstance(content, bytes), "its bodies have no folder"
            return content
        row = self._row(place)
        if row is None:
            return b""
        return row.request_content if part is Part.REQUEST else row.recorded_content

    def _row(self, place: int) -> Row | None:
        number, flow_index = split_place(place)
        rows = self._rows.get(number, [])
        at = bisect_left(rows, flow_index, key=_flow_index)
        found = at < len(rows) and rows[at].flow_index == flow_index
        return rows[at] if found else None


def _travelling(content: bytes) -> bytes | None:
    """Returns a content unless it is larger than what travels along."""
    return content if len(content) <= ROW_CONTENT_LIMIT else None


def _flow_index(row: Row) -> int:
    return row.flow_index
