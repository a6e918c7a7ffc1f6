"""Strict sessions: while a replay is parked, the later ones of its session wait.

They wait until it is dropped, or what sends it again has its outcome. Replays are parked at an
opening only, and what is known of them is durable: so who waits for whom is found out then, and
only gets less. In the schedule a session that waits is a busy one.
"""

from collections.abc import Iterable

from replayd.codec.options import strict_session
from replayd.journal.batch import Batch, SessionKey
from replayd.journal.history import state_of
from replayd.journal.ledger import Ledger, Taken, call_all
from replayd.journal.store import place_of
from replayd.model.replay import ReplayKey, ReplayState

_LOOKED_AT = 1024
"""How many replays are looked at in one query."""


def hold_sessions(ledger: Ledger, batches: Iterable[Batch]) -> None:
    """At open, before anything is read ahead: holds the sessions of these batches that wait."""
    holding = Holding(ledger)
    for batch in batches:
        if strict_session(batch.options):
            holding.look_through(batch)
    if holding.sessions:
        ledger.holding = holding


class Holding:
    """Which sessions wait for which replays."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.sessions: dict[SessionKey, set[ReplayKey]] = {}
        """None without a replay; guarded by `state`."""
        self.freed = False
        """Whether a commit let one go on, and nobody was told."""

    def look_through(self, batch: Batch) -> None:
        """Finds the parked replays of a batch."""
        store = self._ledger.store
        after = batch.first - 1
        while after < batch.last:
            looked_at = store.states(batch.number, after + 1, batch.last, _LOOKED_AT)
            for index, state in looked_at:
                awaited = None
                if state is ReplayState.INTERRUPTED:
                    awaited = self._awaited(batch.key(index))
                if awaited is not None:
                    (row,) = store.read_ahead(batch.number, index, index, 1)
                    self._hold((batch.number, row.session), awaited)
            after = looked_at[-1].flow_index if looked_at else batch.last

    def awaited_by(self, session: SessionKey) -> ReplayKey | None:
        """Tells for which replay a session waits; None: for none."""
        with self._ledger.state:
            return min(self.sessions.get(session, ()), default=None)

    def ended(self, finished: Iterable[Taken]) -> None:
        """Heeds outcomes that are durable. Call it with `state` held."""
        self._end({taken.entry.key for taken in finished})

    def look_again(self) -> None:
        """Heeds what was resolved, cleared, cancelled or removed."""
        ledger = self._ledger
        with ledger.writing:
            ledger.check_open()
            with ledger.state:
                found = {key for keys in self.sessions.values() for key in keys}
            awaited = {key: self._awaited(key) for key in found}
            with ledger.state:
                for keys in self.sessions.values():
                    others = {awaited[key] for key in keys if key in awaited}
                    keys.update(key for key in others if key is not None)
                self._end({key for key in found if awaited[key] != key})
                self.freed = False
        call_all(ledger.on_runnable)

    def _hold(self, session: SessionKey, awaited: ReplayKey) -> None:
        if session not in self.sessions:
            self._ledger.schedule.block(session)
        self.sessions.setdefault(session, set()).add(awaited)

    def _end(self, ended: set[ReplayKey]) -> None:
        for session, keys in list(self.sessions.items()):
            keys.difference_update(ended)
            if not keys:
                del self.sessions[session]
                self._ledger.schedule.free(session)
                self.freed = True

    def _awaited(self, key: ReplayKey) -> ReplayKey | None:
        """Tells which replay has to end, or to be resolved, before what waits for this one goes
        on; None: none. Call it with `writing` held, or at open.
        """
        store = self._ledger.store
        while True:
            batch = store.batch(key.batch_id)
            index = key.slot
            found = store.states(batch.number, index, index, 1) if batch else ()
            if batch is None or not found:
                return None
            state = state_of(batch, set(), index, found[0].state)
            if state is not ReplayState.INTERRUPTED:
                return key if state is ReplayState.QUEUED else None
            resolution = store.resolution(place_of(batch.number, index))
            if resolution is None:
                return key
            if not resolution.resent_as:
                return None
            key = key._replace(batch_id=resolution.resent_as)
