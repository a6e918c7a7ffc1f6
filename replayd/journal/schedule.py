"""Which of the replays read ahead may run next. Plain data: no lock, no store.

A replay is ready when it is the first of its session and nothing of its session runs. The
ready sessions of a batch are a heap by the place of their first replay, and batches stand in a
line, so that adding, taking and freeing cost the same however long the queue is and however
long one session blocks the others behind it.

Where a batch has a pace, its replays also have their time (`Pacing`). In strict order what is
first in line is waited for; else sessions that are not due lie apart, in another heap of their
batch.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from operator import attrgetter

from replayd.journal.batch import Batch, SessionKey
from replayd.journal.line import Line
from replayd.journal.pacing import NEVER, Pacing, pacing_for
from replayd.journal.store import PLACE_BITS, Ahead, Prepared, split_place
from replayd.model.pace import Pace
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
        "lag",
        "place",
        "position",
        "prepared",
        "session",
        "timed_by",
    )

    key: ReplayKey
    """Made when it is taken: of those that wait there may be very many."""
    position: int
    """Where its batch has a pace: in its schedule."""
    lag: int
    """Where its batch has a pace, once it is taken: how long after it was due, in nanoseconds."""
    timed_by: Pacing | None
    """What had it due, once it is taken."""

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
        self.timed_by = None
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

    def __init__(
        self,
        line: Line,
        *,
        strict_order: bool = True,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`clock`: nanoseconds that never go back, for what has its time."""
        self._line = line
        self._strict_order = strict_order
        self._clock = clock
        self._timed: dict[Batch, Pacing] = {}
        """Batches of which sessions lie apart until they are due."""
        self.next_due = NEVER
        """When the next replay that waits for its time is due, as of the last `pop`."""
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

    def block(self, key: SessionKey) -> None:
        """Keeps a session busy of which nothing was added yet, until it is freed."""
        session = self._sessions[key] = _Session(key)
        session.busy = True

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
        self.next_due = NEVER
        if self._timed:
            self._release(self._clock())
        while len(taken) < limit:
            batch = line.first()
            if batch is None:
                break
            if batch.pacing is not None and not self._is_due(batch, batch.pacing):
                if self._strict_order:
                    break
                continue
            taken.append(self._take(batch))
            line.served(batch)
            if batch.pacing is None and not line.takes_turns:
                # Nobody stands before it: whose turn it was has the next one, too.
                while batch.ready and len(taken) < limit:
                    taken.append(self._take(batch))
        if self._timed:
            self.next_due = min(each.due(each.later[0][0]) for each in self._timed.values())
        return taken

    def _release(self, now: int) -> None:
        """Lets the sessions have their turn whose next replay is due."""
        for batch, pacing in list(self._timed.items()):
            later = pacing.later
            while later and pacing.due(later[0][0]) <= now:
                _, place, key = heapq.heappop(later)
                heapq.heappush(batch.ready, (place, key))
            if batch.ready:
                self._line.enter(batch)
            if not later:
                del self._timed[batch]

    def _is_due(self, batch: Batch, pacing: Pacing) -> bool:
        """Whether the first ready replay of a batch is due. Its schedule starts with it. When it
        is not due, `next_due` tells when it is, or it is set apart until then.
        """
        now = self._clock()
        if not pacing.started:
            pacing.start(now)
            if not self._strict_order:
                self.file(batch)
                self._release(now)
                return False
        entry = self._sessions[batch.ready[0][1]].waiting[0]
        due = pacing.due(entry.position)
        if due <= now:
            entry.lag = pacing.take(entry.position, now)
            entry.timed_by = pacing
            return True
        if self._strict_order:
            self.next_due = due
        else:
            heapq.heappop(batch.ready)
            self._set_ready(entry)
        return False

    def file(self, batch: Batch) -> None:
        """Files the sessions of a batch anew: its schedule is another one."""
        pacing = batch.pacing
        keys = [key for _, key in batch.ready]
        for each in (pacing, self._timed.pop(batch, None)):
            if each is not None:
                keys += [key for *_, key in each.later]
                each.later.clear()
        batch.ready.clear()
        for key in dict.fromkeys(keys):
            session = self._sessions.get(key)
            if session is not None and session.waiting:
                self._set_ready(session.waiting[0])

    def step(self, batch: Batch | None) -> Entry | None:
        """Takes the next replay of a batch (None: of the first one), whatever its time; None:
        none is ready.
        """
        if batch is None:
            timed = (each for each in self._timed if not each.paused)
            batch = self._line.first() or min(timed, key=lambda each: each.rank, default=None)
        if batch is None:
            return None
        pacing = self._timed.get(batch)
        if not batch.ready and pacing is not None:
            _, place, key = heapq.heappop(pacing.later)
            heapq.heappush(batch.ready, (place, key))
            if not pacing.later:
                del self._timed[batch]
        if not batch.ready:
            return None
        entry = self._take(batch)
        self._line.served(batch)
        return entry

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

    def put_back(self, entry: Entry, *, held: bool = False) -> None:
        """Undoes the taking of a replay; `held`: its session stays busy until freed."""
        pacing = entry.batch.pacing
        if pacing is not None and entry.timed_by is pacing:
            pacing.put_back(entry.lag)
        elif pacing is not None:
            # It was taken at another pace.
            entry.position = pacing.origin
        self._sessions[entry.session].waiting.appendleft(entry)
        self.entries[entry.place] = entry
        entry.batch.ahead += 1
        if entry.prepared is not None:
            self.prepared_bytes += _size(entry.prepared)
        if not held:
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
        self.file(batch)

    def repace(self, batch: Batch, pace: Pace, times: Mapping[int, int | None]) -> None:
        """Gives a batch another pace; `times`: when what waits of it was captured, by slot. By
        another pace of the same kind it goes on from what was taken last, else it begins anew.
        """
        before, pacing = batch.pacing, pacing_for(pace)
        batch.pacing = pacing
        if pacing is not None and before is not None and pacing.follows(before):
            pacing.follow(before)
        elif pacing is not None:
            waiting = [entry for entry in self.entries.values() if entry.batch is batch]
            for entry in sorted(waiting, key=attrgetter("place")):
                slot = split_place(entry.place)[1]
                repeat = batch.key(slot).repeat
                entry.position = pacing.read(times.get(slot), repeat, ended=False)
        if before is not None:
            batch.ready += [(place, key) for _, place, key in before.later]
            before.later.clear()
        self.file(batch)

    def hold(self, on: bool, batches: Iterable[Batch]) -> None:
        """Stops the time of the batches' schedules, or lets that of those go on that are not
        paused themselves.
        """
        for batch in batches:
            if batch.pacing is not None:
                batch.pacing.hold(on or batch.paused, self._clock())

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
            if batch in self._timed:
                self.file(batch)

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
        for batch, share in self._line.guess(limit):
            # Of a heap the first few are, as a rule, the lowest, and a guess may be wrong.
            wanted = min(share, limit - len(found))
            found += [key for _, key in sorted(batch.ready[: _LOOKED_AT * wanted])[:wanted]]
            if len(found) >= limit:
                break
        for pacing in self._timed.values():
            found += [key for *_, key in sorted(pacing.later[: _LOOKED_AT * limit])[:limit]]
        return found

    def _set_ready(self, entry: Entry) -> None:
        """Lets a session have its turn, whose first waiting replay this is."""
        batch = entry.batch
        pacing = batch.pacing
        if pacing is None or self._strict_order or not pacing.started:
            heapq.heappush(batch.ready, (entry.place, entry.session))
            # As a rule it stands there.
            if batch.stands_at != batch.rank:
                self._line.enter(batch)
        else:
            heapq.heappush(pacing.later, (entry.position, entry.place, entry.session))
            self._timed[batch] = pacing

    def _forget(self, entry: Entry) -> None:
        del self.entries[entry.place]
        entry.batch.ahead -= 1
        if entry.prepared is not None:
            self.prepared_bytes -= _size(entry.prepared)


def _size(prepared: Prepared) -> int:
    size = len(prepared.plan) + len(prepared.request_content or b"")
    return size + len(prepared.shown_plan or b"") + len(prepared.shown_content or b"")
