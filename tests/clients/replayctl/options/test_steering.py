from flowreplay.v1.replay_pb2 import EnqueueResponse

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_a_batch_is_steered_from_its_acceptance_on(fake: FakeDaemon) -> None:
    fake.enqueues.append(EnqueueResponse(batch_id="b1", accepted_count=1))
    arguments = ("enqueue", "-", "--priority", "-3", "--paused", "--owner", "ci")
    assert replayctl(fake.address, *arguments, stdin=b"[]").code == 0
    options = fake.requests[0].options
    assert (options.priority, options.paused, options.owner) == (-3, True, "ci")


def test_an_owner_has_its_limit(fake: FakeDaemon) -> None:
    ended = replayctl(fake.address, "enqueue", "-", "--owner", "x" * 201, stdin=b"[]")
    assert (ended.code, fake.requests) == (2, [])
