"""The thread that keeps the journal to its limits, a slice at a time, and heeds a full disk.

Others wait for the store only while a slice is removed, and get it for as long before the
next one: what is removed is hardly noticed, and still goes faster than it came.
"""

import logging
import threading
import time
from collections.abc import Iterator

from replayd.codec.event import log_event
from replayd.errors import JournalError
from replayd.journal.interface import Journal, Limits, Removed
from replayd.model.event import LogLevel
from replayd.reasons import Reason

LOOK_SECONDS = 5.0
"""How often it looks. A journal outgrows its size by what comes meanwhile."""

ROOM_SECONDS = 1.0
"""How often it looks whether the disk is full or has room again, which costs next to nothing."""

_MIN_REST = 0.001
_MAX_REST = 0.01
"""Seconds that others have the store to themselves after a slice: as long as it took, within
these. One that took longer has itself waited for others.
"""

_FULL = "the disk of the journal is full: nothing is sent or queued until there is room again"
_ROOM = "the disk of the journal has room again: replays go on"

_log = logging.getLogger(__name__)


class RetentionThread:
    """Looks now and then; `stop` it before the journal is closed."""

    def __init__(self, journal: Journal, limits: Limits) -> None:
        self._journal = journal
        self._limits = limits
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention")
        self._said = ""
        self._was_full = False

    def start(self) -> None:
        """Looks at once, then now and then."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it where it is, within a slice. Idempotent; also when it was never started."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = 0.0
        while not self._stopping.is_set():
            try:
                self._look_for_room()
                if self._journal.full or time.monotonic() >= due:
                    due = time.monotonic() + LOOK_SECONDS
                    self._look()
            except JournalError as error:
                self._warn(f"retention can't remove anything: {error.message}")
            self._stopping.wait(ROOM_SECONDS)

    def _look_for_room(self) -> None:
        """Tells when the disk becomes full, and when it has room again."""
        if self._journal.full:
            self._journal.regain_room()
        full = self._journal.full
        if full == self._was_full:
            return
        self._was_full = full
        level, text = (LogLevel.WARNING, _FULL) if full else (LogLevel.INFO, _ROOM)
        _log.warning("%s", text)
        self._journal.emit([log_event(level, text, time.time_ns(), reason=Reason.DISK_FULL)])
        self._journal.commit()

    def _look(self) -> None:
        before = self._journal.size().used
        events = batches = parked = 0
        for removed in self._slices():
            events += removed.events
            batches += removed.batches
            parked += removed.parked
        after = self._journal.size().used
        if events or batches:
            _log.info(
                "retention removed %d events and %d batches; the journal went from %s to %s",
                events,
                batches,
                _mebibytes(before),
                _mebibytes(after),
            )
        if parked:
            _log.warning(
                "retention removed %d replays that were interrupted and never resolved", parked
            )
        if self._limits.size and after > self._limits.size and not self._stopping.is_set():
            self._warn(
                "the journal is larger than --retention-size: the rest waits, runs, or is of "
                "the batch that ended last"
            )
        else:
            self._said = ""

    def _slices(self) -> Iterator[Removed]:
        slices = self._journal.retain(self._limits, time.time_ns())
        began = time.monotonic()
        for removed in slices:
            yield removed
            took = time.monotonic() - began
            if self._stopping.wait(min(max(took, _MIN_REST), _MAX_REST)):
                return
            began = time.monotonic()

    def _warn(self, message: str) -> None:
        """Says it once, until it is over."""
        if message != self._said:
            _log.warning("%s", message)
        self._said = message


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
