"""Requests and responses that wait for each other.

The two share an id and may lie apart in a file, in any order. The window bounds how many
wait and how much memory they take; a request that nothing was recorded for within it
leaves without a response. Flows leave in the order of their requests.
"""

from collections import deque
from collections.abc import Iterator

from replayd.formats.goreplay.exchange import Exchange, add_response, exchanges
from replayd.formats.goreplay.records import Record, RecordType
from replayd.model.flow import CaptureNote, DamagedFlow, Found

MAX_WAITING = 1000
MAX_WAITING_BYTES = 32 << 20
"""Requests, and responses that came first, that wait at once, and their bytes."""


class Window:
    """Joins records; `keep` and `keep_size` are how many wait at most, and their bytes."""

    def __init__(self, keep: int = MAX_WAITING, keep_size: int = MAX_WAITING_BYTES) -> None:
        self._keep = keep
        self._keep_size = keep_size
        self.index = 0
        """Of the next flow that leaves."""
        self._requests: deque[Exchange] = deque()
        self._unanswered: dict[str, deque[Exchange]] = {}
        self._early: dict[str, list[Record]] = {}
        self._size = self._early_size = self._early_count = 0
        self._notes: list[str] = []
        self._replayed_seen = False

    def add(self, record: Record) -> Iterator[Found]:
        """Takes in a record; yields what has what it waited for, or has waited while too
        much else came.
        """
        if record.type is RecordType.REQUEST:
            # One record may hold any number of requests.
            for waiting in exchanges(record):
                self._add_request(waiting)
                yield from self._leaving()
            for early in self._take_early(record.id):
                self._answer(early)
        elif record.type is RecordType.RESPONSE:
            self._answer(record)
        elif not self._replayed_seen:
            self._replayed_seen = True
            self.note("responses to earlier replays (type 3) were left out; they answered others")
        yield from self._leaving()

    def add_damaged(self, damaged: DamagedFlow) -> Iterator[Found]:
        """Takes in what stands where a record should; it waits for nothing but its turn."""
        self._requests.append(Exchange("", None, 0, damaged=damaged, answered=True))
        yield from self._leaving()

    def rest(self) -> Iterator[Found]:
        """Yields what still waits: nothing more comes."""
        self._keep = self._keep_size = 0
        yield from self._leaving()

    def note(self, message: str) -> None:
        """Notes something that concerns no waiting request."""
        self._notes.append(message)

    def _leaving(self) -> Iterator[Found]:
        requests, keep, keep_size = self._requests, self._keep, self._keep_size
        while self._early_count > keep or self._early_size > keep_size:
            record_id = next(iter(self._early))
            self._take_early(record_id)
            self.note(f"a response whose request is missing (id {record_id}) was left out")
        while requests and (requests[0].answered or len(requests) > keep or self._size > keep_size):
            yield from self._leave(requests.popleft())
        for message in self._notes:
            yield CaptureNote(self.index, message)
        self._notes.clear()

    def _leave(self, waiting: Exchange) -> Iterator[Found]:
        self._size -= waiting.size
        if not waiting.answered:
            self._next_unanswered(waiting.record_id)
        for message in waiting.notes:
            yield CaptureNote(self.index, message)
        yield waiting.damaged or waiting.flow()
        self.index += 1

    def _add_request(self, waiting: Exchange) -> None:
        self._requests.append(waiting)
        self._unanswered.setdefault(waiting.record_id, deque()).append(waiting)
        self._size += waiting.size

    def _next_unanswered(self, record_id: str) -> Exchange:
        """Takes the oldest request of this id that has no response."""
        waiting = self._unanswered[record_id]
        first = waiting.popleft()
        if not waiting:
            del self._unanswered[record_id]
        return first

    def _take_early(self, record_id: str) -> list[Record]:
        """Takes the responses of this id that came before their requests."""
        records = self._early.pop(record_id, [])
        self._early_count -= len(records)
        self._early_size -= sum(len(record.payload) for record in records)
        return records

    def _answer(self, record: Record) -> None:
        """Gives a response, or pipelined ones, to the requests of its id."""
        if record.id not in self._unanswered:
            self._early.setdefault(record.id, []).append(record)
            self._early_count += 1
            self._early_size += len(record.payload)
            return
        at: int | None = 0
        while at is not None and record.id in self._unanswered:
            waiting = self._next_unanswered(record.id)
            waiting.answered = True
            at = add_response(waiting, record, at)
            grown = len(waiting.response.content or b"") if waiting.response else 0
            waiting.size += grown
            self._size += grown
