"""How the replay thread asks hooks: it hands over, goes on with others, and is told by mail.

Loaded with the first hook. Of the replay thread.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from replayd.hooks.chain import Hooks
from replayd.hooks.words import (
    NOTHING,
    Content,
    End,
    HookPoint,
    Record,
    Respond,
    Send,
    collected,
    head_of,
)
from replayd.journal.interface import Body, Journal
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.outcome import HookMarks, Note, Outcome, Timings
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayState
from replayd.queue import Message
from replayd.reasons import Reason
from replayd.replay.deadlines import NEVER
from replayd.replay.exchange import Exchange


class Held:
    """A replay that was taken and of which nothing happens until hooks have decided."""

    deadline = NEVER
    begun = 0
    """Monotonic nanoseconds at which it was taken."""

    def __init__(self, hooking: "Hooking", replay: Replay, plan: Plan, timings: Timings) -> None:
        self.hooking = hooking
        """Who asked: by the end there may be nobody to ask."""
        self.replay = replay
        self.plan = plan
        self.timings = timings

    def on_deadline(self) -> None:
        """It has none: hooks have deadlines of their own."""

    def cancel(self) -> None:
        """Ends it, KILLED: nothing of it was sent."""
        said = "it was cancelled while it waited for hooks; nothing was sent"
        self.hooking.decided(self, End(ReplayState.KILLED, Reason.CANCELLED, said))

    def abandon(self) -> None:
        """Leaves it on the queue: nothing of it was sent."""


class Made(NamedTuple):
    """What hooks made of an outcome."""

    outcome: Outcome
    body: Body | None = None
    """The response's content in place of what it was; None: it is as it was."""
    ends: bool = False
    """It is another end than it was: who waits for those is asked."""


class Hooking:
    """Asks hooks, and makes of what they say what the thread goes on with."""

    def __init__(
        self,
        hooks: Hooks,
        journal: Journal,
        post: Callable[[Message], None],
        decided: Callable[[Held, Send | Respond | End], None],
    ) -> None:
        """`decided` is called on this thread with what `holds` has had decided."""
        self._hooks = hooks
        self._journal = journal
        self._post = post
        self.decided = decided

    @property
    def waiting(self) -> bool:
        """Whether a required hook is not there: nothing is sent until it is."""
        return bool(self._hooks.missing)

    def holds(self, replay: Replay, plan: Plan, timings: Timings) -> Held | None:
        """Asks about a request; None: nobody is to be asked."""
        if not self._hooks.wanted(HookPoint.REQUEST):
            return None
        held = Held(self, replay, plan, timings)
        self._hooks.at_request(
            replay, plan, lambda verdict: self._post(partial(self.decided, held, verdict))
        )
        return held

    def asks(self, exchange: Exchange, outcome: Outcome) -> bool:
        """Asks about an outcome, if anybody is to be asked: `exchange.hear` is told. Whoever
        cancelled a replay waits for its end, so that hooks are told of it alone.
        """
        succeeded = outcome.state is ReplayState.SUCCEEDED
        if not self._hooks.wanted(HookPoint.RESPONSE if succeeded else HookPoint.ERROR):
            return False
        if outcome.reason is Reason.CANCELLED:
            replay, plan = exchange.replay, exchange.plan
            self._hooks.at_end(replay, plan, outcome, (NOTHING, NOTHING), lambda _: None)
            return False
        exchange.part()
        content = NOTHING
        if exchange.body is not None and outcome.websocket is None:
            content = collected(exchange.body)
        self._hooks.at_end(
            exchange.replay,
            exchange.plan,
            outcome,
            (exchange.sends, content),
            lambda verdict: self._post(partial(exchange.hear, outcome, verdict)),
        )
        return True

    def made(self, outcome: Outcome, verdict: Record | End) -> Made:
        """Returns what becomes of an outcome. An end that is none of success stays what it is."""
        notes = [*outcome.notes, *verdict.notes]
        if outcome.state is not ReplayState.SUCCEEDED:
            return Made(replace(outcome, notes=notes))
        if isinstance(verdict, End):
            return Made(_ended(outcome, verdict, notes), ends=True)
        if verdict.response is None:
            return Made(replace(outcome, notes=notes))
        changed = replace(
            outcome,
            notes=notes,
            head=head_of(verdict.response),
            trailers=verdict.response.trailers,
            hooked=(outcome.hooked or HookMarks())._replace(changing=verdict.changing),
        )
        if verdict.content is None:
            return Made(changed)
        body = self._body(verdict.content)
        changed.content_prefix, changed.content_size = body.prefix(PREVIEW_LIMIT), body.size
        return Made(changed, body)

    def settled(
        self, held: Held, verdict: Respond | End, now: int
    ) -> tuple[Send, Outcome, Body | None]:
        """Returns what would have been sent of a replay that nothing is sent of, how it ends,
        and its response's content. `now`: nanoseconds since the epoch.
        """
        held.timings.total = now - held.timings.start
        outcome = Outcome(ReplayState.SUCCEEDED, held.timings, notes=[*verdict.notes])
        if isinstance(verdict, End):
            ended = _ended(outcome, verdict, outcome.notes)
            return Send(held.replay, held.plan), ended, None
        body = self._body(verdict.content)
        outcome.head, outcome.trailers = verdict.head, verdict.trailers
        outcome.hooked = HookMarks(answering=verdict.hook)
        outcome.content_prefix, outcome.content_size = body.prefix(PREVIEW_LIMIT), body.size
        return Send(verdict.replay, verdict.plan, verdict.request_content), outcome, body

    def _body(self, content: Content) -> Body:
        if content.body is not None:
            return content.body
        body = self._journal.new_body()
        body.write(content.data or b"")
        return body


def _ended(outcome: Outcome, end: End, notes: list[Note]) -> Outcome:
    return replace(outcome, state=end.state, reason=end.reason, message=end.message, notes=notes)
