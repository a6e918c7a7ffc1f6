"""What a database tells at open."""

from pathlib import Path

from replayd.codec.controls import encode_controls
from replayd.journal.interface import Journal
from replayd.journal.sqlite.loading import load, pack_places, stored_batch, unpack_places
from replayd.journal.sqlite.schema import open_database
from replayd.journal.store import Figures, StoredBatch, place_of
from replayd.model.batch import Controls, Terms
from replayd.model.replay import ReplayState
from tests.support.journals import NOW, OPTIONS, enqueue, finish, row, run

CONTROLS = Controls(owner="me")


def test_places_are_packed_in_eight_bytes() -> None:
    places = [0, place_of(3, 9), place_of(1 << 30, (1 << 32) - 1)]
    packed = pack_places(places)
    assert len(packed) == 24
    assert unpack_places(packed) == places
    assert unpack_places(pack_places([])) == []


def test_an_empty_database(stored: Journal, folder: Path) -> None:
    stored.close()
    opened = load(open_database(folder / "journal.db"))
    assert (opened.latest, opened.trimmed, opened.paused) == (0, 0, False)
    assert (opened.next_number, opened.next_position) == (1, 1)
    assert (opened.accepted, sum(opened.ended.values())) == (0, 0)
    assert (list(opened.live), list(opened.interrupted)) == ([], [])


def test_only_what_is_not_finished_is_loaded(stored: Journal, folder: Path) -> None:
    enqueue(stored, "b1", [row(0)])
    enqueue(
        stored,
        "b2",
        [row(2), row(4), row(9)],
        terms=Terms("mine", options=OPTIONS, controls=CONTROLS),
    )
    run(stored)
    run(stored)
    stored.pause(True, NOW)
    stored.close()
    connection = open_database(folder / "journal.db")
    opened = load(connection)
    figures = Figures(2, 2, 1, 0, 0, 0, 0)
    expected = StoredBatch(
        2,
        "b2",
        2,
        "mine",
        3,
        2,
        9,
        figures,
        options=OPTIONS,
        controls=encode_controls(CONTROLS._replace(accepted=NOW)),
    )
    assert opened.live == [expected]
    assert (opened.accepted, opened.ended[ReplayState.SUCCEEDED]) == (4, 2)
    assert (opened.next_number, opened.next_position, opened.paused) == (3, 3, True)
    first = stored_batch(connection, "b1")
    assert first is not None
    assert first.figures.succeeded == 1
    assert stored_batch(connection, "b3") is None
    connection.close()


def test_a_damaged_plan_is_not_sent_again(stored: Journal, folder: Path) -> None:
    """What can't be read can't be known to be safe to send again."""
    enqueue(stored, "b1", [row(0), row(1)])
    taken = stored.take(2, NOW)
    stored.begin(taken)
    finish(stored, taken[1])
    stored.close()
    connection = open_database(folder / "journal.db")
    connection.execute("UPDATE prepared SET plan = x'00'")
    (interrupted,) = load(connection).interrupted
    assert (interrupted.flow_index, interrupted.idempotent, interrupted.plan) == (0, False, b"")
    connection.close()
