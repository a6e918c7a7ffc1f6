"""One hook: answers, deadlines, the rest after one, and its client's end. Time is made up."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from replayd.filters import Subject, compile_filter
from replayd.hooks.hook import Hook
from replayd.hooks.words import Answer, Lost, Proceed
from replayd.reasons import Reason
from tests.hooks.questions import question, settings
from tests.support.processes import DEADLINE

LOST = Lost(Reason.HOOK_INVALID, "no answer")


class Loop(asyncio.SelectorEventLoop):
    """A loop whose clock goes at once to what is waited for."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.ahead += max(self._scheduled[0]._when - self.time(), 0)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(test())


async def answered(hook: Hook, answer: Answer) -> Answer:
    """Asks, and answers as soon as the question is taken."""
    asking = asyncio.create_task(hook.ask(question()))
    while (call := hook.take()) is None:
        await hook.asked.wait()
    hook.hear(call.call_id, answer)
    return await asking


def test_an_answer_decides() -> None:
    async def test() -> None:
        hook = Hook(settings())
        assert await answered(hook, Proceed()) == Proceed()
        assert hook.take() is None
        assert not hook.asked.is_set()

    run(test)


def test_answers_may_come_in_any_order() -> None:
    async def test() -> None:
        hook = Hook(settings())
        asking = [asyncio.create_task(hook.ask(question())) for _ in range(3)]
        await hook.asked.wait()
        calls = [hook.take() for _ in range(3)]
        for call in reversed(calls):
            assert call is not None
            hook.hear(call.call_id, Lost(Reason.HOOK_INVALID, str(call.call_id)))
        assert [await each for each in asking] == [
            Lost(Reason.HOOK_INVALID, str(n)) for n in (1, 2, 3)
        ]

    run(test)


def test_one_that_is_late_is_not_asked_for_ten_deadlines() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        hook, begun = Hook(settings(deadline=2.0)), loop.time()
        late = await hook.ask(question())
        assert late == Lost(Reason.HOOK_LATE, "the hook h did not answer within 2 s")
        waited = loop.time()
        assert 2 <= waited - begun < 3
        for _ in range(5):
            again = await hook.ask(question())
            assert isinstance(again, Lost)
            assert "has said nothing since" in again.message
        assert loop.time() - waited < 1
        assert isinstance(loop, Loop)
        loop.ahead += 20
        assert await answered(hook, Proceed()) == Proceed()

    run(test)


def test_one_that_says_something_is_asked_again() -> None:
    async def test() -> None:
        hook = Hook(settings(deadline=2.0))
        await hook.ask(question())
        hook.heard()
        assert await answered(hook, Proceed()) == Proceed()

    run(test)


def test_a_question_that_is_decided_is_not_sent_any_more() -> None:
    async def test() -> None:
        hook = Hook(settings())
        await hook.ask(question())
        assert hook.take() is None
        assert hook.question(1) is None

    run(test)


def test_the_end_of_its_client_decides_all_at_once() -> None:
    async def test() -> None:
        hook = Hook(settings())
        asking = [asyncio.create_task(hook.ask(question())) for _ in range(3)]
        await hook.asked.wait()
        hook.end()
        lost = Lost(Reason.HOOK_GONE, "the client of the hook h went away")
        assert [await each for each in asking] == [lost] * 3
        assert hook.asked.is_set(), "whoever waits for questions learns of it"

    run(test)


def test_it_is_asked_about_what_its_filter_matches_alone() -> None:
    async def test() -> None:
        other = Hook(settings(matches=compile_filter("~u /other", linear=True)))
        assert await other.ask(question()) == Proceed()
        same = Hook(settings(matches=compile_filter("~m get", linear=True)))
        assert await answered(same, LOST) == LOST
        other.end()
        same.end()

    asyncio.run(test())


def test_a_filter_that_is_not_through_holds_up_nobody_and_costs_the_deadline() -> None:
    through = threading.Event()

    def endless(_: Subject) -> bool:
        return through.wait(DEADLINE)

    async def test() -> None:
        hook = Hook(settings(deadline=0.01, matches=endless))
        other = Hook(settings(matches=compile_filter("~u /other", linear=True)))
        try:
            said = "the filter of the hook h was not through within 0.01 s"
            assert await hook.ask(question()) == Lost(Reason.HOOK_LATE, said)
            assert await other.ask(question()) == Proceed()
        finally:
            through.set()
            hook.end()
            other.end()

    asyncio.run(test())


def test_the_end_of_its_client_decides_what_its_filter_is_asked_about() -> None:
    async def test() -> None:
        hook = Hook(settings(matches=compile_filter("~all")))
        asking = asyncio.create_task(hook.ask(question()))
        await asyncio.sleep(0)
        hook.end()
        assert await asking == Lost(Reason.HOOK_GONE, "the client of the hook h went away")

    asyncio.run(test())
