"""What stores are asked for."""

import pytest

from replayd.journal.store import (
    Change,
    StoredEvent,
    StoredReplay,
    matching,
    place_of,
    split_place,
)
from replayd.model.event import EventKind
from replayd.model.replay import ReplayState


@pytest.mark.parametrize("place", [(1, 0), (1, 7), (3, (1 << 32) - 1), ((1 << 31) - 1, 5)])
def test_a_place_is_a_batch_and_an_index(place: tuple[int, int]) -> None:
    assert split_place(place_of(*place)) == place
    assert place_of(*place) < 1 << 63


def test_an_empty_change() -> None:
    assert Change().empty
    assert Change(forget_before=5).empty
    assert not Change(claims=()).empty
    assert not Change(paused=False).empty
    assert not Change(replays=[StoredReplay(1, ReplayState.RUNNING, 1)]).empty


def test_matching() -> None:
    events = [
        StoredEvent(1, EventKind.LOG, "", b""),
        StoredEvent(2, EventKind.LOG, "b1", b""),
        StoredEvent(3, EventKind.UPDATE, "b2", b""),
    ]

    def found(*kinds: EventKind, batch_id: str = "") -> list[int]:
        return [each.sequence for each in matching(events, frozenset(kinds), batch_id)]

    assert found() == [1, 2, 3]
    assert found(EventKind.LOG) == [1, 2]
    assert found(batch_id="b2") == [1, 3]
    assert found(EventKind.UPDATE, batch_id="b1") == []
