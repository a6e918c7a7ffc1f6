"""The journal in a data folder: one SQLite database, and files for large contents.

`folder` owns the folder, `schema` opens the database, `migrations` are its versions,
`transaction` is what a commit waits for; `loading` reads it once at open, `writing` changes
it, `removing` deletes what is old, `rollback` tells when the system lost what was not synced,
`contents` and `checksum` keep payloads, `room` heeds how full the disk is, `failures` says
what went wrong; `store` joins them.
"""

import time
from collections.abc import Callable
from pathlib import Path

from replayd.journal.interface import Journal
from replayd.journal.journal import StoredJournal
from replayd.journal.sqlite.store import SqliteStore
from replayd.journal.sqlite.transaction import Synchronous


def open_sqlite(
    data_dir: Path,
    now: int,
    synchronous: Synchronous = "FULL",
    *,
    strict_order: bool = True,
    fair: bool = False,
    disk_floor: int | None = None,
    clock: Callable[[], int] = time.monotonic_ns,
) -> Journal:
    """Opens the journal in a folder, which is made where there is none.

    NORMAL: what a method calls durable survives `kill -9` only, not a power cut. What a
    crash interrupted is settled, at the time `now`. `strict_order`, `fair` and `clock` as in
    StoredJournal. `disk_floor`: bytes that must be free where more is to be queued; None: what
    suits the disk.
    Raises JournalError when the folder is in use, not ours alone, or holds something else,
    newer or damaged.
    """
    store = SqliteStore(data_dir, synchronous, disk_floor)
    try:
        return StoredJournal(store, now, strict_order=strict_order, fair=fair, clock=clock)
    except BaseException:
        store.close()
        raise
