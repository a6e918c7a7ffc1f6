"""What a batch had learnt before this life of the daemon, read back from the journal in pieces; and
the replays that wait for it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from replayd.codec.outcome import decode_outcome
from replayd.codec.plan import decode_plan
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayKey
from replayd.reasons import Reason
from replayd.replay.deadlines import NEVER

_PIECE = 32
"""Answers that are read in one turn of the replay thread: some milliseconds."""


class Unread:
    """A replay that was taken and of which nothing happens until its batch's values are known."""

    deadline = NEVER

    def __init__(
        self, replay: Replay, plan: Plan, timings: Timings, cancelled: "Callable[[Unread], None]"
    ) -> None:
        """`cancelled` ends it, KILLED."""
        self.replay = replay
        self.plan = plan
        self.timings = timings
        self._cancelled = cancelled

    def on_deadline(self) -> None:
        """It has none."""

    def cancel(self) -> None:
        """Ends it, KILLED: nothing of it was sent."""
        self._cancelled(self)

    def abandon(self) -> None:
        """Leaves it on the queue: nothing of it was sent."""


class Learnt(NamedTuple):
    """An answer that gave something."""

    key: ReplayKey
    """Of the batch that learns it."""
    session: str
    plan: Plan
    outcome: Outcome


def learnt_before(journal: Journal, batch_id: str, plan: Plan) -> Iterator[list[Learnt]]:
    """Yields what a batch had learnt, and before it those whose replays it sends again, a piece at
    a time. `plan`: of one of its replays. Raises as the journal does.
    """
    batches = [batch_id]
    while (origin := _origin_of(plan)) and origin not in batches:
        batches.append(origin)
        try:
            first = journal.history(origin, -1, 1)
        except ReplaydError:
            break  # Retention has removed it.
        plan = decode_plan(first[0].plan)
    for each in reversed(batches):
        yield from _learnt_by(journal, each, batch_id)


def _learnt_by(journal: Journal, source: str, batch_id: str) -> Iterator[list[Learnt]]:
    try:
        if not journal.count(source).succeeded:
            return
        after = -1
        while page := journal.withheld(source, after, _PIECE):
            found = []
            for key, session, plan, event, withheld in page:
                outcome = decode_outcome(event, withheld)
                if outcome.live_values:
                    here = key._replace(batch_id=batch_id)
                    found.append(Learnt(here, session, decode_plan(plan), outcome))
            yield found
            after = page[-1].key.slot
    except ReplaydError as error:
        if error.reason is not Reason.BATCH_NOT_FOUND:
            raise


def _origin_of(plan: Plan) -> str:
    """The batch of the replay that one sends again; empty: it sends none again."""
    replay_id = plan.resends_replay_id
    return ReplayKey.parse(replay_id).batch_id if replay_id else ""
