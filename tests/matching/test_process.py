"""The process is there when it is asked; what ends it is its asker's alone."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from unittest.mock import patch

import pytest

from replayd.errors import ReplaydError
from replayd.matching import process
from replayd.matching.frames import Candidate, Question, Verdict
from replayd.matching.process import CPU_SECONDS, MAX_FILTER, FilterProcess, FilterProcesses
from replayd.reasons import Reason
from tests.matching.replays import asked
from tests.rpc.harness import DEADLINE

ASKED = [Candidate(asked().SerializeToString())]
GOOD = Question("~m POST", ASKED)
LONG = asked()
LONG.request.content = b"a" * 60
ENDLESS = Question("~bq '(a|aa)*!'", [Candidate(LONG.SerializeToString())])


def run(test: Callable[[FilterProcess], Awaitable[None]]) -> None:
    async def hold() -> None:
        filters = FilterProcess(CPU_SECONDS)
        try:
            async with asyncio.timeout(DEADLINE):
                await test(filters)
        finally:
            await filters.close()

    asyncio.run(hold())


def test_it_is_started_once_and_goes_when_it_is_idle() -> None:
    async def test(filters: FilterProcess) -> None:
        assert await filters.ask(GOOD) == [Verdict.YES]
        first = filters._process
        assert first is not None
        assert await filters.ask(Question("~m GET", ASKED)) == [Verdict.NO]
        assert filters._process is first
        with patch.object(process, "IDLE_SECONDS", 0):
            await filters.ask(GOOD)
        assert await first.wait() == 0
        assert filters._process is None

    run(test)


def test_what_takes_too_long_ends_its_own_question_alone() -> None:
    async def test(_: FilterProcess) -> None:
        filters = FilterProcess(0.1)
        results = await asyncio.gather(
            filters.ask(ENDLESS), filters.ask(GOOD), return_exceptions=True
        )
        await filters.close()
        assert isinstance(results[0], ReplaydError)
        assert results[0].reason is Reason.INVALID_OPTIONS
        assert "too much time" in results[0].message
        assert results[1] == [Verdict.YES]

    run(test)


def test_a_slow_filter_is_asked_where_others_need_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "QUICK_SECONDS", 0.1)
    monkeypatch.setattr(process, "CPU_SECONDS", 0.2)
    monkeypatch.setattr(process, "_SLOW_FILTERS", 1)
    asked_of: list[float] = []
    ask = FilterProcess.ask

    async def noted(self: FilterProcess, question: Question) -> list[Verdict]:
        asked_of.append(self._seconds)
        return await ask(self, question)

    monkeypatch.setattr(FilterProcess, "ask", noted)

    async def test(_: FilterProcess) -> None:
        filters = FilterProcesses()
        with pytest.raises(ReplaydError, match="too much time"):
            await filters.ask(ENDLESS)
        assert await filters.ask(GOOD) == [Verdict.YES]
        assert await filters.ask(ENDLESS._replace(candidates=ASKED)) == [Verdict.NO]
        assert asked_of == [0.1, 0.2, 0.1, 0.2]
        # So many are known.
        other = ENDLESS._replace(text=ENDLESS.text + " ")
        for question in (other, ENDLESS._replace(candidates=ASKED)):
            with suppress(ReplaydError):
                await filters.ask(question)
        assert asked_of[4:] == [0.1, 0.2, 0.1]
        await filters.close()

    run(test)


def test_what_is_given_up_is_not_answered_to_the_next_one() -> None:
    async def test(filters: FilterProcess) -> None:
        await filters.ask(GOOD)
        asking = asyncio.ensure_future(filters.ask(ENDLESS))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await filters.ask(GOOD) == [Verdict.YES]

    run(test)


def test_a_filter_that_is_too_long_asks_nobody() -> None:
    async def test(filters: FilterProcess) -> None:
        with pytest.raises(ReplaydError, match=f"at most {MAX_FILTER} characters"):
            await filters.ask(Question("x" * (MAX_FILTER + 1), []))
        assert filters._process is None

    run(test)


def test_a_system_without_processes_is_told() -> None:
    async def test(filters: FilterProcess) -> None:
        with (
            patch("asyncio.create_subprocess_exec", side_effect=OSError("none left")),
            pytest.raises(ReplaydError, match="none left") as caught,
        ):
            await filters.ask(GOOD)
        assert caught.value.reason is Reason.DECODER_LIMIT

    run(test)
