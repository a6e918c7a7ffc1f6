"""The room in the queue: refused before it is full, also by calls that end together."""

import pytest

from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.rpc.room import QueueRoom


def test_there_is_room_up_to_the_limit() -> None:
    room = QueueRoom(lambda: 7, 10)
    room.check(3)
    with pytest.raises(ReplaydError, match="7 replays are queued and 4 more") as caught:
        room.check(4)
    assert caught.value.reason is Reason.QUEUE_FULL
    assert caught.value.metadata == {"queued_count": "7", "max_queued": "10", "new_count": "4"}


def test_without_a_limit_there_always_is() -> None:
    QueueRoom(lambda: 10**12, 0).check(10**12)


def test_what_is_being_queued_has_its_place() -> None:
    room = QueueRoom(lambda: 0, 10)
    with room.taking(6), pytest.raises(ReplaydError), room.taking(5):
        raise AssertionError("there was room for 11")
    with room.taking(10), pytest.raises(ReplaydError):
        room.check()
    room.check(10)


def test_nothing_needs_no_room() -> None:
    with QueueRoom(lambda: 10, 10).taking(0):
        pass
