"""A transaction, and what its commit waits for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import apsw

Synchronous = Literal["FULL", "NORMAL"]
"""What a commit waits for: the disk, or the operating system."""


@contextmanager
def transaction(connection: apsw.Connection, synchronous: Synchronous = "FULL") -> Iterator[None]:
    """Commits at its end, or rolls back.

    A NORMAL one survives the process at once, and a power cut from the next FULL one or
    checkpoint on. A power cut before that takes it back, and those after it, never one
    without the other.
    """
    # Not by `execute`, whose statements are remembered: this one acts when it is compiled.
    connection.pragma("synchronous", synchronous)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
