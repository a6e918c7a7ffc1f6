"""The system's files as SQLite sees them, with calls that fail when they are told to.

The names of methods are SQLite's (https://www.sqlite.org/c3ref/io_methods.html).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

Faults = Callable[[str, str], int]
"""Given a call's name and the file's: the extended code to fail with; 0: it succeeds."""


class FaultyVfs(apsw.VFS):
    """Counts the calls that touch the disk, and asks `faults` what becomes of each."""

    def __init__(self, faults: Faults = lambda *_: 0) -> None:
        self.below = apsw.vfs_names()[0]
        super().__init__("faulty", self.below, makedefault=True)
        self.faults = faults
        self.calls: Counter[str] = Counter()

    def call(self, what: str, name: str) -> None:
        """Counts a call; raises what it fails with."""
        self.calls[what] += 1
        code = self.faults(what, name)
        if code:
            raise apsw.exception_for(code)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.call("delete", Path(filename).name)
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(
        self, vfs: FaultyVfs, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._name = Path(path).name
        self._vfs = vfs
        super().__init__(vfs.below, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._vfs.call("read", self._name)
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._vfs.call("write", self._name)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._vfs.call("sync", self._name)
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._vfs.call("truncate", self._name)
        super().xTruncate(newsize)


@contextmanager
def faulty_vfs(faults: Faults = lambda *_: 0) -> Iterator[FaultyVfs]:
    """Every database that is opened meanwhile lies on it."""
    vfs = FaultyVfs(faults)
    try:
        yield vfs
    finally:
        vfs.unregister()
