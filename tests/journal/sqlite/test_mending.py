"""What refers to something lost is mended, and nothing that may have been sent waits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.checksum import checksum
from replayd.journal.sqlite.loading import pack_places
from replayd.journal.store import place_of
from replayd.model.replay import Counts, Resolution
from tests.journal.sqlite.test_salvage import rescue
from tests.support.journals import NOW, drain, indices

FIRST = "place & 0xffffffff = 0"


@pytest.mark.parametrize(
    ("statement", "lost", "expected"),
    [
        # A batch whose row is lost has its id from the log; what waits in it may have been
        # sent or cleared.
        ("UPDATE batch SET label = 'x' WHERE number = 4", {"lost_batches": 1}, (2, 2, 2, 4)),
        ("DELETE FROM cleared", {}, (5, 2, 0, 3)),
        # The log says that it ended.
        (
            "DELETE FROM replay WHERE state = 3 AND " + FIRST,
            {"lost_outcomes": 1},
            (5, 1, 2, 2),
        ),
        ("DELETE FROM prepared WHERE place >> 32 = 4", {"lost_flows": 3}, (2, 2, 2, 1)),
        # Of a response that is lost nobody knows whether it was one.
        ("DELETE FROM file WHERE part = 'response'", {"lost_outcomes": 1}, (5, 1, 2, 2)),
        ("UPDATE replay SET attempt = 9 WHERE state = 4", {"lost_outcomes": 2}, (5, 2, 2, 3)),
        ("INSERT INTO removed VALUES (4)", {}, (5, 2, 2, 1)),
    ],
)
def test_what_is_left_balances(
    lived_in: Path,
    harm: Callable[[str], None],
    statement: str,
    lost: dict[str, int],
    expected: tuple[int, int, int, int],
) -> None:
    harm(statement)
    new, counts = rescue(lived_in)
    assert {name: counts[name] for name in lost} == lost
    journal = open_sqlite(new, NOW)
    found = journal.count("")
    assert (found.queued, found.succeeded, found.cleared, found.interrupted) == expected
    journal.pause(False, NOW)
    assert len(drain(journal)) == found.queued
    journal.close()


def test_when_a_log_says_that_it_ended_it_is_not_sent_again(
    lived_in: Path, harm: Callable[[str], None]
) -> None:
    """Its batch's figures and its own row are both lost, as with a whole commit."""
    harm(
        "DELETE FROM replay WHERE state = 4; UPDATE batch SET failed = 0, figures_checksum = "
        "(SELECT 0) WHERE batch_id = 'crashed'"
    )
    new, _ = rescue(lived_in)
    journal = open_sqlite(new, NOW)
    journal.pause(False, NOW)
    assert not set(indices(drain(journal))) & {10, 11}
    assert journal.count("lost-2") == Counts(interrupted=5, parked=5)
    journal.close()


def test_when_claims_are_lost_what_waits_is_an_attempt_more(
    lived_in: Path, harm: Callable[[str], None]
) -> None:
    """Nobody knows which of them were sent: they are marked."""
    harm("DELETE FROM meta WHERE name = 'claims'")
    new, _ = rescue(lived_in)
    journal = open_sqlite(new, NOW)
    journal.pause(False, NOW)
    attempts = [replay.attempt for replay in journal.take(9, NOW)]
    assert attempts == [2, 2, 2, 2, 2]
    journal.close()


def test_what_was_resolved_stays_so(lived_in: Path) -> None:
    """Otherwise it could be sent again."""
    journal = open_sqlite(lived_in, NOW)
    journal.clear("", NOW)
    journal.resolve("crashed", None, Resolution.DROP, resent_as="", now=NOW)
    journal.close()
    new, counts = rescue(lived_in)
    assert counts["lost_resolutions"] == 0
    journal = open_sqlite(new, NOW)
    (past,) = (past for past in journal.history("crashed", -1, 9) if past.resolution)
    assert past.resolution is Resolution.DROP
    journal.close()


def test_a_resolution_that_is_lost_is_told(lived_in: Path, harm: Callable[[str], None]) -> None:
    value = f"value = 3, checksum = {checksum('resolved', 3)}"
    harm(f"UPDATE meta SET {value} WHERE name = 'resolved'")
    _, counts = rescue(lived_in)
    assert counts["lost_resolutions"] == 3


def test_a_claim_of_a_flow_that_is_lost_is_forgotten(
    lived_in: Path, harm: Callable[[str], None]
) -> None:
    claims = pack_places([place_of(4, 0), place_of(4, 1)])
    harm(
        "DELETE FROM prepared WHERE place >> 32 = 4 AND place & 1 = 0; UPDATE meta SET "
        f"value = x'{claims.hex()}', checksum = {checksum('claims', claims)} WHERE name = 'claims'"
    )
    new, _ = rescue(lived_in)
    journal = open_sqlite(new, NOW)
    journal.pause(False, NOW)
    assert [(each.key.flow_index, each.attempt) for each in journal.take(9, NOW)][-1] == (1, 2)
    journal.close()
