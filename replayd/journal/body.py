"""Contents that may be large: kept in memory up to 256 KiB, then in a file of the store.

A content is cut into pieces of 256 KiB with a checksum each. What a body becomes is a
`Content`: its bytes, or a `SpoolFile` that a store either keeps (above 4 MiB) or copies
into rows and removes.
"""

import os
import secrets
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from replayd.errors import JournalError
from replayd.journal.interface import ROW_CONTENT_LIMIT
from replayd.model.event import PREVIEW_LIMIT

PIECE = ROW_CONTENT_LIMIT

FILE_LIMIT = 4 * 1024 * 1024
"""Contents above this size stay files: SQLite would copy them through its log."""


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A content in a file."""

    path: Path
    size: int
    checksums: tuple[int, ...]
    """CRC-32 of each piece."""

    def piece(self, number: int) -> bytes:
        """Reads a piece (empty past the end); raises JournalError when it is damaged."""
        if number >= len(self.checksums):
            return b""
        try:
            with self.path.open("rb") as file:
                file.seek(number * PIECE)
                data = file.read(PIECE)
        except OSError as error:
            raise JournalError(
                f"{self.path} can't be read: {error.strerror}; restore it from a backup"
            ) from error
        if zlib.crc32(data) != self.checksums[number]:
            raise JournalError(
                f"{self.path} is damaged at byte {number * PIECE}; restore it from a backup"
            )
        return data

    def remove(self) -> None:
        """Deletes the file."""
        remove(self.path)


Content = bytes | SpoolFile


def pieces_of(content: bytes) -> list[bytes]:
    """Cuts a content into pieces."""
    return [content[start : start + PIECE] for start in range(0, len(content), PIECE)]


class SpoolBody:
    """A `Body`. Without a folder everything stays in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.size = 0
        self._folder = folder
        self._prefix = bytearray()
        self._buffer = bytearray()
        """The piece that is being filled; without a folder, everything."""
        self._checksums: list[int] = []
        self._path: Path | None = None
        self._file: int | None = None

    def write(self, data: bytes) -> None:
        """Adds bytes; raises JournalError when the store's folder can't take them."""
        self.size += len(data)
        if len(self._prefix) < PREVIEW_LIMIT:
            self._prefix += data[: PREVIEW_LIMIT - len(self._prefix)]
        self._buffer += data
        if self._folder is not None and self.size > PIECE:
            self._spool(self._folder)

    def prefix(self, limit: int) -> bytes:
        """Returns the first bytes, at most `limit`, at most 64 KiB."""
        return bytes(self._prefix[:limit])

    def seal(self) -> Content:
        """Ends the writing. A content above 4 MiB is durable when it returns."""
        if self._file is None or self._path is None:
            return bytes(self._buffer)
        try:
            if self._buffer:
                self._write_piece(bytes(self._buffer))
                self._buffer.clear()
            if self.size > FILE_LIMIT:
                os.fsync(self._file)
                sync_folder(self._path.parent)
        except OSError as error:
            raise self._failure(error) from error
        self._close()
        sealed = SpoolFile(self._path, self.size, tuple(self._checksums))
        self._path = None
        return sealed

    def discard(self) -> None:
        """Forgets everything."""
        self._close()
        self._buffer.clear()
        self._prefix.clear()
        if self._path is not None:
            remove(self._path)
            self._path = None

    def _spool(self, folder: Path) -> None:
        try:
            if self._file is None:
                self._path = folder / secrets.token_hex(12)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o600)
            while len(self._buffer) >= PIECE:
                self._write_piece(bytes(self._buffer[:PIECE]))
                del self._buffer[:PIECE]
        except OSError as error:
            raise self._failure(error) from error

    def _write_piece(self, piece: bytes) -> None:
        assert self._file is not None
        view = memoryview(piece)
        while view:
            view = view[os.write(self._file, view) :]
        self._checksums.append(zlib.crc32(piece))

    def _failure(self, error: OSError) -> JournalError:
        return JournalError(
            f"a content of {self.size} bytes can't be written to {self._path}: "
            f"{error.strerror}; make room on that disk"
        )

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def remove(path: Path) -> None:
    """Deletes a file that no commit names, if it can: otherwise the next opening does."""
    with suppress(OSError):
        path.unlink()


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
