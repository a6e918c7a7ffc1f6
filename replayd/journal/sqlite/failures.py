"""What an error of SQLite means for the journal."""

from pathlib import Path

import apsw

from replayd.errors import DiskError, JournalError
from replayd.reasons import Reason

_UNSYNCED = frozenset(
    {
        apsw.SQLITE_IOERR_FSYNC,
        apsw.SQLITE_IOERR_DIR_FSYNC,
        apsw.SQLITE_IOERR_TRUNCATE,
        apsw.SQLITE_IOERR_CLOSE,
        apsw.SQLITE_IOERR_CORRUPTFS,
    }
)
"""After these nobody knows what is on the disk, and a second fsync would report success
without having written the pages that the first one lost."""


def lasting(error: apsw.Error) -> bool:
    """Tells whether the store can't be trusted until it was opened anew."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return True
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _UNSYNCED


def journal_error(error: apsw.Error, path: Path) -> JournalError:
    """Says it in the operator's words."""
    if isinstance(error, apsw.FullError):
        return JournalError(
            f"there is no room left for {path}; free some on that disk, then it goes on",
            reason=Reason.DISK_FULL,
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return damaged_database(path, error)
    if lasting(error):
        return DiskError(
            f"the disk of {path} failed to store ({error}); check the disk, then restart the daemon"
        )
    return JournalError(f"{path} can't be read or written ({error}); check the disk")


def damaged_database(path: Path, error: Exception) -> JournalError:
    """Says that what the database holds can't be."""
    return JournalError(
        f"{path} is damaged ({error}); restore its folder from a backup, or move it away to "
        "begin with an empty one"
    )
