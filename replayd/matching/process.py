"""The daemon's side of the filters' processes: started for the first question, ended after a while
without any. One question at a time; one that ends its process is its asker's alone.

A filter that takes longer than others should wait for is asked in a second process from then on.
"""

import asyncio

from replayd.errors import FieldError
from replayd.matching.frames import Question, Verdict, decode_answer, encode_question
from replayd.workers.process import WorkerProcess
from replayd.workers.slow import SlowOnes

IDLE_SECONDS = 30.0
"""How long the process is kept without a question."""

CPU_SECONDS = 3.0
"""Processor time for one question: a page of events takes some milliseconds."""

QUICK_SECONDS = 0.25
"""The same, where others wait for it."""

_SLOW_FILTERS = 100
"""How many are known to be slow."""

MAX_FILTER = 2000
"""Characters of a filter."""


class TooMuchError(FieldError):
    """A filter takes too much time or memory."""


class FilterProcesses:
    """Asks filters. Lives on one event loop."""

    def __init__(self) -> None:
        self._quick, self._slow = FilterProcess(QUICK_SECONDS), FilterProcess(CPU_SECONDS)
        self._slow_filters = SlowOnes(_SLOW_FILTERS)

    async def ask(self, question: Question) -> list[Verdict]:
        """Returns a verdict for each candidate.

        Raises ReplaydError INVALID_OPTIONS for a filter that is none, or takes too much.
        """
        if question.text not in self._slow_filters:
            try:
                return await self._quick.ask(question)
            except TooMuchError:
                self._slow_filters.add(question.text)
        return await self._slow.ask(question)

    async def close(self) -> None:
        """Ends the processes."""
        await self._quick.close()
        await self._slow.close()


class FilterProcess:
    """One process, and those who wait for it."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: of processor time for each question."""
        self._seconds = seconds
        self._process: WorkerProcess | None = None
        self._turn = asyncio.Lock()
        self._retire: asyncio.TimerHandle | None = None

    async def ask(self, question: Question) -> list[Verdict]:
        """Returns a verdict for each candidate. Raises what `FilterProcesses.ask` does."""
        if len(question.text) > MAX_FILTER:
            raise FieldError("filter", f"may have at most {MAX_FILTER} characters")
        async with self._turn:
            process = self._process or await self._start()
            try:
                answer = await self._answered(process, encode_question(question))
            except BaseException:
                # Also a call that was given up: its answer would be taken for the next one's.
                await self._end()
                raise
            self._retire_later()
        return decode_answer(*answer)

    async def close(self) -> None:
        """Ends the process."""
        await self._end()

    async def _start(self) -> WorkerProcess:
        self._process = await WorkerProcess.start(
            "replayd.matching.worker", str(self._seconds), name="process for filters"
        )
        return self._process

    async def _answered(self, process: WorkerProcess, question: bytes) -> tuple[int, bytes]:
        try:
            await process.send(question)
            return await process.receive()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise TooMuchError(
                "filter", "takes too much time or memory; make its regular expressions simpler"
            ) from error

    def _retire_later(self) -> None:
        if self._retire is not None:
            self._retire.cancel()
        loop = asyncio.get_running_loop()
        self._retire = loop.call_later(IDLE_SECONDS, self._release)

    def _release(self) -> None:
        """Lets the process end by itself, unless it is asked just now."""
        process = self._process
        if process is not None and not self._turn.locked():
            self._process = None
            process.release()

    async def _end(self) -> None:
        if self._retire is not None:
            self._retire.cancel()
            self._retire = None
        process, self._process = self._process, None
        if process is not None:
            await process.end()
