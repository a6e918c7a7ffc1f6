"""The ids that requests name replays by."""

import pytest

from replayd.errors import ReplaydError
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason
from replayd.rpc.replay_ids import replay_keys


def test_ids_are_read_in_their_order() -> None:
    assert replay_keys(["b.1", "a.0"]) == [ReplayKey("b", 0, 1), ReplayKey("a", 0, 0)]


@pytest.mark.parametrize(
    "replay_id", ["", "b", "b.x", "b.-1", "b.01", "b. 1", "b.1.0", "b.1.2048", "b.1.2.3"]
)
def test_what_is_no_id_is_not_found(replay_id: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        replay_keys(["b.1", replay_id])
    assert caught.value.reason is Reason.REPLAY_NOT_FOUND
    assert caught.value.metadata == {"replay_id": replay_id}
