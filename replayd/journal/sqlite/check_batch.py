"""Checks one batch: its flows, outcomes and contents, and that its books balance."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import apsw

from replayd.errors import JournalError
from replayd.journal.body import pieces_of
from replayd.journal.interface import Part
from replayd.journal.sqlite.checksum import checksum, outcome_checksum, prepared_checksum
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.loading import batch_of_number
from replayd.journal.sqlite.query import fetch_row
from replayd.journal.store import LAST_INDEX, StoredBatch, beside, place_of, repeated, split_place
from replayd.model.replay import OUTCOMES, ReplayState

_FLOWS = """
    SELECT p.place, p.session, p.idempotent, p.plan, p.request_content, p.checksum,
        p.flow, p.recorded_content, p.flow_checksum,
        r.state, r.attempt, r.sequence, r.content, r.checksum, e.sequence,
        s.plan, s.content, s.checksum, w.event, w.checksum
    FROM prepared AS p
    LEFT JOIN replay AS r ON r.place = p.place
    LEFT JOIN event AS e ON e.sequence = r.sequence
    LEFT JOIN shown AS s ON s.place = p.place
    LEFT JOIN withheld AS w ON w.place = p.place
    WHERE p.place BETWEEN ? AND ? ORDER BY p.place
"""

_STATES = frozenset(map(int, ReplayState)) - {ReplayState.CLEARED}
"""Of rows; what was cleared has none."""

_WRONG = "its checksum is wrong"

Found = tuple[str, str]
"""Where, and what is wrong there."""


class BatchChecker:
    """Checks a batch by its number."""

    def __init__(
        self, connection: apsw.Connection, contents: Contents, number: int, trimmed: int
    ) -> None:
        self._connection = connection
        self._contents = contents
        self._number = number
        self._trimmed = trimmed
        self._states: Counter[ReplayState] = Counter()
        self._first = self._last = -1
        self.flows = 0
        self.outcomes = 0
        self.contents = 0

    def run(self) -> Iterator[Found]:
        """Yields what is damaged."""
        try:
            batch = batch_of_number(self._connection, self._number)
        except JournalError as error:
            yield f"batch {self._number}", error.message
            batch = None
        places = (place_of(self._number, 0), place_of(self._number, LAST_INDEX))
        for row in self._connection.execute(_FLOWS, places):
            for what in self._flow(row, batch):
                yield f"batch {self._number}, flow {split_place(row[0])[1]}", what
        if batch is not None:
            for what in self._books(batch):
                yield f"batch {batch.batch_id}", what

    def _flow(self, row: tuple[Any, ...], batch: StoredBatch | None) -> Iterator[str]:
        place, index = row[0], split_place(row[0])[1]
        self.flows += 1
        self._first = index if self._first < 0 else self._first
        self._last = index
        yield from self._request(place, row)
        yield from _secrets(place, row)
        state = None if row[9] is None else row[9]
        if state is not None:
            yield from self._outcome(place, row)
        if batch is not None:
            yield from self._place_in(batch, index, state)

    def _request(self, place: int, row: tuple[Any, ...]) -> Iterator[str]:
        session, idempotent, plan, content, expected, flow, recorded, flow_expected = row[1:9]
        if expected != prepared_checksum(place, session, idempotent, plan, content):
            yield f"the request: {_WRONG}"
        elif content is None:
            yield from self._content(place, Part.REQUEST)
        elif (slot := repeated(plan)) is not None and not self._has_flow(beside(place, slot)):
            yield "the request: the flow that it repeats is missing"
        if flow_expected != checksum(place, flow, recorded):
            yield f"what was captured: {_WRONG}"
        elif recorded is None:
            yield from self._content(place, Part.RECORDED)

    def _has_flow(self, place: int) -> bool:
        query = "SELECT 1 FROM prepared WHERE place = ?"
        return fetch_row(self._connection, query, (place,)) is not None

    def _outcome(self, place: int, row: tuple[Any, ...]) -> Iterator[str]:
        state, attempt, sequence, content, expected, event = row[9:15]
        if expected != outcome_checksum(place, state, attempt, sequence, content):
            yield f"the outcome: {_WRONG}"
            return
        if state not in _STATES:
            yield f"the outcome: there is no state {state}"
        elif content is None:
            yield from self._content(place, Part.RESPONSE)
        if sequence > self._trimmed and event is None:
            yield f"event {sequence}, which ended it, is missing"

    def _content(self, place: int, part: Part) -> Iterator[str]:
        self.contents += 1
        try:
            for _ in pieces_of(self._contents.content(place, part)):
                pass
        except JournalError as error:
            yield f"the {part} content: {error.message}"

    def _place_in(self, batch: StoredBatch, index: int, state: int | None) -> Iterator[str]:
        """Counts it where it belongs."""
        has_ended = state in OUTCOMES
        cleared = any(first <= index <= last for first, last in batch.cleared)
        if has_ended:
            self.outcomes += 1
            self._states[ReplayState(state or 0)] += 1
        elif cleared:
            self._states[ReplayState.CLEARED] += 1
        elif batch.has_ended(index):
            yield "its outcome is missing"

    def _books(self, batch: StoredBatch) -> Iterator[str]:
        """Compares what was counted with what the batch says."""
        if batch.accepted != self.flows:
            yield f"it has {self.flows} flows of {batch.accepted}"
        elif self.flows and (self._first, self._last) != (batch.first, batch.last):
            yield (
                f"its flows are {self._first} to {self._last}, not {batch.first} to {batch.last}"
            )
        _, _, *counts = batch.figures
        for state, count in zip(_COUNTED, counts, strict=True):
            if self._states[state] != count:
                yield f"{self._states[state]} of its flows are {state.name}, not {count}"


_COUNTED = (
    ReplayState.SUCCEEDED,
    ReplayState.FAILED,
    ReplayState.KILLED,
    ReplayState.CLEARED,
    ReplayState.INTERRUPTED,
)
"""As in `Figures`."""


def _secrets(place: int, row: tuple[Any, ...]) -> Iterator[str]:
    """Checks what is kept because of secrets."""
    plan, content, expected, event, event_expected = row[15:]
    if expected is not None and expected != checksum(place, plan, content):
        yield f"what may be shown: {_WRONG}"
    if event_expected is not None and event_expected != checksum(place, event):
        yield f"what was withheld: {_WRONG}"
