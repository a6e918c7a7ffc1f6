"""The daemon's side of the filters' process: started for the first question, ended after a while
without any. One question at a time; one that ends the process is its asker's alone.
"""

import asyncio
import sys
from contextlib import suppress

from replayd.errors import ReplaydError
from replayd.matching.frames import HEADER, Question, Verdict, decode_answer, encode_question
from replayd.reasons import Reason

IDLE_SECONDS = 30.0
"""How long the process is kept without a question."""

CPU_SECONDS = 3
"""Processor time for one question: a page of events takes some milliseconds."""

MAX_FILTER = 2000
"""Characters of a filter."""


class FilterProcess:
    """Asks filters. Lives on one event loop."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._retire: asyncio.TimerHandle | None = None

    async def ask(self, question: Question) -> list[Verdict]:
        """Returns a verdict for each item.

        Raises ReplaydError INVALID_OPTIONS for a filter that is none, or takes too much.
        """
        if len(question.text) > MAX_FILTER:
            raise _refused(f"may have at most {MAX_FILTER} characters")
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

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            self._process = await asyncio.create_subprocess_exec(
                # -P: no module comes from the folder that the daemon happens to stand in.
                *(sys.executable, "-P", "-m", "replayd.matching.worker", str(CPU_SECONDS)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Out of reach of a terminal's Ctrl-C from its first moment.
                process_group=0,
            )
        except OSError as error:
            raise ReplaydError(
                Reason.DECODER_LIMIT,
                f"no process for filters can be started: {error}; try again later",
            ) from error
        return self._process

    async def _answered(
        self, process: asyncio.subprocess.Process, question: bytes
    ) -> tuple[bool, bytes]:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(question)
            await process.stdin.drain()
            good, length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
            return good, await process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise _refused(
                "takes too much time or memory; make its regular expressions simpler"
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
            assert process.stdin is not None
            process.stdin.close()

    async def _end(self) -> None:
        if self._retire is not None:
            self._retire.cancel()
            self._retire = None
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        # Whatever nobody read: asyncio does not notice the end of a process behind it.
        await process.stdout.read()
        await process.wait()


def _refused(what: str) -> ReplaydError:
    return ReplaydError(Reason.INVALID_OPTIONS, f"filter {what}", field="filter")
