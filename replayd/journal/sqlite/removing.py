"""What is deleted from the database: what retention removes, and what was staged in vain.
It goes in slices of about a millisecond.

Deleted rows are overwritten (`secure_delete`), so their bytes cost as much as their number.
A slice is NORMAL: what a power cut brings back is deleted again. Only the removal of an
accepted batch's row is FULL, since files go after it.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import apsw

from replayd.journal.interface import Size
from replayd.journal.sqlite.checksum import damaged
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.loading import COUNTS
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.journal.sqlite.transaction import transaction
from replayd.journal.store import LAST_INDEX, place_of

_CPU_SECONDS = 0.0007
_SECONDS = 0.01
_BYTES = 256 * 1024
"""When a slice ends, whichever comes first: writing what it deleted takes as long again. It is
its own time that counts, unless the disk is slow: waiting for a processor that others use would
end each slice at its first step, and what is removed fall behind what comes.
"""

_ROWS = 64
"""Rows that are deleted at once, between two looks at the clock."""

_PAGES = 64
"""Pages that are moved and given back at once."""

_REPLAYS = """
    SELECT p.place, length(p.plan) + length(flow) + coalesce(length(request_content), 0)
        + coalesce(length(recorded_content), 0) + coalesce(length(r.content), 0)
        + coalesce(length(s.plan), 0) + coalesce(length(s.content), 0)
        + coalesce(length(w.event), 0)
    FROM prepared AS p LEFT JOIN replay AS r ON r.place = p.place
    LEFT JOIN shown AS s ON s.place = p.place
    LEFT JOIN withheld AS w ON w.place = p.place
    WHERE p.place BETWEEN ? AND ? ORDER BY p.place LIMIT ?
"""


_PIECES = """
    SELECT rowid, length(data) FROM piece WHERE place BETWEEN ? AND ?
    ORDER BY place, part, number LIMIT ?
"""


class _Budget:
    """What is left of a slice. Look at it after each step: on a busy machine its time may be over
    before the first one, without which nothing would be removed, and nothing known of what was.
    """

    def __init__(self) -> None:
        self._until = time.monotonic() + _SECONDS
        self._cpu_until = time.thread_time() + _CPU_SECONDS
        self._bytes = _BYTES

    @property
    def left(self) -> bool:
        return (
            self._bytes > 0
            and time.thread_time() < self._cpu_until
            and time.monotonic() < self._until
        )

    def take(self, rows: Sequence[tuple[int, int]]) -> list[int]:
        """Takes rows (key, bytes) as long as they fit, one at least; returns their keys."""
        keys: list[int] = []
        for key, size in rows:
            if keys and self._bytes < size:
                break
            keys.append(key)
            self._bytes -= size
        return keys


class Remover:
    """Deletes what is old; each method but `note_ended` and `size` is one slice."""

    def __init__(self, connection: apsw.Connection, contents: Contents) -> None:
        self._connection = connection
        self._contents = contents

    def discard_staged(self) -> None:
        """Gives up all batches that are staged."""
        staged = fetch_rows(self._connection, "SELECT number FROM batch WHERE position IS NULL")
        if staged:
            self.discard([number for (number,) in staged])

    def discard(self, numbers: Sequence[int]) -> None:
        """Gives up staged batches; what they held waits to be erased."""
        with transaction(self._connection, "NORMAL"):
            self._remove(numbers)

    def note_ended(self, ended: Sequence[tuple[int, int]]) -> None:
        """Notes which batches have ended, and their last events."""
        with transaction(self._connection, "NORMAL"):
            self._connection.executemany(
                "UPDATE batch SET last_event = ?2 WHERE number = ?1", ended
            )

    def next_end(self, at_most: int) -> int:
        """Returns the highest last event up to one of batches that have ended, else the lowest;
        0: none has.
        """
        ((last_event,),) = fetch_rows(
            self._connection,
            "SELECT coalesce((SELECT max(last_event) FROM batch WHERE last_event <= ?), "
            "(SELECT min(last_event) FROM batch WHERE last_event IS NOT NULL), 0)",
            (at_most,),
        )
        return int(last_event)

    def trim(self, last: int) -> int:
        """Deletes events up to a sequence; returns the last one."""
        budget = _Budget()
        deleted = 0
        with transaction(self._connection, "NORMAL"):
            while deleted < last:
                rows = fetch_rows(
                    self._connection,
                    "SELECT sequence, length(body) FROM event WHERE sequence <= ? "
                    "ORDER BY sequence LIMIT ?",
                    (last, _ROWS),
                )
                deleted = budget.take(rows)[-1] if rows else last
                self._connection.execute("DELETE FROM event WHERE sequence <= ?", (deleted,))
                if not budget.left:
                    break
            set_meta(self._connection, "trimmed", deleted)
        return deleted

    def remove_batches(self, last_event: int, limit: int) -> Sequence[str]:
        """Removes the rows of ended batches; what they held waits to be erased."""
        rows = fetch_rows(
            self._connection,
            "SELECT batch_id, number, position, accepted, succeeded, failed, killed, cleared, "
            "interrupted FROM batch WHERE last_event <= ? ORDER BY last_event LIMIT ?",
            (last_event, limit),
        )
        if not rows:
            return ()
        batch_ids, numbers, positions, *counts = zip(*rows, strict=True)
        with transaction(self._connection):
            self._remove(numbers)
            self._keep_above("next_position", max(positions))
            for name, some in zip(COUNTS, counts, strict=True):
                before = get_meta(self._connection, f"removed_{name}")
                set_meta(self._connection, f"removed_{name}", before + sum(some))
        return batch_ids

    def erase(self) -> Sequence[Path] | None:
        """Deletes some of what removed batches held; returns the files to remove."""
        budget = _Budget()
        files: list[Path] = []
        number = self._removed()
        if number is None:
            return None
        with transaction(self._connection, "NORMAL"):
            while number is not None:
                more, names = self._erase(number, budget)
                files += names
                if not more:
                    self._connection.execute("DELETE FROM cleared WHERE number = ?", (number,))
                    self._connection.execute("DELETE FROM removed WHERE number = ?", (number,))
                    number = self._removed()
                if not budget.left:
                    break
        return files

    def size(self) -> Size:
        """Returns how large the database and the files beside it are."""
        page_size = self._connection.pragma("page_size")
        free = self._connection.pragma("freelist_count")
        pages = self._connection.pragma("page_count")
        files = get_meta(self._connection, "file_bytes")
        return Size((pages - free) * page_size + files, free * page_size)

    def shrink(self) -> bool:
        """Gives back some free pages; False: none."""
        before: int = self._connection.pragma("freelist_count")
        with transaction(self._connection, "NORMAL"):
            self._connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        return before > int(self._connection.pragma("freelist_count"))

    def _remove(self, numbers: Sequence[int]) -> None:
        """Removes batches' rows; their numbers, by which the rest is found, stay theirs."""
        each = [(number,) for number in numbers]
        self._connection.executemany("DELETE FROM batch WHERE number = ?", each)
        self._connection.executemany("INSERT INTO removed VALUES (?)", each)
        self._keep_above("next_number", max(numbers))

    def _keep_above(self, name: str, value: int) -> None:
        before = get_meta(self._connection, name)
        set_meta(self._connection, name, max(before, value + 1))

    def _erase(self, number: int, budget: _Budget) -> tuple[bool, list[Path]]:
        """Deletes some of one batch; returns whether there was anything, and its files."""
        first, last = place_of(number, 0), place_of(number, LAST_INDEX)
        pieces = budget.take(fetch_rows(self._connection, _PIECES, (first, last, _ROWS)))
        if pieces:
            self._connection.executemany(
                "DELETE FROM piece WHERE rowid = ?", ((rowid,) for rowid in pieces)
            )
            return True, []
        places = budget.take(fetch_rows(self._connection, _REPLAYS, (first, last, _ROWS)))
        if not places:
            return False, []
        between = (first, places[-1])
        self._connection.execute("DELETE FROM prepared WHERE place BETWEEN ? AND ?", between)
        self._connection.execute("DELETE FROM replay WHERE place BETWEEN ? AND ?", between)
        self._connection.execute("DELETE FROM resolved WHERE place BETWEEN ? AND ?", between)
        if resolved := self._connection.changes():
            before = get_meta(self._connection, "resolved")
            set_meta(self._connection, "resolved", before - resolved)
        self._connection.execute("DELETE FROM shown WHERE place BETWEEN ? AND ?", between)
        self._connection.execute("DELETE FROM withheld WHERE place BETWEEN ? AND ?", between)
        return True, self._contents.delete(*between)

    def _removed(self) -> int | None:
        number: int | None = fetch_row(self._connection, "SELECT min(number) FROM removed")[0]
        row = "SELECT 1 FROM batch WHERE number = ?"
        if number is not None and fetch_row(self._connection, row, (number,)):
            raise damaged(self._connection.filename, f"the list of removed batches ({number})")
        return number
