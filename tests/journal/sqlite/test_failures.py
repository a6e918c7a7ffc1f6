"""What SQLite's errors mean."""

from pathlib import Path

import apsw
import pytest

from replayd.errors import DiskError
from replayd.journal.sqlite.failures import journal_error, lasting
from replayd.reasons import Reason

PATH = Path("/data/journal.db")


def io_error(code: int) -> apsw.Error:
    error = apsw.IOError("disk I/O error")
    error.result, error.extendedresult = apsw.SQLITE_IOERR, code
    return error


@pytest.mark.parametrize(
    ("error", "lasts", "text"),
    [
        (apsw.FullError("full"), False, "no room left for /data/journal.db; free some"),
        (io_error(apsw.SQLITE_IOERR_READ), False, "can't be read"),
        (io_error(apsw.SQLITE_IOERR_WRITE), True, "failed to store"),
        (io_error(apsw.SQLITE_IOERR_FSYNC), True, "check the disk, then restart the daemon"),
        (io_error(apsw.SQLITE_IOERR_DIR_FSYNC), True, "failed to store"),
        (apsw.CorruptError("malformed"), True, "is damaged (malformed); stop the daemon"),
        (apsw.NotADBError("no database"), True, "is damaged"),
        (apsw.BusyError("locked"), False, "can't be read (locked)"),
    ],
)
def test_each_says_what_to_do(error: apsw.Error, lasts: bool, text: str) -> None:
    assert lasting(error) is lasts
    told = journal_error(error, PATH)
    full = isinstance(error, apsw.FullError)
    assert told.reason is (Reason.DISK_FULL if full else Reason.JOURNAL_UNAVAILABLE)
    assert isinstance(told, DiskError) == (lasts and "failed to store" in told.message)
    assert text in told.message
