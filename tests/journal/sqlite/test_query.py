"""Rows as tuples."""

import apsw

from replayd.journal.sqlite.query import fetch_row, fetch_rows


def test_rows() -> None:
    connection = apsw.Connection(":memory:")
    assert fetch_rows(connection, "VALUES (1, ?), (2, ?)", ("a", "b")) == [(1, "a"), (2, "b")]
    assert fetch_row(connection, "VALUES (1), (2)") == (1,)
    assert fetch_row(connection, "SELECT 1 WHERE 0") is None
    assert fetch_rows(connection, "SELECT 1 WHERE 0") == []
    connection.close()
