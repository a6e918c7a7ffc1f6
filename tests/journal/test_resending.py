"""Copies of replays: in groups, and all or nothing."""

import pytest

from replayd.errors import JournalError
from replayd.journal import resending
from replayd.journal.interface import Journal
from replayd.journal.journal import StoredJournal
from replayd.journal.resending import stage_copies, stored_batch
from replayd.model.replay import Row
from tests.support.journals import enqueue, row


def test_they_are_staged_in_groups_and_nothing_stays_of_what_fails(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(journal, StoredJournal)
    enqueue(journal, "b1", [row(index, request_content=b"x" * 100) for index in range(7)])
    ledger, enqueues = journal._ledger, journal._enqueues
    staged: list[list[int]] = []
    stage = enqueues.stage

    def noted(batch_id: str, rows: list[Row]) -> None:
        staged.append([each.flow_index for each in rows])
        if staged[-1] == [6]:
            raise JournalError("disk full")
        stage(batch_id, rows)

    monkeypatch.setattr(enqueues, "stage", noted)
    monkeypatch.setattr(resending, "_ROWS", 3)
    batch = stored_batch(ledger, "b1")
    with pytest.raises(JournalError):
        stage_copies(ledger, enqueues, batch, range(7), "again")
    assert staged == [[0, 1, 2], [3, 4, 5], [6]]
    assert "again" not in enqueues._incoming
    staged.clear()
    monkeypatch.setattr(resending, "_BYTES", 250)
    stage_copies(ledger, enqueues, batch, range(4), "again")
    assert staged == [[0, 1], [2, 3], []]
