"""What a SetPriority may ask for."""

import pytest
from flowreplay.v1.replay_pb2 import SetPriorityRequest

from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.rpc.steer import asked_priority


def test_a_priority_or_the_front() -> None:
    assert asked_priority(SetPriorityRequest(priority=0)) == 0
    assert asked_priority(SetPriorityRequest(priority=-1000)) == -1000
    assert asked_priority(SetPriorityRequest(front=True)) is None


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (SetPriorityRequest(), "front"),
        (SetPriorityRequest(front=False), "front"),
        (SetPriorityRequest(priority=1001), "priority"),
        (SetPriorityRequest(priority=-1001), "priority"),
    ],
)
def test_nothing_else(request_: SetPriorityRequest, field: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        asked_priority(request_)
    assert caught.value.reason is Reason.INVALID_OPTIONS
    assert caught.value.metadata["field"] == field
