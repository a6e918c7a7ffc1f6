"""Whether the store may have been rolled back: the system went down under NORMAL commits.

Then events that were seen may be gone, and their sequences be given to others. A new epoch
tells cursors of before from those of after: nobody is served a log that is another one.

While NORMAL commits are made, `meta` names the boot of the system in which they were. They
are safe once that name is taken back in a FULL commit: at a clean end, or at an opening in
the same boot.
"""

from pathlib import Path

import apsw

from replayd.journal.sqlite.query import fetch_row
from replayd.journal.sqlite.transaction import Synchronous, transaction

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Random, of each start of the system (proc(5))."""


def begin_epoch(connection: apsw.Connection, synchronous: Synchronous) -> None:
    """At open: begins a new epoch where the system went down under NORMAL commits, and notes
    whether this opening makes any.
    """
    boot = BOOT_ID.read_text().strip()
    (before,) = fetch_row(connection, "SELECT value FROM meta WHERE name = 'unsynced'")
    now = boot if synchronous == "NORMAL" else ""
    if before == now:
        return
    with transaction(connection):
        if before not in ("", boot):
            connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'epoch'")
        _note(connection, now)


def end_epoch(connection: apsw.Connection, synchronous: Synchronous) -> None:
    """At a clean end: makes durable what was committed."""
    if synchronous == "NORMAL":
        with transaction(connection):
            _note(connection, "")


def _note(connection: apsw.Connection, boot: str) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE name = 'unsynced'", (boot,))
