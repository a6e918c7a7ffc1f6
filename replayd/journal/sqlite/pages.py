"""The pages of a database and of its log, read without SQLite, which refuses what is damaged.

A page has the newest of its images first: those of the log's commits, then the database's own.
Formats: https://sqlite.org/fileformat2.html
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE_SIZES = frozenset(1 << bits for bits in range(9, 17))

LOG_HEADER = struct.Struct(">IIIIIIII")
_LOG_MAGIC = (0x377F0682, 0x377F0683)
_FRAME = struct.Struct(">IIII")
"""Page, the database's pages after a commit (0: it is none), and the salts of its log."""
FRAME_HEADER = 24
_WORD = 0xFFFFFFFF


class Frame(NamedTuple):
    """A page in the log."""

    number: int
    page: int
    pages_after: int
    offset: int
    """Where the page's bytes begin."""


def log_frames(path: Path, page_size: int) -> Iterator[Frame]:
    """Yields the frames of the log that belong to it, whether their checksums are right or
    not: those that an earlier log left behind them have other salts.
    """
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return
    with file:
        header = file.read(LOG_HEADER.size)
        size = path.stat().st_size
        step = FRAME_HEADER + page_size
        offsets = range(LOG_HEADER.size, size - step + 1, step)
        heads = [_FRAME.unpack(os.pread(file.fileno(), _FRAME.size, at)) for at in offsets]
        salts = _salts(header, heads)
        for number, (offset, (page, after, *found)) in enumerate(zip(offsets, heads, strict=True)):
            if found == salts:
                yield Frame(number, page, after, offset + FRAME_HEADER)


def _salts(header: bytes, heads: list[tuple[int, ...]]) -> list[int]:
    """The log's salts. Where its header is damaged, those of the first frame; one that is whole
    may have no frame yet, when a kill came just after SQLite began the log anew.
    """
    if len(header) == LOG_HEADER.size:
        magic, *_, first, second = LOG_HEADER.unpack(header)
        named = list(LOG_HEADER.unpack(header)[4:6])
        order = ">" if magic & 1 else "<"
        whole = log_sums(header[:24], order, (0, 0)) == (first, second)
        if whole or any(list(head[2:]) == named for head in heads):
            return named
    return list(heads[0][2:]) if heads else []


def log_sums(data: bytes, order: str, state: tuple[int, int]) -> tuple[int, int]:
    """Goes on with SQLite's checksum of a log over more of it; `order` is that of its words."""
    first, second = state
    for one, two in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & _WORD
        second = (second + two + first) & _WORD
    return first, second


class Pages:
    """The pages of a database that nobody changes. Close it."""

    def __init__(self, database: Path) -> None:
        self._log_path = database.with_name(f"{database.name}-wal")
        self._file = database.open("rb", buffering=0)
        self._log = self._log_path.open("rb", buffering=0) if self._log_path.exists() else None
        head = self._file.read(100)
        self.size = self._page_size(head)
        self.usable = self.size - (head[20] if len(head) > 20 and head[20] < 64 else 0)
        count = database.stat().st_size // self.size
        frames = list(log_frames(self._log_path, self.size))
        while frames and not frames[-1].pages_after:
            # Of a commit that was not completed.
            frames.pop()
        self._images: dict[int, list[int]] = {}
        for frame in frames:
            self._images.setdefault(frame.page, []).append(frame.offset)
        self.count = max(count, *(frame.page for frame in frames)) if frames else count
        if frames and 0 < frames[-1].pages_after <= self.count:
            self.count = frames[-1].pages_after

    def is_map(self, page: int) -> bool:
        """Whether a page only says which page refers to which (`auto_vacuum`)."""
        return (page - 2) % (self.usable // 5 + 1) == 0

    def images(self, page: int) -> Iterator[bytes]:
        """Yields what a page held, the newest first."""
        if self._log is not None:
            for offset in reversed(self._images.get(page, ())):
                yield os.pread(self._log.fileno(), self.size, offset)
        data = os.pread(self._file.fileno(), self.size, (page - 1) * self.size)
        if len(data) == self.size:
            yield data

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        if self._log is not None:
            self._log.close()

    def _page_size(self, head: bytes) -> int:
        """Reads it in the database, or in the log where that is damaged."""
        found = int.from_bytes(head[16:18], "big")
        found = 65536 if found == 1 else found
        if head.startswith(b"SQLite format 3\0") and found in PAGE_SIZES:
            return found
        if self._log is not None:
            header = os.pread(self._log.fileno(), LOG_HEADER.size, 0)
            if len(header) == LOG_HEADER.size:
                magic, _, size, *_ = LOG_HEADER.unpack(header)
                if magic in _LOG_MAGIC and size in PAGE_SIZES:
                    return int(size)
        return 8192
