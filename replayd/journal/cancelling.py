"""Taking single replays off the queue. See `Journal`."""

from collections.abc import Iterable, Sequence

from replayd.codec.event import update_event
from replayd.errors import ReplaydError
from replayd.journal.batch import Batch
from replayd.journal.history import state_of
from replayd.journal.interface import Cancelled
from replayd.journal.ledger import Commit, Ledger
from replayd.journal.runs import Runs
from replayd.journal.store import ClearedRange, place_of
from replayd.model.event import UpdateKind
from replayd.model.replay import ReplayKey, ReplayState, joined, ranges_of
from replayd.reasons import Reason


class Cancelling:
    """Takes single replays off the queue."""

    def __init__(self, ledger: Ledger, runs: Runs) -> None:
        self._ledger = ledger
        self._runs = runs

    def cancel(self, keys: Sequence[ReplayKey], now: int) -> Cancelled:
        """Takes those that are QUEUED off the queue."""
        ledger = self._ledger
        states: dict[ReplayKey, ReplayState] = {}
        queued: list[tuple[Batch, list[int]]] = []
        before = ledger.latest

        def prepare(commit: Commit) -> None:
            nonlocal before
            before = commit.latest
            states.update((key, self._state(key)) for key in keys)
            queued.extend(self._queued(states))
            for batch, indices in queued:
                commit.count(batch, ReplayState.CLEARED, len(indices))
                commit.change.cleared += [
                    ClearedRange(batch.number, *each) for each in joined(indices)
                ]
                commit.log(
                    [
                        update_event(
                            UpdateKind.CLEARED,
                            now,
                            ranges=ranges_of(batch.batch_id, indices),
                            count=len(indices),
                            batch_id=batch.batch_id,
                        )
                    ]
                )

        def done() -> None:
            for batch, indices in queued:
                ledger.schedule.remove(place_of(batch.number, index) for index in indices)
                ledger.books.cancel(batch, indices)

        with self._runs.hold():
            ledger.commit(prepare, done)
        return Cancelled(tuple(states[key] for key in keys), before)

    def _state(self, key: ReplayKey) -> ReplayState:
        """What a replay is, with all that was handed over. Call it with `writing` held."""
        ledger = self._ledger
        batch = ledger.store.batch(key.batch_id)
        index = key.slot if key.slot >= 0 else None
        found = (
            ledger.store.states(batch.number, index, index, 1)
            if batch is not None and index is not None
            else ()
        )
        if batch is None or not found:
            raise ReplaydError(
                Reason.REPLAY_NOT_FOUND,
                f"no replay {key.replay_id!r}; ListReplays has the ids",
                replay_id=key.replay_id,
            )
        with ledger.state:
            taken = ledger.taken.get(key)
        if taken is not None:
            return taken.state
        return state_of(batch, set(), key.slot, found[0].state)

    def _queued(self, states: dict[ReplayKey, ReplayState]) -> Iterable[tuple[Batch, list[int]]]:
        """Which of them are QUEUED, by batch, in order."""
        found: dict[str, list[int]] = {}
        for key, state in states.items():
            if state is ReplayState.QUEUED:
                found.setdefault(key.batch_id, []).append(key.slot)
        for batch_id, indices in found.items():
            yield self._ledger.books.live[batch_id], sorted(indices)
