"""A copy of the journal while it is used: see `Journal.back_up`.

The store is held for about a millisecond at a time, and left to others for as long. Retention
removes no batch meanwhile: the copy names their files before it has them.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from replayd.errors import ReplaydError
from replayd.journal.ledger import Ledger
from replayd.journal.store import StoreCopy
from replayd.reasons import Reason

_SLICE = 0.001
"""Seconds that others wait for the store, and then have it for themselves."""

Progress = Callable[[int, int], None]


class Copying:
    """Makes one copy at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._one = threading.Lock()
        """Held as long as a copy is being made."""
        self._ending = False

    def back_up(self, new_dir: Path, progress: Progress) -> int:
        """Copies the journal; returns the copy's bytes."""
        if not self._one.acquire(blocking=False):
            raise ReplaydError(
                Reason.REQUEST_IN_PROGRESS, "a copy of the journal is being made; wait for its end"
            )
        try:
            return self._copy(new_dir, progress)
        finally:
            self._ledger.copying = False
            self._one.release()

    def end(self) -> None:
        """Has a copy that is being made given up, and waits for that. Nothing comes after it."""
        self._ending = True
        self._one.acquire()

    def _copy(self, new_dir: Path, progress: Progress) -> int:
        ledger = self._ledger
        with ledger.writing:
            ledger.check()
            total = ledger.store.size().used
            ledger.copying = True
        copy = ledger.store.begin_copy(new_dir, total)

        def tell() -> None:
            if self._ending:
                raise ReplaydError(Reason.DAEMON_STOPPING, "the daemon is stopping")
            progress(copy.copied, max(total, copy.copied))

        try:
            tell()
            done = False
            while not done:
                done = self._step(copy)
                tell()
            return copy.finish(tell)
        except BaseException:
            with ledger.writing:
                copy.release()
            copy.remove()
            raise

    def _step(self, copy: StoreCopy) -> bool:
        """Copies for a slice of time, and rests as long; True: it was the last step."""
        with self._ledger.writing:
            self._ledger.check()
            began = time.monotonic()
            done = copy.step()
            while not done and time.monotonic() - began < _SLICE:
                done = copy.step()
            took = time.monotonic() - began
        time.sleep(max(took, _SLICE))
        return done
