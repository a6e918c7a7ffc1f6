"""Which of the replays read ahead may run next. Plain data: no lock, no store, no clock.

A replay is ready when it is the first of its session and nothing of its session runs. The
ready sessions are a heap by the place in the queue of their first replay, so that adding,
taking and freeing cost the same however long the queue is and however long one session
blocks the others behind it.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from itertools import islice

from replayd.journal.batch import Batch
from replayd.journal.store import PLACE_BITS, Ahead, Prepared, split_place
from replayd.model.replay import Replay, ReplayKey

_LOOKED_AT = 4
"""How many ready sessions are looked at for each that is wanted."""

SessionKey = tuple[int, str]
"""A session is scoped to its batch: the batch's number, the session's name."""


class Entry:
    """A replay that was read ahead."""

    __slots__ = (
        "attempt",
        "batch",
        "claimable",
        "idempotent",
        "key",
        "order",
        "place",
        "prepared",
        "session",
    )

    key: ReplayKey
    """Made when it is taken: of those that wait there may be very many."""

    def __init__(self, order: int, place: int, batch: Batch, ahead: Ahead) -> None:
        self.order = order
        """Its place in the queue."""
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
    """The replays read ahead, by session, oldest first."""

    def __init__(self) -> None:
        self._sessions: dict[SessionKey, _Session] = {}
        self._ready: list[tuple[int, SessionKey]] = []
        """A heap: each session that is not busy and has a waiting replay, once."""
        self.entries: dict[int, Entry] = {}
        """Everything that waits, by its place in the store."""
        self.prepared_bytes = 0
        """How much of what sending takes was read for replays that wait."""

    @property
    def ready(self) -> int:
        """How many replays may be taken now."""
        return len(self._ready)

    def add(self, entry: Entry) -> None:
        """Adds a replay that comes after all others of its session."""
        session = self._sessions.get(entry.session)
        if session is None:
            session = self._sessions[entry.session] = _Session(entry.session)
        entry.session = session.key
        session.waiting.append(entry)
        self.entries[entry.place] = entry
        if not session.busy and len(session.waiting) == 1:
            heapq.heappush(self._ready, (entry.order, entry.session))

    def prepare(self, prepared: Prepared) -> None:
        """Keeps what sending takes with the replay, if it waits."""
        entry = self.entries.get(prepared.place)
        if entry is not None and entry.prepared is None:
            entry.prepared = prepared
            self.prepared_bytes += _size(prepared)

    def pop(self, limit: int) -> list[Entry]:
        """Takes the oldest ready replays; their sessions are busy until freed."""
        taken: list[Entry] = []
        while self._ready and len(taken) < limit:
            session = self._sessions[heapq.heappop(self._ready)[1]]
            session.busy = True
            entry = session.waiting.popleft()
            entry.key = entry.batch.key(split_place(entry.place)[1])
            self._forget(entry)
            taken.append(entry)
        return taken

    def free(self, key: SessionKey) -> bool:
        """Lets the next replay of a busy session be taken; False: none waits."""
        session = self._sessions[key]
        session.busy = False
        if session.waiting:
            heapq.heappush(self._ready, (session.waiting[0].order, key))
            return True
        del self._sessions[key]
        return False

    def put_back(self, entry: Entry) -> None:
        """Undoes the taking of a replay."""
        self._sessions[entry.session].waiting.appendleft(entry)
        self.entries[entry.place] = entry
        if entry.prepared is not None:
            self.prepared_bytes += _size(entry.prepared)
        self.free(entry.session)

    def drop(self, number: int | None) -> None:
        """Forgets what waits, of one batch or (None) of all."""
        for key in list(self._sessions):
            if number is not None and key[0] != number:
                continue
            session = self._sessions[key]
            for entry in session.waiting:
                self._forget(entry)
            session.waiting.clear()
            if not session.busy:
                del self._sessions[key]
        self._ready = [each for each in self._ready if each[1] in self._sessions]
        heapq.heapify(self._ready)

    def remove(self, places: Iterable[int]) -> None:
        """Forgets some of what waits, and leaves the order of the rest."""
        sessions: set[SessionKey] = set()
        for place in places:
            entry = self.entries.get(place)
            if entry is not None:
                self._forget(entry)
                sessions.add(entry.session)
        for key in sessions:
            session = self._sessions[key]
            session.waiting = deque(
                entry for entry in session.waiting if entry.place in self.entries
            )
            if not session.waiting and not session.busy:
                del self._sessions[key]
        self._ready = [
            (self._sessions[key].waiting[0].order, key)
            for _, key in self._ready
            if key in self._sessions
        ]
        heapq.heapify(self._ready)

    def likely_next(self, begun: Iterable[SessionKey], limit: int) -> list[Entry]:
        """Guesses which replays follow those begun now: claimable ones, in turns from their
        sessions and from the oldest ready ones.
        """
        # Of a heap the first few are, as a rule, the lowest, and a guess may be wrong.
        oldest = [key for _, key in sorted(self._ready[: _LOOKED_AT * limit])[:limit]]
        keys = dict.fromkeys([*begun, *oldest])
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

    def _forget(self, entry: Entry) -> None:
        del self.entries[entry.place]
        if entry.prepared is not None:
            self.prepared_bytes -= _size(entry.prepared)


def _size(prepared: Prepared) -> int:
    size = len(prepared.plan) + len(prepared.request_content or b"")
    return size + len(prepared.shown_plan or b"") + len(prepared.shown_content or b"")
