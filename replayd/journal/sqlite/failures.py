"""What an error of SQLite means for the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from replayd.errors import DiskError, JournalError
from replayd.journal.body import NO_ROOM
from replayd.reasons import Reason

_LOST = frozenset(
    {
        apsw.SQLITE_IOERR_WRITE,
        apsw.SQLITE_IOERR_FSYNC,
        apsw.SQLITE_IOERR_DIR_FSYNC,
        apsw.SQLITE_IOERR_TRUNCATE,
        apsw.SQLITE_IOERR_CLOSE,
        apsw.SQLITE_IOERR_CORRUPTFS,
    }
)
"""After these nobody knows what is on the disk, and a second fsync would report success
without having written the pages that the first one lost."""


def is_full(error: apsw.Error, number: int) -> bool:
    """Tells whether there is no room; `number` is the system's, of its last error. SQLite takes
    a quota for a disk that fails.
    """
    if isinstance(error, apsw.FullError):
        return True
    return _extended(error) == apsw.SQLITE_IOERR_WRITE and number in NO_ROOM


def lasting(error: apsw.Error, number: int = 0) -> bool:
    """Tells whether the store can't be trusted until it was opened anew."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return True
    return _extended(error) in _LOST and not is_full(error, number)


def _extended(error: apsw.Error) -> int:
    return getattr(error, "extendedresult", 0) if isinstance(error, apsw.IOError) else 0


def journal_error(error: apsw.Error, path: Path, number: int = 0) -> JournalError:
    """Says it in the operator's words; `number` as for `is_full`."""
    if is_full(error, number):
        return JournalError(
            f"there is no room left for {path}; free some on that disk, then it goes on",
            reason=Reason.DISK_FULL,
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return damaged_database(path, error)
    if lasting(error, number):
        return DiskError(
            f"the disk of {path} failed to store ({error}); check the disk, then restart the daemon"
        )
    return JournalError(f"{path} can't be read ({error}); check the disk")


def damaged_database(path: Path, error: Exception) -> JournalError:
    """Says that what the database holds can't be."""
    return JournalError(
        f"{path} is damaged ({error}); stop the daemon: `replayd journal check` says what of it, "
        "and `replayd journal salvage` copies the rest; or restore its folder from a backup"
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and of the system, of a command that uses a database, into the
    operator's words.
    """
    try:
        yield
    except apsw.Error as error:
        raise journal_error(error, path) from error
    except UnicodeDecodeError as error:
        raise damaged_database(path, error) from error
    except OSError as error:
        name = error.filename or path
        raise JournalError(f"{name} can't be read or written: {error.strerror}") from error
