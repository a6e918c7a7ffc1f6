"""Contents that may be large: kept in memory up to 256 KiB, above in a file of the store, where
one above 128 KiB ends up, too.

A content is cut into pieces of 256 KiB with a checksum each. What a body becomes is a
`Content`: its bytes, or a `SpoolFile`.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TypeGuard

from replayd.errors import DiskError, JournalError
from replayd.journal.crc import crc32
from replayd.journal.interface import ROW_CONTENT_LIMIT
from replayd.journal.spool import Spool, Sync
from replayd.model.event import PREVIEW_LIMIT
from replayd.reasons import Reason

PIECE = ROW_CONTENT_LIMIT

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that end once somebody makes room."""

LOST = frozenset({errno.EIO, errno.EROFS})
"""Errors of a disk that fails; systems make one read-only then."""

IN_ROW = 128 * 1024
"""A response's content up to this size ends up in its row. SQLite writes one twice, a page at a
time, while the replay thread waits: from here on a file of its own takes less."""

_SMALL = 4 * 1024
"""Writes below this size are put together."""


class NotDurableError(DiskError):
    """A file can't be made durable: what else was written can't be trusted either."""


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A content in a file."""

    path: Path
    size: int
    checksums: tuple[int, ...]
    """CRC-32 of each piece."""
    sync: Sync | None = field(default=None, compare=False)
    """On its way to the disk; None: it is there."""

    @property
    def settled(self) -> bool:
        """Whether nobody has to wait for the disk any more."""
        return self.sync is None or self.sync.done

    def check(self) -> None:
        """Waits until it is durable. Raises NotDurableError."""
        if self.sync is None:
            return
        self.sync.wait()
        if self.sync.error:
            raise NotDurableError(
                f"{self.path} can't be synced to the disk: {self.sync.error}; restart the daemon "
                "once the disk is repaired"
            )

    def pieces(self) -> Iterator[bytes]:
        """Opens it, to be read piece by piece; raises JournalError when it, or a piece, is
        damaged.
        """
        with self._told():
            file = self.path.open("rb", buffering=0)
        return self._read(file)

    def _read(self, file: FileIO) -> Iterator[bytes]:
        with file:
            for number, checksum in enumerate(self.checksums):
                with self._told():
                    data = file.read(PIECE)
                if crc32(data) != checksum:
                    raise JournalError(
                        f"{self.path} is damaged at byte {number * PIECE}; restore it from a backup"
                    )
                yield data

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"{self.path} can't be read: {error.strerror}; restore it from a backup"
            ) from error

    def remove(self) -> None:
        """Deletes the file."""
        remove(self.path)


Content = bytes | SpoolFile


def pieces_of(content: Content) -> Iterator[bytes]:
    """Yields a content in pieces; raises JournalError when one is damaged."""
    if isinstance(content, SpoolFile):
        return content.pieces()
    return (content[start : start + PIECE] for start in range(0, len(content), PIECE))


class SpoolBody:
    """A `Body`. Without a spool everything stays in memory.

    What is written is kept as it comes, not copied, until there is enough of it for a file.
    """

    size = 0
    # How every body begins; most never see a file.
    _prefix = b""
    """What `prefix` is cut from, once the beginning is in a file."""
    _in_file = 0
    _path: Path | None = None
    _file: int | None = None

    def __init__(
        self, spool: Spool | None, heed: Callable[[OSError], bool] = lambda _: False
    ) -> None:
        """`heed` is told when the disk takes nothing; True: now it is worth to try again."""
        self._spool = spool
        self._heed = heed
        self._held: list[bytes | bytearray] = []
        """What is in no file yet; small writes are put together."""
        self._checksums: list[int] = []
        """Of the pieces in the file, the last of which may still grow."""

    def write(self, data: bytes) -> None:
        """Adds bytes; raises JournalError when the spool can't take them."""
        self.size += len(data)
        held = self._held
        if len(data) >= _SMALL or not held:
            held.append(data)
        elif isinstance(last := held[-1], bytearray) and len(last) < PIECE:
            last += data
        else:
            held.append(bytearray(data))
        if self.size - self._in_file > PIECE and self._spool is not None:
            self._write_to_file(self._spool)

    @property
    def held(self) -> int:
        """How many of its bytes are in memory."""
        return self.size - self._in_file

    def spill(self) -> None:
        """Moves what is in memory to a file, earlier than it would go there by itself."""
        if self._spool is not None and self.held:
            self._write_to_file(self._spool)

    def prefix(self, limit: int) -> bytes:
        """Returns the first bytes, at most `limit`, at most 64 KiB."""
        return (self._prefix or self._beginning())[:limit]

    def pieces(self) -> Iterator[bytes]:
        """Yields what was written, once all of it was; raises JournalError."""
        path, held = self._path, list(self._held)
        if path is not None:
            try:
                with path.open("rb", buffering=0) as file:
                    while data := file.read(PIECE):
                        yield data
            except OSError as error:
                raise JournalError(f"{path} can't be read: {error.strerror}") from error
        for part in held:
            yield bytes(part)

    def seal(self, on_settled: Callable[[], None] | None = None) -> Content:
        """Ends the writing; calls back, from another thread, once a file is durable."""
        if self.size > IN_ROW:
            self.spill()
        if self._spool is None or self._file is None or self._path is None:
            return self._held[0] if _is_one(self._held) else b"".join(self._held)
        try:
            self._write_held(self._file)
            if self.size <= IN_ROW:
                return self._taken_back(self._path)
        except OSError as error:
            raise self._failure(error) from error
        sync = self._spool.sync(self._file, on_settled)
        sealed = SpoolFile(self._path, self.size, tuple(self._checksums), sync)
        self._path = self._file = None
        return sealed

    def discard(self) -> None:
        """Forgets everything."""
        self._close()
        self._held.clear()
        self._prefix = b""
        if self._path is not None:
            remove(self._path)
            self._path = None

    def _taken_back(self, path: Path) -> bytes:
        """Returns what was spilled and is small after all: its place is in a row."""
        content = path.read_bytes()
        self.discard()
        return content

    def _beginning(self) -> bytes:
        if _is_one(self._held):
            return self._held[0][:PREVIEW_LIMIT]
        found, size = [], 0
        for data in self._held:
            found.append(data[: PREVIEW_LIMIT - size])
            size += len(found[-1])
            if size == PREVIEW_LIMIT:
                break
        return b"".join(found)

    def _write_to_file(self, spool: Spool) -> None:
        try:
            if self._file is None:
                self._path = spool.folder / os.urandom(12).hex()
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._file = self._tried(partial(os.open, self._path, flags, 0o600))
                self._prefix = self._beginning()
            self._write_held(self._file)
        except OSError as error:
            raise self._failure(error) from error

    def _write_held(self, file: int) -> None:
        left = [memoryview(data) for data in self._held]
        for data in left:
            self._count_in(data)
        while left:
            taken = self._tried(partial(os.writev, file, left))
            while left and taken >= len(left[0]):
                taken -= len(left.pop(0))
            if left:
                left[0] = left[0][taken:]
        self._held.clear()

    def _tried(self, call: Callable[[], int]) -> int:
        try:
            return call()
        except OSError as error:
            if not self._heed(error):
                raise
        return call()

    def _count_in(self, data: memoryview) -> None:
        """Adds to the pieces' checksums."""
        while data:
            begun = self._in_file % PIECE
            if not begun:
                self._checksums.append(0)
            some = data[: PIECE - begun]
            self._checksums[-1] = crc32(some, self._checksums[-1])
            self._in_file += len(some)
            data = data[len(some) :]

    def _failure(self, error: OSError) -> JournalError:
        said = f"a content of {self.size} bytes can't be written to {self._path}: {error.strerror}"
        if error.errno in LOST:
            return NotDurableError(f"{said}; check the disk, then restart the daemon")
        return JournalError(
            f"{said}; make room on that disk",
            reason=Reason.DISK_FULL if error.errno in NO_ROOM else Reason.JOURNAL_UNAVAILABLE,
        )

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _is_one(held: list[bytes | bytearray]) -> TypeGuard[list[bytes]]:
    return len(held) == 1 and isinstance(held[0], bytes)


def remove(path: Path) -> None:
    """Deletes a file that no commit names, if it can: otherwise the next opening does."""
    with suppress(OSError):
        path.unlink()
