from flowreplay.v1.replay_pb2 import SetPriorityRequest, SetPriorityResponse

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_it_says_the_priority_that_the_batch_has(fake: FakeDaemon) -> None:
    for changed, said in ((True, "at the front"), (False, "at the front already")):
        fake.answers["SetPriority"] = SetPriorityResponse(changed=changed, priority=7)
        assert replayctl(fake.address, "front", "b1").stdout == f"{said}, priority 7\n"
    assert fake.requests[0] == SetPriorityRequest(batch_id="b1", front=True)
