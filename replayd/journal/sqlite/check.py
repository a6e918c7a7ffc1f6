"""Checks a whole journal: every row and file by its checksum, and each against the others.

It reads row by row, so that memory does not grow with the journal, and goes on behind what is
damaged.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import apsw

from replayd.codec.event import sequence_of
from replayd.errors import JournalError
from replayd.journal.sqlite.check_batch import BatchChecker
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.loading import load
from replayd.journal.sqlite.query import fetch_row
from replayd.journal.sqlite.stopped import Stopped
from replayd.journal.store import LAST_INDEX, place_of, split_place
from replayd.model.event import EventKind
from replayd.model.replay import ReplayState

_EVENT_KINDS = frozenset(map(int, EventKind))

_STRAY = "SELECT place FROM prepared WHERE place >= ? AND place < ? LIMIT 1"

_ORPHANS = {
    "an outcome": "SELECT place FROM replay WHERE place NOT IN (SELECT place FROM prepared)",
    "what may be shown": "SELECT place FROM shown WHERE place NOT IN (SELECT place FROM prepared)",
    "what was withheld": (
        "SELECT place FROM withheld WHERE place NOT IN (SELECT place FROM prepared)"
    ),
    "a file": "SELECT place FROM file WHERE place NOT IN (SELECT place FROM prepared)",
    "a piece": "SELECT place FROM piece WHERE place NOT IN (SELECT place FROM prepared)",
}

_RESOLVED = """
    SELECT d.*, r.state IS ? FROM resolved AS d LEFT JOIN replay AS r ON r.place = d.place
"""

_WRONG = "its checksum is wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    where: str
    what: str


@dataclass(slots=True)
class Checked:
    """How much was looked at, by what it is."""

    version: int
    """Of the schema."""
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        """Counts what was looked at."""
        self.counts[name] = self.counts.get(name, 0) + count


class Checker:
    """Checks a journal; `progress` is called now and then."""

    def __init__(self, journal: Stopped, progress: Callable[[], None]) -> None:
        self._connection = journal.connection
        self._contents = journal.contents
        self._blobs = journal.folder.blobs
        self._progress = progress
        self._trimmed = 0
        self._found: list[Finding] = []
        self.checked = Checked(journal.version)

    def run(self) -> Iterator[Finding]:
        """Yields what is damaged."""
        for step in (
            self._structure,
            self._opening,
            self._batches,
            self._orphans,
            self._events,
            self._answers,
            self._resolved,
            self._files,
        ):
            with self._told(step.__name__.strip("_")):
                for found in step():
                    self._progress()
                    yield found
            yield from self._found
            self._found.clear()

    @contextmanager
    def _told(self, step: str) -> Iterator[None]:
        try:
            yield
        except (apsw.Error, UnicodeDecodeError) as error:
            self._found.append(Finding(f"journal.db, while its {step} were read", str(error)))

    def _structure(self) -> Iterator[Finding]:
        """What SQLite says of its pages."""
        self._connection.set_progress_handler(self._tick, 1_000_000)
        try:
            for (text,) in self._connection.execute("PRAGMA integrity_check(100)"):
                if text != "ok":
                    yield Finding("journal.db", text.strip())
        finally:
            self._connection.set_progress_handler(None)

    def _tick(self) -> bool:
        self._progress()
        return False

    def _opening(self) -> Iterator[Finding]:
        """What a start would refuse."""
        try:
            self._trimmed = load(self._connection).trimmed
        except JournalError as error:
            yield Finding("journal.db", error.message)
        except (KeyError, TypeError, ValueError) as error:
            yield Finding("journal.db", f"it can't be loaded: {error!r}")

    def _batches(self) -> Iterator[Finding]:
        """Each batch with its flows, their outcomes and contents."""
        numbers = self._connection.execute(
            "SELECT number, 1 FROM batch WHERE position IS NOT NULL "
            "UNION ALL SELECT number, 0 FROM removed UNION ALL "
            "SELECT number, 0 FROM batch WHERE position IS NULL ORDER BY number"
        )
        after = 0
        for number, accepted in numbers:
            yield from self._strays(after, place_of(number, 0))
            after = place_of(number, LAST_INDEX) + 1
            if accepted:
                self.checked.add("batches")
                yield from self._batch(number)
        yield from self._strays(after, 1 << 63)

    def _batch(self, number: int) -> Iterator[Finding]:
        batch = BatchChecker(self._connection, self._contents, number, self._trimmed)
        for where, what in batch.run():
            yield Finding(where, what)
        self.checked.add("flows", batch.flows)
        self.checked.add("outcomes", batch.outcomes)
        self.checked.add("contents", batch.contents)
        self._progress()

    def _strays(self, first: int, end: int) -> Iterator[Finding]:
        """Rows of flows between two batches."""
        row = fetch_row(self._connection, _STRAY, (first, min(end, (1 << 63) - 1)))
        if row is not None:
            number, index = split_place(row[0])
            yield Finding(f"batch {number}, flow {index}", "there is no such batch")

    def _orphans(self) -> Iterator[Finding]:
        """Rows that belong to no flow."""
        for what, query in _ORPHANS.items():
            for (place,) in self._connection.execute(query):
                number, index = split_place(place)
                yield Finding(f"batch {number}, flow {index}", f"{what} without a flow")

    def _events(self) -> Iterator[Finding]:
        """Each event, and that none is missing."""
        wanted = self._trimmed
        rows = self._connection.execute(
            "SELECT sequence, kind, batch_id, body, checksum FROM event ORDER BY sequence"
        )
        for sequence, kind, batch_id, body, expected in rows:
            wanted += 1
            if sequence != wanted:
                missing = f"{wanted}" if sequence == wanted + 1 else f"{wanted} to {sequence - 1}"
                yield Finding(f"event {missing}", "missing")
                wanted = sequence
            if expected != checksum(kind, batch_id, body):
                yield Finding(f"event {sequence}", _WRONG)
            elif sequence_of(body) != sequence or kind not in _EVENT_KINDS:
                yield Finding(f"event {sequence}", "another event is in its place")
            self.checked.add("events")
            self._progress()

    def _answers(self) -> Iterator[Finding]:
        for *values, expected in self._connection.execute("SELECT * FROM answered"):
            self.checked.add("answers")
            if expected != checksum(*values):
                yield Finding(f"the answer to the request_id {values[0]!r}", _WRONG)

    def _resolved(self) -> Iterator[Finding]:
        rows = self._connection.execute(_RESOLVED, (int(ReplayState.INTERRUPTED),))
        for *values, expected, is_parked in rows:
            number, index = split_place(values[0])
            where = f"the resolution of batch {number}, flow {index}"
            if expected != checksum(*values):
                yield Finding(where, _WRONG)
            elif not is_parked:
                yield Finding(where, "its replay was not interrupted")

    def _files(self) -> Iterator[Finding]:
        """Those that no row names go at the next start: that is no damage."""
        names = self._contents.names()
        for path in self._blobs.iterdir():
            if path.name not in names:
                self.checked.add("leftover_files")
        return iter(())
