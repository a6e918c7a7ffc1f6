from flowreplay.v1.replay_pb2 import StepRequest, StepResponse

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_it_prints_what_was_taken(fake: FakeDaemon) -> None:
    fake.answers["Step"] = StepResponse(replay_ids=["b1.0", "b1.1\x1b"])
    ended = replayctl(fake.address, "step", "--batch", "b1", "--count", "2")
    assert ended.stdout == "b1.0\nb1.1\\x1b\n"
    fake.answers["Step"] = StepResponse()
    assert replayctl(fake.address, "step").stdout == "nothing waits\n"
    assert fake.requests == [
        StepRequest(batch_id="b1", replay_count=2),
        StepRequest(replay_count=1),
    ]
