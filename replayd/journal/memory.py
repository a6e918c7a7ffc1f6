"""A store in memory: the ephemeral daemon's, and the simplest one to read.

What it holds ends with the process, so nothing is ever found interrupted.
"""

import secrets
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Sequence
from itertools import islice, takewhile
from pathlib import Path
from typing import NoReturn

from replayd.codec.pace import captured_at
from replayd.errors import ReplaydError
from replayd.journal.body import SpoolBody
from replayd.journal.interface import ROW_CONTENT_LIMIT, Journal, Part, Size
from replayd.journal.journal import StoredJournal
from replayd.journal.store import (
    Ahead,
    Change,
    Figures,
    Opened,
    Prepared,
    Remembered,
    StoredBatch,
    StoredEnds,
    StoredEvent,
    StoredPast,
    StoredReplay,
    StoredResolution,
    StoredState,
    StoredWithheld,
    matching,
    place_of,
    repeated,
    split_place,
)
from replayd.model.event import EventKind
from replayd.model.replay import Row
from replayd.reasons import Reason

_SLICE = 512
"""How many events or replays one slice of retention deletes."""

_OBJECT = 400
"""Bytes that an object takes besides what it holds, about."""


def open_memory(
    now: int,
    *,
    strict_order: bool = True,
    fair: bool = False,
    clock: Callable[[], int] = time.monotonic_ns,
) -> Journal:
    """Opens an empty journal that ends with the process; `strict_order`, `fair` and `clock` as in
    StoredJournal.
    """
    return StoredJournal(MemoryStore(), now, strict_order=strict_order, fair=fair, clock=clock)


class MemoryStore:
    """A `Store` of dicts."""

    kind = "memory"
    failure = ""
    full = False

    def __init__(self) -> None:
        self.on_failure: list[Callable[[], None]] = []
        self._rows: dict[int, list[Row]] = {}
        """By the batch's number, in order of their flow index."""
        self._batches: dict[str, StoredBatch] = {}
        self._figures: dict[int, Figures] = {}
        self._cleared: dict[int, tuple[tuple[int, int], ...]] = {}
        self._replays: dict[int, StoredReplay] = {}
        self._resolved: dict[int, StoredResolution] = {}
        self._events: dict[int, StoredEvent] = {}
        self._remembered: dict[str, Remembered] = {}
        self._batch_ids: dict[int, str] = {}
        self._ended: deque[tuple[int, int]] = deque()
        """Numbers of batches, and a sequence that none of their events comes after."""
        self._removed: list[int] = []
        self._bytes = 0

    def load(self) -> Opened:
        """Returns that there is nothing."""
        return Opened(
            store_id=secrets.token_hex(8),
            redaction_key=secrets.token_bytes(32),
            redacted_after=0,
            epoch=1,
            trimmed=0,
            latest=0,
            paused=False,
            next_number=1,
            next_position=1,
            accepted=0,
            ended={},
            ended_last=0,
            live=(),
            interrupted=(),
            parked={},
        )

    def stage(self, number: int, batch_id: str, rows: Sequence[Row]) -> None:
        """Adds rows to a batch that is not accepted yet."""
        self._rows.setdefault(number, []).extend(rows)
        self._bytes += sum(map(_row_bytes, rows))

    def discard(self, number: int) -> None:
        """Gives up a staged batch."""
        self._removed.append(number)

    def commit(self, change: Change) -> None:
        """Takes over a change."""
        if change.accepted is not None:
            self._batches[change.accepted.batch_id] = change.accepted
            self._rows[change.accepted.number].extend(change.rows)
            self._bytes += sum(map(_row_bytes, change.rows))
            self._batch_ids[change.accepted.number] = change.accepted.batch_id
        if change.controls is not None:
            batch_id = self._batch_ids[change.controls.number]
            changed = self._batches[batch_id]._replace(controls=change.controls.controls)
            self._batches[batch_id] = changed
        for figures in change.figures:
            self._figures[figures.number] = figures
        for number, first, last in change.cleared:
            self._cleared[number] = (*self._cleared.get(number, ()), (first, last))
        for replay in change.replays:
            before = self._replays.get(replay.place)
            self._replays[replay.place] = replay
            self._bytes += _replay_bytes(replay) - (_replay_bytes(before) if before else 0)
        for resolved in change.resolved:
            self._resolved[resolved.place] = resolved
        for event in change.events:
            self._events[event.sequence] = event
            self._bytes += _event_bytes(event)
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

    def batch_from(self, position: int) -> StoredBatch | None:
        """Returns the first accepted batch from a position on."""
        later = (each for each in self._batches.values() if each.position >= position)
        found = min(later, key=_position, default=None)
        return found and self.batch(found.batch_id)

    def states(self, number: int, first: int, last: int, limit: int) -> Sequence[StoredState]:
        """Returns what is remembered of replays."""
        rows = self._rows.get(number, [])
        start = bisect_left(rows, first, key=_flow_index)
        return [
            StoredState(row.flow_index, replay.state if replay else None)
            for row in rows[start : start + limit]
            if row.flow_index <= last
            for replay in (self._replays.get(place_of(number, row.flow_index)),)
        ]

    def resolution(self, place: int) -> StoredResolution | None:
        """Returns what was done with a parked replay."""
        return self._resolved.get(place)

    def read_ahead(
        self, number: int, first: int, last: int, limit: int, *, timed: bool = False
    ) -> Sequence[Ahead]:
        """Returns replays of a batch; what was read ahead once is not read again."""
        rows = self._rows[number]
        start = bisect_left(rows, first, key=_flow_index)
        return [
            Ahead(
                row.flow_index,
                row.session,
                row.idempotent,
                1,
                False,
                captured_at(self._whole(number, row).flow) if timed else None,
            )
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
                whole.plan,
                _travelling(whole.request_content),
                shown_plan=whole.shown_plan,
                shown_content=whole.shown_content,
            )
            for row in rows[start : start + limit]
            if place_of(number, row.flow_index) <= last
            for whole in (self._whole(number, row),)
        ]

    def past(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[StoredPast]:
        """Returns what is kept of replays; the bytes are shared, so their size costs nothing."""
        number, flow_index = split_place(first)
        rows = self._rows.get(number, [])
        start = bisect_left(rows, flow_index, key=_flow_index)
        return [
            self._past(place_of(number, row.flow_index), self._whole(number, row))
            for row in rows[start : start + limit]
            if place_of(number, row.flow_index) <= last
        ]

    def ends(self, first: int, last: int, max_bytes: int) -> StoredEnds:
        """Returns the events that ended replays; the bytes are shared, so all may come at once."""
        number, flow_index = split_place(first)
        rows = self._rows.get(number, [])
        start = bisect_left(rows, flow_index, key=_flow_index)
        places = (place_of(number, row.flow_index) for row in islice(rows, start, None))
        ended = map(self._replays.get, takewhile(lambda place: place <= last, places))
        events = (self._events.get(replay.sequence) for replay in ended if replay is not None)
        return StoredEnds([event.body for event in events if event is not None], 0, more=False)

    def withheld(
        self, first: int, last: int, limit: int, max_bytes: int
    ) -> Sequence[StoredWithheld]:
        """Returns replays of whose event something was withheld; as with `past`."""
        number, flow_index = split_place(first)
        rows = self._rows.get(number, [])
        start = bisect_left(rows, flow_index, key=_flow_index)
        found: list[StoredWithheld] = []
        for row in islice(rows, start, None):
            place = place_of(number, row.flow_index)
            if place > last or len(found) == limit:
                break
            replay = self._replays.get(place)
            event = self._events.get(replay.sequence) if replay else None
            if replay and event and replay.withheld:
                plan = self._whole(number, row).plan
                found.append(StoredWithheld(place, row.session, plan, event.body, replay.withheld))
        return found

    def events(
        self, after: int, until: int, kinds: frozenset[EventKind], batch_id: str
    ) -> Generator[StoredEvent, None, None]:
        """Yields events."""
        stored = (self._events[sequence] for sequence in range(after + 1, until + 1))
        return matching(stored, kinds, batch_id)

    def note_ended(self, ended: Sequence[tuple[int, int]]) -> None:
        """Notes which batches have ended."""
        self._ended.extend(ended)

    def next_end(self, at_most: int) -> int:
        """Returns the last event of a batch that has ended."""
        ends = [end for _, end in self._ended]
        return max((end for end in ends if end <= at_most), default=min(ends, default=0))

    def trim(self, last: int) -> int:
        """Deletes the oldest events."""
        first = next(iter(self._events), last + 1)
        until = min(last, first + _SLICE - 1)
        for sequence in range(first, until + 1):
            self._bytes -= _event_bytes(self._events.pop(sequence))
        return until

    def remove_batches(self, last_event: int, limit: int) -> Sequence[str]:
        """Removes ended batches."""
        batch_ids: list[str] = []
        while self._ended and self._ended[0][1] <= last_event and len(batch_ids) < limit:
            number = self._ended.popleft()[0]
            batch_id = self._batch_ids.pop(number)
            del self._batches[batch_id]
            self._figures.pop(number, None)
            self._cleared.pop(number, None)
            self._removed.append(number)
            batch_ids.append(batch_id)
        return batch_ids

    def erase(self) -> Sequence[Path] | None:
        """Deletes some of what removed batches held; there are no files."""
        if not self._removed:
            return None
        number = self._removed[-1]
        rows = self._rows.get(number, [])
        for row in rows[-_SLICE:]:
            self._resolved.pop(place_of(number, row.flow_index), None)
            replay = self._replays.pop(place_of(number, row.flow_index), None)
            self._bytes -= _row_bytes(row) + (_replay_bytes(replay) if replay else 0)
        del rows[-_SLICE:]
        if not rows:
            self._rows.pop(number, None)
            self._removed.pop()
        return ()

    def size(self) -> Size:
        """Returns about what memory it takes."""
        return Size(self._bytes, 0)

    def shrink(self) -> bool:
        """Has nothing that is free."""
        return False

    def sync(self) -> bool:
        """Has nothing to store."""
        return False

    def settle(self) -> None:
        """Has nothing to bring anywhere."""

    def check_room(self) -> None:
        """Has no disk."""

    def regain_room(self) -> bool:
        """Has no disk."""
        return False

    def new_body(self) -> SpoolBody:
        """Makes a body that stays in memory."""
        return SpoolBody(None)

    def begin_copy(self, _: Path, __: int) -> NoReturn:
        """Raises ReplaydError: there is nothing on a disk."""
        raise ReplaydError(
            Reason.INVALID_OPTIONS, "the journal is in memory (--ephemeral): it can't be copied"
        )

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
            row.session,
            row.idempotent,
            row.plan,
            row.flow,
            _travelling(row.request_content),
            _travelling(row.recorded_content),
            replay.state if replay else None,
            replay.attempt if replay else 0,
            _travelling(self.content(place, Part.RESPONSE)),
            event.body if event else b"",
            self._resolved.get(place),
            replay.withheld if replay else b"",
        )

    def content(self, place: int, part: Part) -> bytes:
        """Returns a content."""
        if part is Part.RESPONSE:
            replay = self._replays.get(place)
            return _content_of(replay) if replay else b""
        row = self._row(place)
        if row is None:
            return b""
        row = self._whole(split_place(place)[0], row)
        return row.request_content if part is Part.REQUEST else row.recorded_content

    def _whole(self, number: int, row: Row) -> Row:
        """Returns a row with what the one has that it repeats."""
        slot = repeated(row.plan)
        found = None if slot is None else self._row(place_of(number, slot))
        return row if found is None else found._replace(session=row.session)

    def _row(self, place: int) -> Row | None:
        number, flow_index = split_place(place)
        rows = self._rows.get(number, [])
        at = bisect_left(rows, flow_index, key=_flow_index)
        found = at < len(rows) and rows[at].flow_index == flow_index
        return rows[at] if found else None


def _travelling(content: bytes) -> bytes | None:
    """Returns a content unless it is larger than what travels along."""
    return content if len(content) <= ROW_CONTENT_LIMIT else None


def _row_bytes(row: Row) -> int:
    contents = len(row.request_content) + len(row.recorded_content)
    shown = len(row.shown_plan or b"") + len(row.shown_content or b"")
    return _OBJECT + len(row.plan) + len(row.flow) + contents + shown


def _replay_bytes(replay: StoredReplay) -> int:
    return _OBJECT + len(_content_of(replay)) + len(replay.withheld)


def _event_bytes(event: StoredEvent) -> int:
    return _OBJECT + len(event.body)


def _content_of(replay: StoredReplay) -> bytes:
    assert isinstance(replay.content, bytes), "its bodies have no folder"
    return replay.content


def _position(batch: StoredBatch) -> int:
    return batch.position


def _flow_index(row: Row) -> int:
    return row.flow_index
