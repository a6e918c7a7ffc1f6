"""Whether a journal is the one that it was, or a copy of it.

A copy, such as a restored backup, goes on where the original was when it was made: the same
sequences would be given to other events, and what was queued then may have been sent since.
So it becomes another store, whose queue waits for somebody to look at it.

A journal is told from its copies by the birth of two files, which no copy keeps: the
database's, and that of `identity`, a symbolic link, since whatever copies into an older folder
writes over files but makes links anew.
"""

import ctypes
import os
import secrets
import struct
from contextlib import suppress
from pathlib import Path

import apsw

from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.query import fetch_row
from replayd.journal.sqlite.transaction import transaction

_NOFOLLOW = 0x100
_HERE = -100
_BIRTH = 0x800
"""Of statx(2)."""


def settle_identity(connection: apsw.Connection, folder: Path) -> bool:
    """Makes a copy a store of its own, which is paused where anything waits; True: it was one."""
    link = folder / "identity"
    home = get_meta(connection, "home")
    # An older database in the place of one that knew its folder.
    copied = link.is_symlink() if not home else False
    if not link.is_symlink():
        link.unlink(missing_ok=True)
        link.symlink_to("lock")
    found = home_of(folder)
    if home == found:
        return False
    copied = copied or bool(home)
    with transaction(connection):
        set_meta(connection, "home", found)
        if copied:
            set_meta(connection, "store_id", secrets.token_hex(8))
            set_meta(connection, "epoch", get_meta(connection, "epoch") + 1)
            if fetch_row(connection, _WAITING):
                set_meta(connection, "paused", 1)
    return copied


_WAITING = """
    SELECT 1 FROM batch WHERE position IS NOT NULL
        AND succeeded + failed + killed + cleared + interrupted < accepted LIMIT 1
"""


def home_of(folder: Path, database: Path | None = None) -> str:
    """Names a folder and its database, or one that takes its place; no other, and no copy of
    them, has this name.
    """
    database = database or folder / "journal.db"
    return f"{_birth(folder / 'identity')} {_birth(database)}"


def _birth(path: Path) -> str:
    """The number of a file and when it was made; where the file system does not know that,
    when its inode last changed.
    """
    found = ctypes.create_string_buffer(256)
    with suppress(AttributeError):
        # Python has no statx(2) before 3.15.
        failed = ctypes.CDLL(None).statx(_HERE, os.fsencode(path), _NOFOLLOW, _BIRTH, found)
        (mask,) = struct.unpack_from("=I", found.raw)
        if not failed and mask & _BIRTH:
            seconds, nanoseconds = struct.unpack_from("=qI", found.raw, 80)
            return f"{path.lstat().st_ino}:{seconds}.{nanoseconds:09}"
    state = path.lstat()
    return f"{state.st_ino}:{state.st_ctime_ns}" if path.is_symlink() else f"{state.st_ino}"
