from flowreplay.v1.replay_pb2 import SetPriorityRequest, SetPriorityResponse

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_it_says_the_priority_that_the_batch_has(fake: FakeDaemon) -> None:
    for changed, said in ((True, "priority -5\n"), (False, "priority -5 already\n")):
        fake.answers["SetPriority"] = SetPriorityResponse(changed=changed, priority=-5)
        assert replayctl(fake.address, "priority", "b1", "-5").stdout == said
    assert fake.requests[0] == SetPriorityRequest(batch_id="b1", priority=-5)


def test_a_priority_has_its_range(fake: FakeDaemon) -> None:
    assert (replayctl(fake.address, "priority", "b1", "1001").code, fake.requests) == (2, [])
