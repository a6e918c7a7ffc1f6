"""The live values of batches under way: puts them into requests before those are announced, and
learns new ones from answers before those are recorded.

What was learnt is part of an answer's event, and so commits with its outcome: of a batch that
it meets in the middle, after a restart, the replay thread reads it back from the journal.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from replayd.codec.comparison import answer_message
from replayd.codec.plan import encode_plan
from replayd.codings import unpacked
from replayd.errors import ReplaydError
from replayd.journal.interface import Body, Journal
from replayd.live.scope import Scope, found, looked_through, sources_of
from replayd.live.sources import CONTENT_LIMIT, work
from replayd.model.outcome import Note, Outcome, ResponseHead
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayKey
from replayd.queue import Message
from replayd.reasons import Reason
from replayd.replay.clock import Clock
from replayd.replay.unread import Learnt, learnt_before

if TYPE_CHECKING:
    from replayd.comparer.comparer import Comparer
    from replayd.replay.exchange import Exchange

AT_ONCE = 2_000_000
"""Steps of `work` that are done on the replay thread: they take 10 ms at the worst. Others take
longer, and processes of their own."""

MAX_BYTES = 32 << 20
"""Of values and cookies, of all batches; what was used longest ago goes."""

_SECOND = 1_000_000_000

_logger = logging.getLogger(__name__)

_ScopeKey = tuple[str, int, str]
"""Batch, repeat and session: those that share values are one session."""


class LiveValues:
    """Of the replay thread alone."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        comparer: Callable[[], Comparer] | None = None,
        *,
        post: Callable[[Message], None],
        read: Callable[[str, Exception | None], None],
    ) -> None:
        """`comparer` is called for each answer that takes long to be looked through (None: it is
        done here); `post` has something called on this thread, later and from any; `read` is told
        of a batch that it is known from now on, or can't be, and why.
        """
        self._journal = journal
        self._clock = clock
        self._comparer = comparer
        self._post = post
        self._read = read
        self._scopes: OrderedDict[_ScopeKey, Scope] = OrderedDict()
        """Those used longest ago first."""
        self._size = 0
        self._reading: dict[str, Iterator[list[Learnt]]] = {}
        """Batches that are being read back: what is left of that."""
        self._known: set[str] = set()
        """Batches of which everything that was learnt is here."""

    def put_in(self, replay: Replay, plan: Plan) -> tuple[Replay, Plan]:
        """Returns a replay with the values of now in its request, once its batch is known."""
        scope = self._scope(replay.key, replay.session)
        edited = scope.edited(plan, replay.request_content, self._clock.wall() / _SECOND)
        if edited.plan.changes == plan.changes:
            return replay, edited.plan
        return replay._replace(
            # What may be shown of it is not known any more.
            plan=encode_plan(edited.plan),
            shown_plan=None,
            shown_content=None,
            request_content=edited.content,
        ), edited.plan

    def learns(
        self, exchange: Exchange, outcome: Outcome, body: Body | None, *, at_once: bool
    ) -> bool:
        """Takes what an answer gave, and notes it in the outcome; True: that takes long, so that it
        is done elsewhere, and the exchange is told later (`Exchange.hear_values`). `at_once`: or
        not at all.
        """
        replay, plan = exchange.replay, exchange.plan
        assert outcome.head is not None
        sources, content, headers = sources_of(plan), b"", outcome.head.headers
        if sources and body is not None and outcome.websocket is None:
            content = unpacked(_beginning(body), headers, CONTENT_LIMIT)
        if self._comparer is None or work(sources, headers, content) <= AT_ONCE:
            self.learn(replay, plan, outcome, looked_through(sources, headers, content))
            return False
        if at_once:
            self.learn(replay, plan, outcome, None)
            return False
        from replayd.comparer.comparer import Look  # noqa: PLC0415 - few answers take long

        def done(answered: list[list[bytes]] | None) -> None:
            learn = partial(self.learn, replay, plan, outcome, answered)
            self._post(partial(exchange.hear_values, learn))

        exchange.part()
        head = answer_message(outcome.head, ())
        self._comparer().ask(Look(replay.key, sources, head, content, done))
        return True

    def learn(
        self,
        replay: Replay,
        plan: Plan,
        outcome: Outcome,
        answered: Sequence[Sequence[bytes]] | None,
    ) -> None:
        """Takes what an answer has at the sources of the plan, and its cookies, and notes it in the
        outcome. None: nobody knows what it has there.
        """
        assert outcome.head is not None
        carried = found(plan, [()] * len(sources_of(plan)) if answered is None else answered)
        scope = self._scope(replay.key, replay.session)
        before = scope.size
        now = self._clock.wall() / _SECOND
        outcome.live_values = scope.learn(plan, outcome.head.headers, carried, now)
        missing = dict.fromkeys(each.source for each in carried if not each.value)
        outcome.notes = [
            *outcome.notes,
            *(
                Note(_missing(source, outcome.head, answered), Reason.VALUE_MISSING)
                for source in missing
            ),
        ]
        self._size += scope.size - before
        if self._size > MAX_BYTES:
            self._drop_oldest()
            outcome.notes.append(
                Note(
                    f"live values of more than {MAX_BYTES} bytes: those of the sessions that were "
                    "used longest ago are forgotten",
                    Reason.VALUE_MISSING,
                )
            )

    def _scope(self, key: ReplayKey, session: str) -> Scope:
        place = (key.batch_id, key.repeat, session)
        scope = self._scopes.get(place)
        if scope is None:
            scope = self._scopes[place] = Scope()
        else:
            self._scopes.move_to_end(place)
        return scope

    def _drop_oldest(self) -> None:
        while self._size > MAX_BYTES and len(self._scopes) > 1:
            _, scope = self._scopes.popitem(last=False)
            self._size -= scope.size

    def knows(self, replay: Replay, plan: Plan) -> bool:
        """Tells whether everything is known that the batch of a replay had learnt, and before it
        those whose replays it sends again. If not, it is read back in turns with all else, and
        `read` hears of it. `plan`: the replay's. Raises as the journal does.
        """
        batch_id = replay.key.batch_id
        if batch_id in self._known:
            return True
        if batch_id in self._reading:
            return False
        for known in [*self._known]:
            if self._has_ended(known):
                self._forget(known)
        self._reading[batch_id] = learnt_before(self._journal, batch_id, plan)
        if self._read_on(batch_id):
            return True
        self._post(partial(self._read_more, batch_id))
        return False

    def _read_more(self, batch_id: str) -> None:
        failure = None
        try:
            if not self._read_on(batch_id):
                self._post(partial(self._read_more, batch_id))
                return
        except Exception as error:
            _logger.exception("what batch %s had learnt can't be read back", batch_id)
            failure = error
        self._read(batch_id, failure)

    def _read_on(self, batch_id: str) -> bool:
        """Reads some more; True: that was all."""
        try:
            piece = next(self._reading[batch_id], None)
            for learnt in piece or ():
                self._learn_again(*learnt)
        except BaseException:
            # From its beginning once more, for the next replay.
            del self._reading[batch_id]
            raise
        self._drop_oldest()
        if piece is not None:
            return False
        del self._reading[batch_id]
        self._known.add(batch_id)
        return True

    def _learn_again(self, key: ReplayKey, session: str, plan: Plan, outcome: Outcome) -> None:
        assert outcome.head is not None
        carried = [each for each in outcome.live_values if not each.source.startswith("cookie:")]
        scope = self._scope(key, session)
        before = scope.size
        answered = outcome.timings.start + (outcome.timings.total or 0)
        scope.learn(plan, outcome.head.headers, carried, answered / _SECOND)
        self._size += scope.size - before

    def _has_ended(self, batch_id: str) -> bool:
        try:
            return self._journal.count(batch_id).idle
        except ReplaydError:
            return True  # Retention has removed it.

    def _forget(self, batch_id: str) -> None:
        self._known.remove(batch_id)
        for place in [place for place in self._scopes if place[0] == batch_id]:
            self._size -= self._scopes.pop(place).size


def _missing(source: str, head: ResponseHead, answered: object) -> str:
    if answered is None:
        what = "this one could not be looked through for it in time"
    else:
        what = f"this one (status {head.status_code}) has none"
    return f"the recorded answer has a value at {source}, {what}: later requests keep what they had"


def _beginning(body: Body) -> bytes:
    beginning = bytearray()
    for piece in body.pieces():
        beginning += piece
        if len(beginning) >= CONTENT_LIMIT:
            break
    return bytes(beginning[:CONTENT_LIMIT])
