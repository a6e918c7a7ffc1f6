from flowreplay.v1.replay_pb2 import EnqueueOptions
from flowreplay_client.steering import fill_steering


def test_what_is_not_said_is_the_contracts_default() -> None:
    options = EnqueueOptions()
    fill_steering(options, {})
    assert options == EnqueueOptions()
    fill_steering(options, {"priority": 2, "paused": True, "owner": "me"})
    assert options == EnqueueOptions(priority=2, paused=True, owner="me")
