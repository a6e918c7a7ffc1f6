"""The system's files as SQLite sees them, with calls that fail when they are told to, and with
what a failed sync, or a power cut, takes back.

The names of methods are SQLite's (https://www.sqlite.org/c3ref/io_methods.html).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

Faults = Callable[[str, str], int]
"""Given a call's name and the file's: the extended code to fail with; 0: it succeeds."""


class FaultyVfs(apsw.VFS):
    """Counts the calls that touch the disk, and asks `faults` what becomes of each.

    A write that fails has written half. What a failed sync did not write is read as if it were
    there until the `power_cut`, and a later sync that succeeds does not write it: so do kernels.
    """

    def __init__(self, faults: Faults = lambda *_: 0) -> None:
        self.below = apsw.vfs_names()[0]
        super().__init__("faulty", self.below, makedefault=True)
        self.faults = faults
        self.calls: Counter[str] = Counter()
        self.unsynced: defaultdict[Path, dict[int, bytes]] = defaultdict(dict)
        """What lies on the disk in place of what was written, by its offset."""
        self.lost: defaultdict[Path, dict[int, bytes]] = defaultdict(dict)
        """The same, of what no sync will write any more."""

    def call(self, what: str, path: Path) -> None:
        """Counts a call; raises what it fails with."""
        self.calls[what] += 1
        code = self.faults(what, path.name)
        if code:
            raise apsw.exception_for(code)

    def power_cut(self) -> None:
        """Takes back what is not on the disk. No database may be open."""
        for kept in (self.unsynced, self.lost):
            for path, pieces in kept.items():
                if path.exists():
                    with path.open("r+b") as file:
                        for offset, before in pieces.items():
                            file.seek(offset)
                            file.write(before)
            kept.clear()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.call("delete", Path(filename))
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(
        self, vfs: FaultyVfs, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        self._path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        self._vfs = vfs
        super().__init__(vfs.below, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._vfs.call("read", self._path)
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._note(len(data), offset)
        try:
            self._vfs.call("write", self._path)
        except apsw.Error:
            super().xWrite(bytes(data)[: len(data) // 2], offset)
            raise
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        vfs = self._vfs
        unsynced = vfs.unsynced.pop(self._path, {})
        try:
            vfs.call("sync", self._path)
        except apsw.Error:
            vfs.lost[self._path] |= unsynced
            raise
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._vfs.call("truncate", self._path)
        super().xTruncate(newsize)
        for kept in (self._vfs.unsynced, self._vfs.lost):
            kept[self._path] = {at: piece for at, piece in kept[self._path].items() if at < newsize}

    def _note(self, length: int, offset: int) -> None:
        """Keeps what lies on the disk there; SQLite writes pages, always at the same places."""
        lost = self._vfs.lost[self._path].pop(offset, None)
        if offset not in self._vfs.unsynced[self._path]:
            there = max(min(length, super().xFileSize() - offset), 0)
            before = lost or (super().xRead(there, offset) if there else b"")
            self._vfs.unsynced[self._path][offset] = before.ljust(length, b"\0")


@contextmanager
def faulty_vfs(faults: Faults = lambda *_: 0) -> Iterator[FaultyVfs]:
    """Every database that is opened meanwhile lies on it."""
    vfs = FaultyVfs(faults)
    try:
        yield vfs
    finally:
        vfs.unregister()
