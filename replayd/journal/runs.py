"""The replay thread's side: take, begin, finish. See `Journal`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from replayd.codec.event import log_event, outcome_event
from replayd.errors import JournalError
from replayd.journal.ahead import ReadAhead
from replayd.journal.batch import SessionKey
from replayd.journal.body import Content, SpoolBody
from replayd.journal.interface import Body, Running
from replayd.journal.ledger import Commit, Ledger, Taken, call_all
from replayd.journal.pacing import NEVER
from replayd.journal.schedule import Entry
from replayd.journal.store import Prepared, StoredReplay
from replayd.model.event import LogLevel, PendingEvent
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey, ReplayState
from replayd.reasons import Reason

if TYPE_CHECKING:
    from replayd.journal.stepping import Steps

CLAIM_AHEAD = 32
"""How many claimable replays one commit lets begin, or CLAIM_TURNS times those that run then;
at most that many (and what runs) are sent once more after a crash."""

CLAIM_TURNS = 4

_RUNNING = ReplayState.RUNNING


class Runs:
    """Replays on their way from the queue to their outcome."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ahead = ReadAhead(ledger)
        self._claimed: set[int] = set()
        """Places of first attempts whose intent is durable; guarded by `state`."""
        self._intents: set[int] = set()
        """Places of running replays with an intent of their own; guarded by `state`."""
        self._tell = partial(call_all, ledger.on_runnable)
        self._holds = 0
        """How many want nothing to be taken; guarded by `state`."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lets nothing be taken; the reading ahead waits for the commit anyway. Whoever wanted
        to take meanwhile got nothing, and is told when it is worth to try again.
        """
        with self._ledger.state:
            self._holds += 1
        try:
            yield
        finally:
            with self._ledger.state:
                self._holds -= 1
            call_all(self._ledger.on_runnable)

    def take(self, limit: int, now: int) -> list[Replay]:
        """Takes up to `limit` ready replays, oldest first."""
        ledger = self._ledger
        more = self._ahead.read(limit)
        with ledger.state:
            taken = [self._start(entry, now) for entry in self._pop(limit)]
        steps = ledger.steps
        try:
            replays = self._replays(taken, now)
            if len(replays) < len(taken):
                # Some ended here: nobody else knows that there is something to commit.
                ledger.commit()
        except JournalError:
            self._put_back(taken, steps)
            raise
        if steps is not None:
            with ledger.state:
                tell = steps.settle()
            tell()
        if more or len(replays) < len(taken):
            call_all(ledger.on_runnable)
        return replays

    def _pop(self, limit: int) -> list[Entry]:
        """Takes off the schedule what may be taken now."""
        ledger = self._ledger
        ledger.schedule.next_due = NEVER
        if self._holds or ledger.store.full:
            return []
        entries = ledger.steps.pop(limit) if ledger.steps is not None else []
        return entries if ledger.paused else entries + ledger.schedule.pop(limit - len(entries))

    def begin(self, replays: Iterable[Replay]) -> bool:
        """Makes the intents of taken replays durable."""
        ledger = self._ledger
        with ledger.state:
            begun = [ledger.taken[replay.key].entry for replay in replays]
            begun = [entry for entry in begun if not self._has_intent(entry)]
        if not begun:
            return False
        own = [entry for entry in begun if not entry.claimable]
        claims: set[int] = set()

        def prepare(commit: Commit) -> None:
            commit.change.replays += [
                StoredReplay(entry.place, ReplayState.RUNNING, entry.attempt) for entry in own
            ]
            if len(own) < len(begun):
                with ledger.state:
                    claims.update(self._claims(begun))
                commit.change.claims = sorted(claims)

        def done() -> None:
            self._intents.update(entry.place for entry in own)
            if claims:
                self._claimed = claims

        ledger.commit(prepare, done)
        return True

    def finish(
        self,
        key: ReplayKey,
        outcome: Outcome,
        events: Sequence[PendingEvent],
        body: Body | bytes | None = None,
    ) -> bool:
        """Hands over an outcome; True: more of its session waits."""
        content: Content = b""
        if isinstance(body, bytes):
            content = body
        elif body is not None:
            assert isinstance(body, SpoolBody), "made by new_body"
            content = body.seal(self._tell)
        ledger = self._ledger
        with ledger.state:
            taken = ledger.taken[key]
            if taken.state is not ReplayState.RUNNING:
                raise ValueError(f"{key.replay_id} was finished before")
            taken.state = outcome.state
            taken.content = content
            if events:
                taken.withheld = events[-1].withheld
            self._intents.discard(taken.entry.place)
            ledger.hand_over(events, taken)
            return ledger.schedule.free(taken.entry.session)

    def defer(self, keys: Iterable[ReplayKey], *, held: bool) -> list[SessionKey]:
        """Undoes the taking of replays that have not begun."""
        ledger = self._ledger
        sessions = []
        with ledger.writing, ledger.state:
            for key in keys:
                taken = ledger.taken.pop(key)
                ledger.books.stop(taken.batch)
                ledger.schedule.put_back(taken.entry, held=held)
                sessions.append(taken.entry.session)
        return sessions

    def let_go(self, sessions: Iterable[SessionKey]) -> None:
        """Lets held sessions be taken from again."""
        with self._ledger.state:
            for session in sessions:
                self._ledger.schedule.free(session)

    def emit(self, events: Sequence[PendingEvent]) -> None:
        """Hands over events that change nothing."""
        with self._ledger.state:
            self._ledger.hand_over(events)

    def running(self) -> list[Running]:
        """Lists what is RUNNING, oldest first."""
        with self._ledger.state:
            return [taken.running() for taken in self._ledger.taken.values()]

    def unclaim(self) -> None:
        """Commits, and gives up the claims of what has not begun: at a clean end nothing is
        in doubt but what still runs.
        """
        kept: set[int] = set()

        def prepare(commit: Commit) -> None:
            with self._ledger.state:
                kept.update(self._claimed & self._running_places())
            if self._claimed:
                commit.change.claims = sorted(kept)

        def done() -> None:
            self._claimed = kept

        self._ledger.commit(prepare, done, wait=True)

    # Intents

    def _has_intent(self, entry: Entry) -> bool:
        return entry.place in (self._claimed if entry.claimable else self._intents)

    def _claims(self, begun: Sequence[Entry]) -> set[int]:
        """Places of all first attempts that run or may begin soon without a commit."""
        places = {entry.place for entry in begun if entry.claimable}
        places |= self._claimed & self._running_places()
        sessions = [entry.session for entry in begun]
        # Where answers take their time few begin at once: those that run tell how many do soon.
        running = [each for each in self._ledger.taken.values() if each.state is _RUNNING]
        ahead = max(CLAIM_AHEAD, CLAIM_TURNS * len(running)) - len(begun)
        likely = self._ledger.schedule.likely_next(sessions, ahead)
        return places | {entry.place for entry in likely}

    def _running_places(self) -> set[int]:
        return {taken.entry.place for taken in self._ledger.taken.values()}

    # What sending takes

    def _start(self, entry: Entry, now: int) -> Taken:
        ledger = self._ledger
        taken = ledger.taken[entry.key] = Taken(entry.batch, entry, now)
        ledger.books.start(entry.batch)
        pacing = entry.timed_by
        if pacing is not None and pacing.falls_behind(entry.lag):
            ledger.hand_over([_behind(entry, now)])
        return taken

    def _put_back(self, taken: Iterable[Taken], steps: "Steps | None") -> None:
        """Undoes a take; what ended on the way stays ended."""
        ledger = self._ledger
        with ledger.writing, ledger.state:
            for each in taken:
                if each.state is ReplayState.RUNNING:
                    del ledger.taken[each.entry.key]
                    ledger.books.stop(each.batch)
                    ledger.schedule.put_back(each.entry)
            if steps is not None:
                steps.forget()

    def _replays(self, taken: Iterable[Taken], now: int) -> list[Replay]:
        replays = []
        loaded: dict[int, Prepared] = {}
        for each in taken:
            entry = each.entry
            prepared = entry.prepared or loaded.get(entry.place)
            if prepared is None:
                loaded.update((one.place, one) for one in self._ahead.prepare(each))
                prepared = loaded.get(entry.place, _missing(entry.place))
            if prepared.damaged:
                self._give_up(each, now)
            else:
                replay = entry.replay(prepared)
                if entry.timed_by is not None:
                    replay = replay._replace(lag=entry.lag)
                replays.append(replay)
        return replays

    def _give_up(self, taken: Taken, now: int) -> None:
        """Ends a replay whose row is damaged: one bad row must not stop the queue."""
        entry = taken.entry
        outcome = Outcome(
            ReplayState.FAILED,
            Timings(now),
            reason=Reason.INTERNAL,
            message="its row in the journal is damaged; enqueue the capture again",
        )
        replay = entry.replay(Prepared(entry.place, b"", b""))
        plan = Plan(b"", b"", Target("", "", 0), b"", flow_index=entry.key.flow_index)
        self.finish(entry.key, outcome, [outcome_event(replay, plan, outcome, now)])


def _behind(entry: Entry, now: int) -> PendingEvent:
    """Encodes that a batch does not keep up with its pace."""
    seconds = entry.lag / 1e9
    message = (
        f"the batch is {seconds:.1f} s behind its pace: its replays take longer than it gives, "
        "or wait for others or for their target"
    )
    return log_event(LogLevel.WARNING, message, now, batch_id=entry.key.batch_id, key=entry.key)


def _missing(place: int) -> Prepared:
    return Prepared(place, b"", None, damaged=True)
