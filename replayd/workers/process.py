"""A worker process as the daemon sees it: started, fed frames, heard, and ended."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Self

from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.workers.frames import HEADER

OUT_OF_REACH = 0
"""`process_group` of a worker: its own, so that no terminal's Ctrl-C finds it from its first
moment on."""


def command(module: str, argument: str) -> list[str]:
    """Returns what starts a worker. Everybody may see its argument: it holds no secret."""
    # -P: no module comes from the folder that the daemon happens to stand in.
    return [sys.executable, "-P", "-m", module, argument]


def wait_without_threads() -> None:
    """Has event loops that are run from now on hear of a process's end by a descriptor, where
    Linux has these: on Python 3.11 a thread for each process would wait for it. Later Pythons
    do so by themselves.

    Source: pidfd_open(2).
    """
    if sys.version_info >= (3, 12) or not hasattr(os, "pidfd_open"):
        return
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return  # Linux before 5.3, or a sandbox that does not know it.
    asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


class WorkerProcess:
    """A worker process. Lives on one event loop."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout

    @classmethod
    async def start(cls, module: str, argument: str, *, name: str, buffer: int = 64 << 10) -> Self:
        """Starts a process: spawned, not forked, for the daemon has threads. It is read ahead
        of by the bytes of `buffer`; `name` is what people call it.

        Raises ReplaydError DECODER_LIMIT when the system has no process to give.
        """
        try:
            return cls(
                await asyncio.create_subprocess_exec(
                    *command(module, argument),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=buffer,
                    process_group=OUT_OF_REACH,
                )
            )
        except OSError as error:
            raise ReplaydError(
                Reason.DECODER_LIMIT, f"no {name} can be started: {error}; try again later"
            ) from error

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def write(self, frames: bytes) -> None:
        """Sends frames, at the latest with the next ones that are waited for."""
        self._input.write(frames)

    async def send(self, frames: bytes) -> None:
        """Sends frames; waits while the pipe is full.

        Raises ConnectionError when the process has ended.
        """
        self._input.write(frames)
        await self._input.drain()

    async def receive(self) -> tuple[int, bytes]:
        """Returns the kind and the payload of the next frame.

        Raises asyncio.IncompleteReadError when the process ended before.
        """
        kind, length = HEADER.unpack(await self._output.readexactly(HEADER.size))
        return kind, await self._output.readexactly(length)

    async def wait(self) -> int:
        """Waits for its end; returns its exit code."""
        return await self._process.wait()

    def kill(self) -> None:
        """Ends the process at once, if it runs."""
        with suppress(ProcessLookupError):
            self._process.kill()

    def release(self) -> None:
        """Lets the process end by itself: it does when its input ends."""
        self._input.close()

    async def end(self) -> None:
        """Ends the process at once and waits until it is gone."""
        self.kill()
        self._input.close()
        # Whatever nobody read: asyncio does not notice the end of a process behind it.
        await self._output.read()
        await self._process.wait()
