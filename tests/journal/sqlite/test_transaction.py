"""All or nothing."""

from contextlib import suppress
from pathlib import Path

from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.schema import open_database
from replayd.journal.sqlite.transaction import transaction
from tests.support.journals import NOW, enqueue, row


def test_a_transaction_is_all_or_nothing(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    enqueue(journal, "b1", [row(0)])
    journal.close()
    connection = open_database(folder / "journal.db")
    with suppress(ZeroDivisionError), transaction(connection):
        connection.execute("DELETE FROM batch")
        raise ZeroDivisionError
    assert connection.execute("SELECT count(*) FROM batch").fetchone() == (1,)
    connection.close()
