"""Whether the store may have been rolled back: the system went down under NORMAL commits.

Then events that were seen may be gone, and their sequences be given to others. A new epoch
tells cursors of before from those of after: nobody is served a log that is another one.

While NORMAL commits are made, `meta` names the boot of the system in which they were. They
are safe once that name is taken back in a FULL commit: at a clean end, or at an opening in
the same boot.
"""

from pathlib import Path

import apsw

from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.transaction import Synchronous, transaction

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Random, of each start of the system (proc(5))."""


def begin_epoch(connection: apsw.Connection, synchronous: Synchronous) -> None:
    """At open: begins a new epoch where the system went down under NORMAL commits, and notes
    whether this opening makes any.
    """
    boot = BOOT_ID.read_text().strip()
    before = get_meta(connection, "unsynced")
    now = boot if synchronous == "NORMAL" else ""
    if before == now:
        return
    with transaction(connection):
        if before not in ("", boot):
            set_meta(connection, "epoch", get_meta(connection, "epoch") + 1)
        set_meta(connection, "unsynced", now)


def end_epoch(connection: apsw.Connection, synchronous: Synchronous) -> None:
    """At a clean end: makes durable what was committed."""
    if synchronous == "NORMAL":
        with transaction(connection):
            set_meta(connection, "unsynced", "")
