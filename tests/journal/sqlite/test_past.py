"""Reading replays back from a database: nothing damaged is ever served."""

from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.interface import Journal
from replayd.journal.sqlite.past import _PAST, read_past
from replayd.journal.sqlite.schema import open_database
from replayd.journal.store import place_of
from replayd.model.replay import ReplayState
from tests.support.journals import enqueue, row, run

EVERYTHING = (0, place_of(1 << 20, 0), 100, 1 << 20)


def test_a_replay_and_one_that_waits(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0), row(1)])
    run(stored, content=b"answer")
    stored.close()
    first, second = read_past(open_database(folder / "journal.db"), *EVERYTHING)
    assert (first.state, first.attempt) == (ReplayState.SUCCEEDED, 1)
    assert (first.response_content, bool(first.event)) == (b"answer", True)
    assert (second.state, second.attempt, second.response_content) == (None, 0, b"")
    assert (second.event, second.place) == (b"", place_of(1, 1))


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE prepared SET request_content = x'00'", "the request of batch 1, flow 0"),
        ("UPDATE prepared SET plan = x'00'", "the request of batch 1, flow 0"),
        ("UPDATE prepared SET flow = x'00'", "the flow of batch 1, flow 0"),
        ("UPDATE replay SET sequence = 1", "the outcome of batch 1, flow 0"),
        ("UPDATE event SET body = x'00'", "event 2"),
        ("INSERT INTO withheld VALUES (1 << 32, x'00', 0)", "what was withheld of batch 1, flow 0"),
    ],
)
def test_damage_is_never_served(stored: Journal, folder: Path, statement: str, what: str) -> None:
    enqueue(stored, "b1", [row(0)])
    run(stored)
    stored.close()
    connection = open_database(folder / "journal.db")
    connection.execute(statement)
    with pytest.raises(JournalError, match=f"^{what}.* is damaged"):
        read_past(connection, *EVERYTHING)


def test_no_table_is_scanned(stored: Journal, folder: Path) -> None:
    stored.close()
    connection = open_database(folder / "journal.db")
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {_PAST}", (0, 1, 1))]
    assert [step.split(" ")[0] for step in steps] == ["SEARCH"] * 5
