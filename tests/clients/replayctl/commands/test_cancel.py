import json

from flowreplay.v1 import event_pb2
from flowreplay.v1.replay_pb2 import CancelledReplay, CancelRequest, CancelResponse

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_says_of_each_what_became_of_it(fake: FakeDaemon) -> None:
    fake.answers["Cancel"] = CancelResponse(
        replays=[
            CancelledReplay(replay_id="a.1", state=event_pb2.REPLAY_STATE_CLEARED, changed=True),
            CancelledReplay(replay_id="a.2", state=event_pb2.REPLAY_STATE_KILLED, changed=True),
            CancelledReplay(replay_id="b.1\x1b", state=event_pb2.REPLAY_STATE_FAILED),
        ]
    )
    ended = replayctl(fake.address, "cancel", "a.1", "a.2", "b.1")
    assert ended.stdout == "a.1 CLEARED\na.2 KILLED\nb.1\\x1b had ended: FAILED\n"
    assert fake.requests == [CancelRequest(replay_ids=["a.1", "a.2", "b.1"])]
    shown = replayctl(fake.address, "--output", "json", "cancel", "a.1").stdout
    assert json.loads(shown)["replays"][0]["changed"] is True


def test_a_replay_has_to_be_named(fake: FakeDaemon) -> None:
    assert (replayctl(fake.address, "cancel").code, fake.requests) == (2, [])
