import pytest
from flowreplay.v1.event_pb2 import ReplayState
from flowreplay.v1.history_pb2 import ListReplaysRequest
from flowreplay_client.listing import list_request, state_names


def test_every_state_has_its_word() -> None:
    states = list_request({"states": state_names()}).states
    assert sorted({0, *states}) == sorted(ReplayState.values())
    with pytest.raises(ValueError, match="'odd' is not a state; use queued, running"):
        list_request({"states": ["odd"]})


def test_settings_become_a_request() -> None:
    assert list_request({}) == ListReplaysRequest()
    asked = list_request({"batch_id": "b", "parked": True, "page_size": 3, "filter": "~q"})
    assert asked == ListReplaysRequest(batch_id="b", parked=True, page_size=3, filter="~q")
