"""Where contents lie: in their row up to 256 KiB, those of responses up to 128 KiB, and in files
of the data folder above. A file is durable before the commit that names it for good: that of an
outcome, or the one that accepts a batch.

SQLite writes a content twice, a page at a time, and takes five times as long for it.
Stores of version 1 may have those up to 4 MiB in rows of 256 KiB: these are still read.
"""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct

import apsw

from replayd.journal.body import PIECE, Content, SpoolBody, SpoolFile
from replayd.journal.interface import Part
from replayd.journal.spool import Spool
from replayd.journal.sqlite.checksum import checksum, damaged
from replayd.journal.sqlite.query import fetch_row, fetch_rows

_CHECKSUM = Struct(">I")


class Contents:
    """The contents that don't lie in their row."""

    def __init__(
        self,
        connection: apsw.Connection,
        blobs: Path,
        heed: Callable[[OSError], bool] = lambda _: False,
    ) -> None:
        """`heed`: as in `SpoolBody`, for the contents of responses."""
        self._connection = connection
        self._heed = heed
        self._blobs = blobs
        self._spool = Spool(blobs)
        self._unsettled: deque[SpoolFile] = deque()
        """Files of staged rows that may not be durable yet."""

    def new_body(self) -> SpoolBody:
        """Makes the body of a response, which goes on in a file."""
        return SpoolBody(self._spool, self._heed)

    def spooled(self, content: bytes) -> Content:
        """Writes a large content to a file; call it before the transaction, and `settle`
        before the one that makes it durable.
        """
        if len(content) <= PIECE:
            return content
        body = SpoolBody(self._spool)
        try:
            body.write(content)
            sealed = body.seal()
        except BaseException:
            body.discard()
            raise
        if isinstance(sealed, SpoolFile):
            self._unsettled.append(sealed)
            while self._unsettled and self._unsettled[0].settled:
                self._unsettled.popleft().check()
        return sealed

    def settle(self) -> None:
        """Waits until the files that `spooled` wrote are durable. Raises NotDurableError."""
        while self._unsettled:
            self._unsettled.popleft().check()

    def put(self, place: int, part: Part, content: Content) -> bytes | None:
        """Stores a content in a transaction; returns what belongs into the row.

        Waits for a response's content that is not durable yet. Raises NotDurableError.
        """
        if isinstance(content, bytes):
            return content
        if part is Part.RESPONSE:
            content.check()
        checksums = b"".join(map(_CHECKSUM.pack, content.checksums))
        row = (place, part.value, content.path.name, content.size, checksums)
        self._connection.execute(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?)", (*row, checksum(*row))
        )
        return None

    def content(self, place: int, part: Part) -> Content:
        """Returns a content that is not in its row. Raises JournalError when it is damaged, or
        not there.
        """
        file = self._file(place, part)
        if file is not None:
            return file
        rows = list(self._rows(place, part))
        if not rows:
            raise damaged(self._connection.filename, f"a {part} content that is in no file")
        return b"".join(rows)

    def delete(self, first: int, last: int) -> list[Path]:
        """Deletes the contents of places in a transaction; returns the files to remove."""
        between = (first, last)
        self._connection.execute("DELETE FROM piece WHERE place BETWEEN ? AND ?", between)
        names = fetch_rows(
            self._connection, "DELETE FROM file WHERE place BETWEEN ? AND ? RETURNING name", between
        )
        return [self._blobs / name for (name,) in names]

    def names(self) -> set[str]:
        """Returns the names of all files."""
        return {name for (name,) in self._connection.execute("SELECT name FROM file")}

    def close(self) -> None:
        """Waits for what is on its way to the disk."""
        self._spool.close()

    def _rows(self, place: int, part: Part) -> Iterator[bytes]:
        """The pieces of a content of an older store, at most 4 MiB."""
        rows = self._connection.execute(
            "SELECT number, data, checksum FROM piece WHERE place = ? AND part = ? ORDER BY number",
            (place, part.value),
        )
        for wanted, (number, data, expected) in enumerate(rows):
            if number != wanted or expected != checksum(place, part.value, number, data):
                raise damaged(self._connection.filename, f"piece {number} of a {part} content")
            yield data

    def _file(self, place: int, part: Part) -> SpoolFile | None:
        row = fetch_row(
            self._connection,
            "SELECT name, size, checksums, checksum FROM file WHERE place = ? AND part = ?",
            (place, part.value),
        )
        if row is None:
            return None
        name, size, packed, expected = row
        if expected != checksum(place, part.value, name, size, packed):
            raise damaged(self._connection.filename, f"the name of a {part} content's file")
        return SpoolFile(self._blobs / Path(name).name, size, unpack_checksums(packed))


def unpack_checksums(packed: bytes) -> tuple[int, ...]:
    """Reads the checksums of a file's pieces."""
    return tuple(value for (value,) in _CHECKSUM.iter_unpack(packed))
