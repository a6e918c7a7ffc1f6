"""Which of the replays read ahead may run next. Plain data: no lock, no store, no clock.

A replay is ready when it is the first of its session and nothing of its session runs. The
ready sessions of a batch are a heap by the place of their first replay, and batches stand in a
line, so that adding, taking and freeing cost the same however long the queue is and however
long one session blocks the others behind it.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from itertools import islice

from replayd.journal.batch import Batch, SessionKey
from replayd.journal.line import Line
from replayd.journal.store import PLACE_BITS, Ahead, Prepared, split_place
from replayd.model.replay import Replay, ReplayKey

_LOOKED_AT = 4
"""How many ready sessions are looked at for each that is wanted."""


class Entry:
    """A replay that was read ahead."""

    __slots__ = (
        "attempt",
        "batch",
        "claimable",
        "idempotent",
        "key",
        "place",
        "prepared",
        "session",
    )

    key: ReplayKey
    """Made when it is taken: of those that wait there may be very many."""

    def __init__(self, place: int, batch: Batch, ahead: Ahead) -> None:
        self.place = place
        """Its place in the store."""
        self.batch = batch
        self.session: SessionKey = (place >> PLACE_BITS, ahead.session)
        self.idempotent = ahead.idempotent
        self.attempt = ahead.attempt
        self.claimable = ahead.attempt == 1 and batch.sends_again[ahead.idempotent]
        """Whether its intent may be written ahead: a first attempt that a crash has sent again.
        Others get an intent of their own, so that none counts as interrupted that had not
        begun."""
        self.prepared: Prepared | None = None
        """What sending takes, when it was read already."""

    def replay(self, prepared: Prepared) -> Replay:
        """Makes what the replay thread gets."""
        return Replay(
            self.key,
            self.session[1],
            self.idempotent,
            self.attempt,
            prepared.plan,
            prepared.request_content,
            prepared.shown_plan,
            prepared.shown_content,
        )


class _Session:
    """The waiting replays of one session."""

    __slots__ = ("busy", "key", "waiting")

    def __init__(self, key: SessionKey) -> None:
        self.key = key
        """All its replays share it: 65,536 of one session would have as many."""
        self.waiting: deque[Entry] = deque()
        self.busy = False
        """A replay of it runs."""


class Schedule:
    """The replays read ahead, by batch and session."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._sessions: dict[SessionKey, _Session] = {}
        self.entries: dict[int, Entry] = {}
        """Everything that waits, by its place in the store."""
        self.prepared_bytes = 0
        """How much of what sending takes was read for replays that wait."""

    def add(self, entry: Entry) -> None:
        """Adds a replay that comes after all others of its session."""
        session = self._sessions.get(entry.session)
        if session is None:
            session = self._sessions[entry.session] = _Session(entry.session)
        entry.session = session.key
        session.waiting.append(entry)
        self.entries[entry.place] = entry
        entry.batch.ahead += 1
        if not session.busy and len(session.waiting) == 1:
            self._set_ready(entry)

    def prepare(self, prepared: Prepared) -> None:
        """Keeps what sending takes with the replay, if it waits."""
        entry = self.entries.get(prepared.place)
        if entry is not None and entry.prepared is None:
            entry.prepared = prepared
            self.prepared_bytes += _size(prepared)

    def pop(self, limit: int) -> list[Entry]:
        """Takes the ready replays whose turn it is; their sessions are busy until freed."""
        taken: list[Entry] = []
        line = self._line
        while len(taken) < limit:
            batch = line.first()
            if batch is None:
                break
            taken.append(self._take(batch))
            line.served(batch)
        return taken

    def _take(self, batch: Batch) -> Entry:
        """Takes the first ready replay of a batch."""
        session = self._sessions[heapq.heappop(batch.ready)[1]]
        session.busy = True
        entry = session.waiting.popleft()
        entry.key = batch.key(split_place(entry.place)[1])
        self._forget(entry)
        return entry

    def free(self, key: SessionKey) -> bool:
        """Lets the next replay of a busy session be taken; False: none waits."""
        session = self._sessions[key]
        session.busy = False
        if session.waiting:
            self._set_ready(session.waiting[0])
            return True
        del self._sessions[key]
        return False

    def put_back(self, entry: Entry) -> None:
        """Undoes the taking of a replay."""
        self._sessions[entry.session].waiting.appendleft(entry)
        self.entries[entry.place] = entry
        entry.batch.ahead += 1
        if entry.prepared is not None:
            self.prepared_bytes += _size(entry.prepared)
        self.free(entry.session)

    def drop(self, batch: Batch) -> None:
        """Forgets what waits of a batch."""
        for key in list(self._sessions):
            if key[0] != batch.number:
                continue
            session = self._sessions[key]
            for entry in session.waiting:
                self._forget(entry)
            session.waiting.clear()
            if not session.busy:
                del self._sessions[key]
        batch.ready.clear()

    def remove(self, places: Iterable[int]) -> None:
        """Forgets some of what waits, and leaves the order of the rest."""
        sessions: set[SessionKey] = set()
        batches: set[Batch] = set()
        for place in places:
            entry = self.entries.get(place)
            if entry is not None:
                self._forget(entry)
                sessions.add(entry.session)
                batches.add(entry.batch)
        for key in sessions:
            session = self._sessions[key]
            session.waiting = deque(
                entry for entry in session.waiting if entry.place in self.entries
            )
            if not session.waiting and not session.busy:
                del self._sessions[key]
        for batch in batches:
            batch.ready = [
                (self._sessions[key].waiting[0].place, key)
                for _, key in batch.ready
                if key in self._sessions
            ]
            heapq.heapify(batch.ready)

    def likely_next(self, begun: Iterable[SessionKey], limit: int) -> list[Entry]:
        """Guesses which replays follow those begun now: claimable ones, in turns from their
        sessions and from the oldest ready ones.
        """
        keys = dict.fromkeys([*begun, *self._oldest_ready(limit)])
        turns = deque(
            islice(self._sessions[key].waiting, limit) for key in keys if key in self._sessions
        )
        found: list[Entry] = []
        while turns and len(found) < limit:
            turn = turns.popleft()
            entry = next(turn, None)
            if entry is not None:
                turns.append(turn)
                if entry.claimable:
                    found.append(entry)
        return found

    def _oldest_ready(self, limit: int) -> list[SessionKey]:
        found: list[SessionKey] = []
        for batch in self._line.batches():
            # Of a heap the first few are, as a rule, the lowest, and a guess may be wrong.
            wanted = limit - len(found)
            found += [key for _, key in sorted(batch.ready[: _LOOKED_AT * wanted])[:wanted]]
            if len(found) >= limit:
                break
        return found

    def _set_ready(self, entry: Entry) -> None:
        """Lets a session have its turn, whose first waiting replay this is."""
        batch = entry.batch
        heapq.heappush(batch.ready, (entry.place, entry.session))
        self._line.enter(batch)

    def _forget(self, entry: Entry) -> None:
        del self.entries[entry.place]
        entry.batch.ahead -= 1
        if entry.prepared is not None:
            self.prepared_bytes -= _size(entry.prepared)


def _size(prepared: Prepared) -> int:
    size = len(prepared.plan) + len(prepared.request_content or b"")
    return size + len(prepared.shown_plan or b"") + len(prepared.shown_content or b"")
