"""How many replays may wait in the queue, and that calls that end together do not exceed it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from replayd.errors import ReplaydError
from replayd.reasons import Reason


class QueueRoom:
    """The room in the queue. Safe from any thread."""

    def __init__(self, queued: Callable[[], int], most: int) -> None:
        """`queued` counts what waits, without waiting for a disk; `most`: 0 is no limit."""
        self._queued = queued
        self._most = most
        self._coming = 0
        """Replays that are being queued just now."""
        self._lock = threading.Lock()

    def check(self, more: int = 1) -> None:
        """Raises ReplaydError QUEUE_FULL when there is no room for so many more."""
        queued = self._queued() + self._coming
        if self._most and queued + more > self._most:
            raise ReplaydError(
                Reason.QUEUE_FULL,
                f"{queued} replays are queued and {more} more would be over the daemon's "
                f"--max-queued of {self._most}; try again when some have run, or clear some",
                queued_count=queued,
                max_queued=self._most,
                new_count=more,
            )

    @contextmanager
    def taking(self, count: int) -> Iterator[None]:
        """Keeps room for so many until they are counted as queued; raises as `check` does."""
        with self._lock:
            if count:
                self.check(count)
            self._coming += count
        try:
            yield
        finally:
            with self._lock:
                self._coming -= count
