"""Named places in the daemon's code at which it kills itself: `kill -9`, exactly there.

On its way to the disk and back an operation passes the same points, whatever it is: so each
operation can be cut at each point (`OPERATIONS` x `POINTS`). `ELSEWHERE` are those beside that
way. They are put into the daemon from outside, by the launcher: the product has no hooks.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from tools.chaos.wrapping import Place, around, replace

OPERATIONS = {
    "accept": Place("replayd.journal.enqueues", "Enqueues", "accept"),
    "extend": Place("replayd.journal.enqueues", "Enqueues", "extend"),
    "begin": Place("replayd.journal.runs", "Runs", "begin"),
    "finish": Place("replayd.journal.journal", "StoredJournal", "commit"),
    "clear": Place("replayd.journal.control", "Control", "clear"),
    "pause": Place("replayd.journal.control", "Control", "pause"),
}
"""An Enqueue's last commit; a group of one that streams; intents; outcomes; and the calls."""


class Point(NamedTuple):
    """Before or after a method that an operation's commit passes through."""

    place: Place | None
    """None: the operation itself."""
    after: bool


_LEDGER = ("replayd.journal.ledger", "Ledger")
_STORE = ("replayd.journal.sqlite.store", "SqliteStore")
_WRITER = ("replayd.journal.sqlite.writing", "Writer")

POINTS = {
    "called": Point(None, after=False),
    "locked": Point(Place(*_LEDGER, "check"), after=True),
    "taken": Point(Place(*_LEDGER, "_write"), after=False),
    "prepared": Point(Place(*_STORE, "commit"), after=False),
    "begun": Point(Place(*_WRITER, "_change"), after=False),
    "half": Point(Place(*_WRITER, "_meta"), after=False),
    "written": Point(Place(*_WRITER, "_change"), after=True),
    "committed": Point(Place(*_WRITER, "commit"), after=True),
    "copying": Point(Place(*_STORE, "_copy_log"), after=False),
    "copied": Point(Place(*_STORE, "_copy_log"), after=True),
    "settled": Point(Place(*_LEDGER, "_settle"), after=True),
    "done": Point(None, after=True),
}
"""In the order in which a commit passes them: what was handed over is `taken`, the change is
`prepared`, its transaction has `begun`, is `half` written, all `written`, is `committed`; the
log of SQLite is copied into its database; memory is `settled`, and the caller told (`done`)."""

_CHECKPOINTS = ("copying", "copied")

_REMOVER = ("replayd.journal.sqlite.removing", "Remover")

ELSEWHERE = {
    "open:loaded": Point(Place(*_STORE, "load"), after=True),
    "open:recovering": Point(Place("replayd.journal.journal", "", "recover"), after=False),
    "open:recovered": Point(Place("replayd.journal.journal", "", "recover"), after=True),
    "stage:before": Point(Place(*_WRITER, "stage"), after=False),
    "stage:after": Point(Place(*_WRITER, "stage"), after=True),
    "discard:before": Point(Place(*_REMOVER, "discard"), after=False),
    "discard:after": Point(Place(*_REMOVER, "discard"), after=True),
    "content:before": Point(Place("replayd.journal.spool", "Spool", "_sync"), after=False),
    "content:after": Point(Place("replayd.journal.spool", "Spool", "_sync"), after=True),
    "send:before": Point(Place("replayd.replay.exchange", "Exchange", "start"), after=False),
    "send:after": Point(Place("replayd.replay.exchange", "Exchange", "start"), after=True),
    "outcome:before": Point(Place("replayd.replay.recorder", "Recorder", "ended"), after=False),
    "outcome:after": Point(Place("replayd.replay.recorder", "Recorder", "ended"), after=True),
}
"""At the start, beside commits, and around what the replay thread does."""

RETENTION = {
    "trim:before": Point(Place(*_REMOVER, "trim"), after=False),
    "trim:after": Point(Place(*_REMOVER, "trim"), after=True),
    "remove:before": Point(Place(*_REMOVER, "remove_batches"), after=False),
    "remove:after": Point(Place(*_REMOVER, "remove_batches"), after=True),
    "erase:before": Point(Place(*_REMOVER, "erase"), after=False),
    "erase:after": Point(Place(*_REMOVER, "erase"), after=True),
}
"""Around slices of retention, which have a life of the daemon of their own."""

MATRIX = tuple(f"{operation}:{point}" for operation in OPERATIONS for point in POINTS)
ALL = (*MATRIX, *ELSEWHERE, *RETENTION)

DEADLY_STARTS = frozenset(name for name in ALL if name.startswith("open:"))
"""At these the daemon dies before it has started."""

AT_START = DEADLY_STARTS | RETENTION.keys()
"""Armed from the start on; others by SIGUSR1."""


class Failpoint:
    """Kills this process at a passing."""

    def __init__(self, name: str, passing: int, *, armed: bool) -> None:
        self._left = passing
        self._armed = armed
        self._operation = threading.local()
        self._inside, _, self._name = name.partition(":")
        other = {**ELSEWHERE, **RETENTION}.get(name)
        if other is not None:
            assert other.place is not None
            _put(other.place, self._pass, after=other.after)
        else:
            self._cut_operation(OPERATIONS[self._inside], POINTS[self._name])
        signal.signal(signal.SIGUSR1, self._arm)

    def _arm(self, *_: object) -> None:
        self._armed = True

    def _cut_operation(self, operation: Place, point: Point) -> None:
        if point.place is None:
            _put(operation, self._pass, after=point.after)
            return
        replace(operation, self._noting)
        _put(point.place, self._pass_inside, after=point.after)
        if self._name in _CHECKPOINTS:
            # Each commit copies the log then: nobody waits for 4 MiB of it.
            place = Place("replayd.journal.sqlite.store", "", "_CHECKPOINT_BYTES")
            setattr(place.find()[0], place.name, 0)

    def _noting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Makes the operation say which threads are inside of it."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._operation.inside = True
            try:
                return original(*arguments, **named)
            finally:
                self._operation.inside = False

        return call

    def _pass_inside(self) -> None:
        if getattr(self._operation, "inside", False):
            self._pass()

    def _pass(self) -> None:
        if not self._armed:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _put(place: Place, call: Callable[[], None], *, after: bool) -> None:
    if after:
        around(place, after=call)
    else:
        around(place, before=call)
