"""What the replay thread waits on: replays from the journal, and a mailbox.

Everybody else reaches the replay thread only here. Waking it is one byte in a pipe whose
other end lies in the thread's selector; wake-ups that nobody has seen yet are one.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from replayd.model.replay import Replay

Message = Callable[[], None]
"""Runs on the replay thread."""


class Source(Protocol):
    """As much of the journal as the queue needs."""

    def take(self, limit: int, now: int) -> list[Replay]:
        """Takes up to `limit` replays."""

    def on_runnable(self, callback: Callable[[], None]) -> None:
        """Calls back when there may be something to take."""

    @property
    def next_due(self) -> int | None:
        """When the next replay is due that waits for its time; None: none does."""


class _Asked:
    """A message whose sender waits for what comes of it."""

    def __init__(self, message: Message, missed: Callable[[], object]) -> None:
        self._message = message
        self.missed = missed

    def __call__(self) -> None:
        try:
            self._message()
        except BaseException:
            self.missed()
            raise


class ReplayQueue:
    """The queue of one replay thread.

    Any thread may `post` and `wake`; the rest is the replay thread's. What is announced
    needs no lock: a deque's ends are safe by themselves, and a flag is set after what it
    announces and cleared before that is looked for, so that nothing is missed.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.next_due: int | None = None
        """When it is worth to look again by itself, by the monotonic clock; None: never."""
        self._messages: deque[Message] = deque()
        self._runnable = True
        self._woken = False
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        # Guards the pipe's write end against being closed while somebody writes to it, and what
        # is asked against being put where nobody looks any more.
        self._pipe = threading.Lock()
        self._closed = False
        source.on_runnable(self.wake)

    def fileno(self) -> int:
        """Returns the descriptor that can be read once something was announced."""
        return self._read_end

    def wake(self) -> None:
        """There may be something to take. From any thread."""
        self._runnable = True
        self._announce()

    def post(self, message: Message) -> None:
        """Has a call made on the replay thread. From any thread; too late: forgotten."""
        self._messages.append(message)
        self._announce()

    def ask(self, message: Message, missed: Callable[[], object]) -> None:
        """Posts a message that somebody waits for; `missed` is called, on any thread, where it
        will never have run to its end: too late, or it raised. From any thread.
        """
        with self._pipe:
            closed = self._closed
            if not closed:
                self._messages.append(_Asked(message, missed))
        if closed:
            missed()
        else:
            self._announce()

    def freed(self) -> None:
        """A session was freed, or the journal works again: it is worth to look."""
        self._runnable = True

    @property
    def promising(self) -> bool:
        """Whether `take` would ask the journal."""
        return self._runnable

    def take(self, limit: int, now: int) -> list[Replay]:
        """Takes up to `limit` replays without blocking; asks the journal only when there
        may be some. Raises ReplaydError as the journal does.
        """
        if not self._runnable:
            return []
        self._runnable = False
        try:
            replays = self._source.take(limit, now)
        except BaseException:
            self._runnable = True
            raise
        if len(replays) == limit:
            self._runnable = True
        self.next_due = self._source.next_due
        return replays

    def messages(self) -> Iterator[Message]:
        """Takes what was posted, one by one; later posts announce themselves again."""
        with suppress(BlockingIOError):
            os.read(self._read_end, 4096)
        self._woken = False
        for _ in range(len(self._messages)):
            yield self._messages.popleft()

    def close(self) -> None:
        """Closes the pipe; what is announced later is forgotten, and who asked for something is
        told so. Idempotent.
        """
        with self._pipe:
            if self._closed:
                return
            self._closed = True
            os.close(self._read_end)
            os.close(self._write_end)
        for message in self._messages:
            if isinstance(message, _Asked):
                message.missed()

    def _announce(self) -> None:
        if self._woken:
            return
        self._woken = True
        # A full pipe is full of wake-ups, which will do.
        with self._pipe, suppress(BlockingIOError):
            if not self._closed:
                os.write(self._write_end, b"\0")
