"""Hands the messages of a call from the caller's thread to gRPC's.

gRPC reads a request iterator in a thread of its own and swallows what goes wrong there.
With an outbox between, files are read, generators run and callbacks called in the
thread of the caller, who sees their exceptions.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

_ROOM = 2
"""Messages that wait at most: one is sent while the next is made."""


class Outbox(Generic[T]):
    """An iterator that another thread fills."""

    def __init__(self, changed: threading.Condition | None = None) -> None:
        """`changed`: for whoever waits for other things too; an own one if not given."""
        # Guards everything below; nothing is called while it is held.
        self._changed = changed or threading.Condition()
        self._waiting: deque[T] = deque()
        self._closed = False
        self._asked_count = 0

    @property
    def reached(self) -> bool:
        """Whether the reader came back for a second message: the first one has left."""
        with self._changed:
            return self._asked_count > 1

    @property
    def has_room(self) -> bool:
        """Whether a message can be put without waiting; one that is closed has room for all."""
        with self._changed:
            return self._closed or len(self._waiting) < _ROOM

    def put(self, message: T) -> bool:
        """Passes one message on, once there is room; False: it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.has_room)
            if not self._closed:
                self._waiting.append(message)
                self._changed.notify_all()
            return not self._closed

    def fill(self, messages: Iterable[T]) -> None:
        """Passes all messages on as the reader takes them, then closes; stops when closed."""
        for message in messages:
            if not self.put(message):
                return
        self.close()

    def close(self) -> None:
        """Ends the iteration after what waits; `fill` returns. Any thread may call it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._asked_count += 1
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if not self._waiting:
                raise StopIteration
            self._changed.notify_all()
            return self._waiting.popleft()
