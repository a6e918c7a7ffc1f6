"""A capture's bytes, from wherever they come, in chunks that fit into messages.

Knows files and iterables; does not know gRPC or messages.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

CHUNK_BYTES = 1 << 20
"""The most that one message of an Enqueue may carry of a capture."""

CaptureSource = str | os.PathLike[str] | bytes | BinaryIO | Iterable[bytes]
"""A path, the bytes themselves, a binary file, or pieces of bytes of any size. What streams
from a pipe is best unbuffered: a buffered file waits for a whole chunk."""


class Capture(Protocol):
    """Where a capture's bytes come from."""

    repeatable: bool
    """Whether `chunks` can be called again, for a second try."""

    def size(self) -> int | None:
        """Returns how many bytes there are; None when nobody knows yet."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yields all bytes, at most `CHUNK_BYTES` at a time."""
        ...


def open_capture(source: CaptureSource) -> Capture:
    """Finds the way to read this source; opens nothing yet."""
    if isinstance(source, str | os.PathLike):
        return _Path(Path(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return _Pieces((bytes(source),))
    if hasattr(source, "read"):
        return _File(cast(BinaryIO, source))
    return _Pieces(source)


class _Path:
    """A file by its name: each try opens it anew; a pipe by its name gives its bytes once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.repeatable = path.is_file()

    def size(self) -> int | None:
        return self._path.stat().st_size if self.repeatable else None

    def chunks(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=0) as file:
            yield from _read(file)


class _File:
    """An open binary file, from where it stands; only a seekable one can be read again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.repeatable = bool(getattr(file, "seekable", bool)())
        self._start = file.tell() if self.repeatable else 0

    def size(self) -> int | None:
        if not self.repeatable:
            return None
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(self._start)
        return end - self._start

    def chunks(self) -> Iterator[bytes]:
        if self.repeatable:
            self._file.seek(self._start)
        yield from _read(self._file)


class _Pieces:
    """Pieces of bytes of any size; a list or tuple of them can be read again."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.repeatable = isinstance(pieces, Sequence)

    def size(self) -> int | None:
        return sum(map(len, self._pieces)) if self.repeatable else None

    def chunks(self) -> Iterator[bytes]:
        for piece in self._pieces:
            for start in range(0, len(piece), CHUNK_BYTES):
                yield bytes(piece[start : start + CHUNK_BYTES])


def _read(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield _checked(chunk)
    _checked(chunk)


def _checked(chunk: object) -> bytes:
    # Text, or None from a file that does not block, must not pass for the capture's end.
    if not isinstance(chunk, bytes):
        raise TypeError(
            f"reading a capture gave {type(chunk).__name__}, not bytes; "
            "open the file in binary, blocking mode"
        )
    return chunk
