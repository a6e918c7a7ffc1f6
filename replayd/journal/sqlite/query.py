"""Queries, typed: what a column holds is known to the one who asks."""

from typing import Any

import apsw

Bindings = tuple[int | str | bytes | None, ...]


def fetch_rows(connection: apsw.Connection, statement: str, bindings: Bindings = ()) -> list[Any]:
    """Returns all rows, as tuples."""
    return connection.execute(statement, bindings).fetchall()


def fetch_row(connection: apsw.Connection, statement: str, bindings: Bindings = ()) -> Any:
    """Returns the first row, a tuple; None: there is none."""
    return connection.execute(statement, bindings).fetchone()
