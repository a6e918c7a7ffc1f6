"""`make ioerrors`: each call to the disk fails once, or from then on.

A journal works as a seed has it; at a random one of its calls to the disk, of one kind, the
system gives an error. The journal may refuse, with an error that says so, or give itself up;
what it told before has to be true. Then it is closed, what was not synced is taken back as by a
power cut, and it is opened anew: what was acknowledged is there, no event that was read has
changed or gone, each replay ends once, and everything runs to its end.
"""

import argparse
import errno
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

import apsw

from replayd.errors import JournalError
from replayd.journal.interface import Journal
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.transaction import Synchronous
from tests.support import journal_worker
from tests.support.faulty_vfs import FaultyVfs, faulty_vfs
from tests.support.journals import NOW, drain
from tools.disks.ledgers import Promises

_STEPS = 60
_SQLITES = {
    "sync": (apsw.SQLITE_IOERR_FSYNC,),
    "write": (apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_FULL),
    "read": (apsw.SQLITE_IOERR_READ, apsw.SQLITE_CORRUPT),
    "truncate": (apsw.SQLITE_IOERR_TRUNCATE,),
    "delete": (apsw.SQLITE_IOERR_DELETE,),
}
_OURS = {
    "fdatasync": (errno.EIO,),
    "fsync": (errno.EIO,),
    "writev": (errno.EIO, errno.ENOSPC),
}
FAULTS = [(call, code) for calls in (_SQLITES, _OURS) for call in calls for code in calls[call]]
"""Every call, and what it may fail with: a code of SQLite's, or an errno."""


class Injection(NamedTuple):
    """One call that fails."""

    call: str
    code: int
    number: int
    """The first of its calls to fail, from 1 on."""
    lasting: bool
    """All later ones fail too."""


@dataclass
class Disk:
    """Counts calls, of SQLite and of our own, and has them fail."""

    injection: Injection | None = None
    calls: Counter[str] = field(default_factory=Counter)
    hits: int = 0

    def code(self, call: str, _: str = "") -> int:
        """Returns what this call fails with; 0: it succeeds."""
        self.calls[call] += 1
        given = self.injection
        if given is None or call != given.call or self.calls[call] < given.number:
            return 0
        if self.calls[call] > given.number and not given.lasting:
            return 0
        self.hits += 1
        return given.code


@contextmanager
def failing(disk: Disk) -> Iterator[FaultyVfs]:
    """All databases and files lie on this disk meanwhile."""

    def wrapped(call: str) -> Callable[..., Any]:
        right = getattr(os, call)

        def wrapper(*arguments: Any) -> Any:
            if code := disk.code(call):
                raise OSError(code, os.strerror(code))
            return right(*arguments)

        return wrapper

    with ExitStack() as stack:
        for each in _OURS:
            stack.enter_context(patch.object(os, each, wrapped(each)))
        yield stack.enter_context(faulty_vfs(disk.code))


class Run:
    """One journal, one injection."""

    def __init__(self, folder: Path, seed: int, synchronous: Synchronous = "FULL") -> None:
        self._folder = folder
        self._seed = seed
        self._synchronous = synchronous
        self._promises = Promises()
        self.refused = 0
        self.gave_up = False
        self.calls = Counter[str]()
        """Of the work alone."""

    def run(self, disk: Disk) -> None:
        """Works, fails, and compares. Raises AssertionError when a promise is broken."""
        with failing(disk) as vfs, patch.object(journal_worker, "say", self._promises.say):
            try:
                self._work(disk)
            finally:
                disk.injection = None
            self.calls = disk.calls.copy()
            vfs.power_cut()
            self._check()

    def _open(self) -> Journal:
        return open_sqlite(self._folder, NOW, self._synchronous)

    def _work(self, disk: Disk) -> None:
        try:
            journal = self._open()
        except JournalError:
            self.refused += 1
            return
        told: list[str] = []
        journal.on_failure(lambda: told.append(journal.failure))
        worker = journal_worker.Worker(journal, self._seed)
        steps = journal_worker.steps(worker)
        for _ in range(_STEPS):
            try:
                next(steps)()
            except JournalError:
                self.refused += 1
            if journal.failure:
                break
            self._promises.read(journal)
        assert told == ([journal.failure] if journal.failure else []), told
        self.gave_up = bool(journal.failure)
        try:
            journal.close()
        except JournalError:
            self.refused += 1

    def _check(self) -> None:
        journal = self._open()
        self._promises.check(journal)
        journal.pause(False, NOW)
        drain(journal, 8)
        self._promises.check_end(journal)
        journal.close()


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    """In memory where there is such a place: nothing of it has to last."""
    memory = Path("/dev/shm")  # noqa: S108
    return tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)


@dataclass
class Outcome:
    """What a sweep came to."""

    injected: int = 0
    missed: int = 0
    """The call did not come so often."""
    refused: int = 0
    gave_up: int = 0
    broken: list[str] = field(default_factory=list)


def counted(seed: int) -> Counter[str]:
    """Returns how often a run makes each call when none fails."""
    with _scratch() as folder:
        run = Run(Path(folder) / "data", seed)
        run.run(Disk())
    return run.calls


def sweep(seed: int, count: int, synchronous: Synchronous = "FULL") -> Outcome:
    """Injects so many errors, each into a run of its own."""
    outcome = Outcome()
    random = Random(f"ioerrors:{seed}")  # noqa: S311 - a seed repeats it
    while outcome.injected < count:
        call, code = FAULTS[outcome.injected % len(FAULTS)]
        if call == FAULTS[0][0]:
            # Each work meets each fault once.
            work = random.randrange(1 << 31)
            calls = counted(work)
        number = random.randint(1, max(calls[call], 1))
        disk = Disk(Injection(call, code, number, random.random() < 0.5))
        injection = disk.injection
        with _scratch() as folder:
            run = Run(Path(folder) / "data", work, synchronous)
            try:
                run.run(disk)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is found
                outcome.broken.append(f"work {work}, {injection}: {type(error).__name__}: {error}")
        outcome.injected += 1
        outcome.missed += not disk.hits
        outcome.refused += bool(run.refused)
        outcome.gave_up += run.gave_up
    return outcome


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="ioerrors", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, help="the same one makes the same run; else drawn")
    parser.add_argument(
        "--control", action="store_true", help="NORMAL commits, which have to be caught"
    )
    read = parser.parse_args(given)
    seed = secrets.randbelow(1 << 31) if read.seed is None else read.seed
    began = time.monotonic()
    outcome = sweep(seed, read.count, "NORMAL" if read.control else "FULL")
    print(
        f"seed {seed}: {outcome.injected} errors injected, {outcome.missed} not reached, "
        f"{outcome.refused} runs refused something, {outcome.gave_up} gave the journal up, "
        f"{len(outcome.broken)} broke a promise; {time.monotonic() - began:.0f} s"
    )
    print(*outcome.broken[:10], sep="\n")
    return int(bool(outcome.broken) != read.control)


if __name__ == "__main__":
    sys.exit(main())
