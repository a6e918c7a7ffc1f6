"""Whether the store may have been rolled back: the system went down under NORMAL commits, or
SQLite's log was damaged or is gone.

Then events that were seen may be gone, and their sequences be given to others. A new epoch
tells cursors of before from those of after: nobody is served a log that is another one.

While NORMAL commits are made, `meta` names the boot of the system in which they were. They
are safe once that name is taken back in a FULL commit: at a clean end, or at an opening in
the same boot.
"""

from pathlib import Path

import apsw

from replayd.errors import JournalError
from replayd.journal.sqlite.log_end import log_was_cut
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.transaction import Synchronous, transaction

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Random, of each start of the system (proc(5))."""


def check_log(connection: apsw.Connection, log: Path, *, was_there: bool) -> bool:
    """At open, before anything is written: tells whether the log has lost commits that were
    durable. Raises JournalError when it was not there.
    """
    opened = get_meta(connection, "opened")
    if opened and not was_there:
        raise JournalError(
            f"{log} is missing, and with it what was written before the daemon was killed; put it "
            "back, or copy what is left with `replayd journal salvage`"
        )
    return bool(opened == _boot() and log_was_cut(connection, log))


def begin_epoch(connection: apsw.Connection, synchronous: Synchronous, *, cut: bool) -> None:
    """At open: begins a new epoch where the log was cut, or the system went down under NORMAL
    commits, and notes that it is open and whether this opening makes any of those.
    """
    boot = _boot()
    before = get_meta(connection, "unsynced")
    with transaction(connection):
        if cut or before not in ("", boot):
            set_meta(connection, "epoch", get_meta(connection, "epoch") + 1)
        set_meta(connection, "unsynced", boot if synchronous == "NORMAL" else "")
        set_meta(connection, "opened", boot)
    # The database itself has to say that there is a log.
    connection.wal_checkpoint()


def end_epoch(connection: apsw.Connection) -> None:
    """At a clean end: makes durable what was committed."""
    with transaction(connection):
        set_meta(connection, "unsynced", "")
        set_meta(connection, "opened", "")


def _boot() -> str:
    return BOOT_ID.read_text().strip()
