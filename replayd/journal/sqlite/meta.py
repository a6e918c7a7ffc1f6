"""What the database says of itself: named values, each with its checksum."""

from typing import Any

import apsw

from replayd.journal.sqlite.checksum import checksum, damaged
from replayd.journal.sqlite.query import fetch_row, fetch_rows

UNCHECKED = "file_bytes"
"""Kept by triggers, which know no checksum; `load` compares it with the files' rows."""


def read_meta(connection: apsw.Connection) -> dict[str, Any]:
    """Returns all values. Raises JournalError when one is damaged."""
    meta = {}
    for name, value, expected in fetch_rows(connection, "SELECT * FROM meta"):
        _check(connection, name, value, expected)
        meta[name] = value
    return meta


def get_meta(connection: apsw.Connection, name: str) -> Any:
    """Returns a value. Raises JournalError when it is damaged, or missing."""
    row = fetch_row(connection, "SELECT value, checksum FROM meta WHERE name = ?", (name,))
    if row is None:
        raise damaged(connection.filename, f"the value {name!r}")
    _check(connection, name, *row)
    return row[0]


def set_meta(connection: apsw.Connection, name: str, value: int | str | bytes) -> None:
    """Changes a value in a transaction."""
    connection.execute(
        "UPDATE meta SET value = ?, checksum = ? WHERE name = ?",
        (value, checksum(name, value), name),
    )


def _check(connection: apsw.Connection, name: str, value: object, expected: int) -> None:
    if name != UNCHECKED and expected != checksum(name, value):
        raise damaged(connection.filename, f"the value {name!r}")
