"""Copies what is whole of a journal, whatever its state, into a new one.

The old one is only read, a page at a time. The new one has another store id: no cursor of the
old one leads into it. It is paused, and what may have been sent is not queued in it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import apsw

from replayd.errors import JournalError
from replayd.journal.body import SpoolFile
from replayd.journal.sqlite.backup import copy_file
from replayd.journal.sqlite.carving import Carved, carve
from replayd.journal.sqlite.contents import Contents, unpack_checksums
from replayd.journal.sqlite.failures import told
from replayd.journal.sqlite.folder import Folder, empty_folder
from replayd.journal.sqlite.mending import Mender
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.pages import Pages
from replayd.journal.sqlite.query import fetch_rows
from replayd.journal.sqlite.schema import end_log, open_database
from replayd.journal.sqlite.transaction import transaction

_ROWS = 256
"""How many rows one transaction copies at most."""

_INSERT = {
    "prepared": "INTO prepared VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "replay": "INTO replay VALUES (?, ?, ?, ?, ?, ?)",
    "event": "INTO event VALUES (?, ?, ?, ?, ?)",
    "piece": "INTO piece VALUES (?, ?, ?, ?, ?)",
    "resolved": "INTO resolved VALUES (?, ?, ?, ?)",
    "shown": "INTO shown VALUES (?, ?, ?, ?)",
    "withheld": "INTO withheld VALUES (?, ?, ?)",
    "removed": "INTO removed VALUES (?)",
    "batch": f"INTO batch VALUES ({', '.join('?' * 19)})",
    "cleared": "INTO cleared VALUES (?, ?, ?, ?)",
    "file": "INTO file VALUES (?, ?, ?, ?, ?, ?)",
    "answered": "INTO answered VALUES (?, ?, ?, ?, ?, ?, ?)",
}

_KEPT_META = frozenset({"epoch", "trimmed", "claims", "next_number", "next_position"})
"""Values that go on in the new journal, and the counts of removed batches with them."""


def salvage(data_dir: Path, new_dir: Path, now: int, progress: Callable[[], None]) -> Counter[str]:
    """Copies what is whole of a journal into a folder that is not there yet, or empty; returns
    how many there are of each kind, and what was lost (`lost_...`).

    Raises JournalError when the old one is in use, or the new one can't be made.
    """
    with ExitStack() as stack:
        old = Folder.of_journal(data_dir)
        stack.callback(old.close)
        new = stack.enter_context(empty_folder(new_dir))
        stack.enter_context(told(new.database))
        connection = open_database(new.database)
        stack.callback(connection.close)
        counts = _Salvage(old, new, connection, progress).run(now)
        end_log(connection)
        return counts


class _Salvage:
    """One salvage."""

    def __init__(
        self,
        old: Folder,
        new: Folder,
        connection: apsw.Connection,
        progress: Callable[[], None],
    ) -> None:
        self._old = old
        self._new = new
        self._connection = connection
        self._contents = Contents(connection, new.blobs)
        self._progress = progress
        self._meta: dict[str, Any] = {}
        self._counts: Counter[str] = Counter()

    def run(self, now: int) -> Counter[str]:
        """Copies, and mends what refers to what is lost."""
        try:
            for some in _grouped(self._carved()):
                with transaction(self._connection, "NORMAL"):
                    for carved, newest in some:
                        self._keep(carved, newest)
            with transaction(self._connection):
                self._copy_files()
                self._keep_meta()
                mender = Mender(self._connection, self._contents, self._meta)
                self._counts += mender.run(now)
        finally:
            self._contents.close()
        self._new.sync()
        return self._counts

    def _carved(self) -> Iterator[tuple[Carved, bool]]:
        pages = Pages(self._old.database)
        try:
            for number in range(1, pages.count + 1):
                self._progress()
                for carved, newest in carve(pages, number):
                    if carved is None:
                        self._counts["damaged_rows"] += newest
                    else:
                        yield carved, newest
        finally:
            pages.close()

    def _keep(self, carved: Carved, newest: bool) -> None:
        if carved.table == "meta":
            name, value, _ = carved.values
            if newest or name not in self._meta:
                self._meta[name] = value
            return
        verb = "INSERT OR REPLACE " if newest else "INSERT OR IGNORE "
        self._connection.execute(verb + _INSERT[carved.table], carved.values)

    def _copy_files(self) -> None:
        """Copies the files that are whole; forgets the others."""
        query = "SELECT place, part, name, size, checksums FROM file"
        for place, part, name, size, packed in fetch_rows(self._connection, query):
            self._progress()
            old = SpoolFile(self._old.blobs / Path(name).name, size, unpack_checksums(packed))
            new = self._new.blobs / Path(name).name
            try:
                copy_file(old, new)
            except JournalError:
                new.unlink(missing_ok=True)
                self._counts["lost_files"] += 1
                self._connection.execute(
                    "DELETE FROM file WHERE place = ? AND part = ?", (place, part)
                )

    def _keep_meta(self) -> None:
        for name, value in self._meta.items():
            if name in _KEPT_META or name.startswith("removed_"):
                set_meta(self._connection, name, value)
        set_meta(self._connection, "epoch", get_meta(self._connection, "epoch") + 1)


def _grouped(rows: Iterable[tuple[Carved, bool]]) -> Iterator[list[tuple[Carved, bool]]]:
    some: list[tuple[Carved, bool]] = []
    for row in rows:
        some.append(row)
        if len(some) == _ROWS:
            yield some
            some = []
    yield some
