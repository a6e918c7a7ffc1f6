"""One hook: its open questions, its deadline, and what stands for an answer that never comes.

A hook that was late is asked nothing for a while, unless it says something: one that never
answers costs its deadline once in that time, not once a replay.
"""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from replayd.filters import Matcher, Subject
from replayd.hooks.words import Answer, HookPoint, HookSettings, Lost, Proceed, Question
from replayd.reasons import Reason

_REST = 10
"""Deadlines for which a hook that was late is not asked."""

_UNPACKED_LIMIT = 1 << 20
"""Bytes of a content that are unpacked for a filter."""


class Call(NamedTuple):
    """A question to one hook."""

    call_id: int
    question: Question
    answer: "asyncio.Future[Answer]"


class Hook:
    """A registered hook. Of the event loop."""

    def __init__(self, settings: HookSettings) -> None:
        self.settings = settings
        self._filtering = ThreadPoolExecutor(1, "hook-filter")
        """Where its filter, if it has one, is asked: that may take long, and is no other's loss."""
        self.gone = False
        """Its client has gone: it decides nothing more."""
        self.asked = asyncio.Event()
        """There are calls to take, or it has gone."""
        self._open: dict[int, Call] = {}
        self._outbox: deque[Call] = deque()
        self._last_id = 0
        self._asked_again = 0.0

    @property
    def name(self) -> str:
        """What logs and events name it by."""
        return self.settings.name

    def wants(self, point: HookPoint) -> bool:
        """Whether it is to be asked at a point, if its filter matches."""
        return point in self.settings.points

    async def ask(self, question: Question) -> Answer:
        """Asks, and waits for the answer: Proceed, where its filter does not match; Lost: there
        is none, whoever is to blame.
        """
        loop = asyncio.get_running_loop()
        deadline = self.settings.deadline
        if self.settings.matches is not None:
            decided = await self._filtered(self.settings.matches, question)
            if decided is not None:
                return decided
        if self.gone:
            # While others were asked: it was there when the replay was taken.
            return self._lost()
        if loop.time() < self._asked_again:
            return Lost(
                Reason.HOOK_LATE, f"the hook {self.name} was late and has said nothing since"
            )
        self._last_id += 1
        call = Call(self._last_id, question, loop.create_future())
        self._open[call.call_id] = call
        self._outbox.append(call)
        self.asked.set()
        late = loop.call_later(deadline, self._late, call)
        try:
            return await call.answer
        finally:
            late.cancel()
            del self._open[call.call_id]

    async def _filtered(self, matches: Matcher, question: Question) -> Answer | None:
        """Returns what its filter decides; None: it is to be asked."""

        def matched() -> bool:
            return matches(Subject(question.flow, _UNPACKED_LIMIT))

        deadline = self.settings.deadline
        matching = asyncio.get_running_loop().run_in_executor(self._filtering, matched)
        try:
            async with asyncio.timeout(deadline):
                if not await matching:
                    return Proceed()
        except TimeoutError:
            said = f"the filter of the hook {self.name} was not through within {deadline:g} s"
            return Lost(Reason.HOOK_LATE, said)
        return None

    def _lost(self) -> Lost:
        return Lost(Reason.HOOK_GONE, f"the client of the hook {self.name} went away")

    def _late(self, call: Call) -> None:
        if call.answer.done():
            return
        said = f"the hook {self.name} did not answer within {self.settings.deadline:g} s"
        call.answer.set_result(Lost(Reason.HOOK_LATE, said))
        loop = asyncio.get_running_loop()
        self._asked_again = loop.time() + _REST * self.settings.deadline

    # The client's side

    def take(self) -> Call | None:
        """Takes the next call that is to be sent; None: there is none."""
        while self._outbox:
            call = self._outbox.popleft()
            if not call.answer.done():
                return call
        self.asked.clear()
        if self.gone:
            self.asked.set()
        return None

    def question(self, call_id: int) -> Question | None:
        """Returns what an answer is about; None: nobody waits for it any more."""
        call = self._open.get(call_id)
        return None if call is None or call.answer.done() else call.question

    def heard(self) -> None:
        """Its client says something: it is there."""
        self._asked_again = 0.0

    def hear(self, call_id: int, answer: Answer) -> None:
        """Takes the answer to a question that somebody waits for."""
        self._open[call_id].answer.set_result(answer)

    def end(self) -> None:
        """Its client has gone: all that it was asked is decided at once. Idempotent."""
        self.gone = True
        self.asked.set()
        self._filtering.shutdown(wait=False)
        for call in self._open.values():
            if not call.answer.done():
                call.answer.set_result(self._lost())
