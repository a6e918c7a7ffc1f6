import pytest
from flowreplay.v1.replay_pb2 import SetTargetLimitRequest, SetTargetLimitResponse, TargetStatus

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_a_rate_is_set_and_a_breaker_closed(fake: FakeDaemon) -> None:
    target = TargetStatus(host="h", port=80)
    fake.answers["SetTargetLimit"] = SetTargetLimitResponse(targets=[target])
    assert replayctl(fake.address, "target", "*.h", "--rate", "30/m").stdout == "h:80  0 running\n"
    replayctl(fake.address, "target", "--rate", "0/s")
    replayctl(fake.address, "target", "h", "--close-breaker")
    assert fake.requests == [
        SetTargetLimitRequest(pattern="*.h", rate_limit=0.5),
        SetTargetLimitRequest(rate_limit=0),
        SetTargetLimitRequest(pattern="h", close_breaker=True),
    ]


@pytest.mark.parametrize("arguments", [["h"], ["h", "--rate", "5"], ["h", "--rate", "x/s"]])
def test_what_makes_no_sense_sends_nothing(fake: FakeDaemon, arguments: list[str]) -> None:
    assert (replayctl(fake.address, "target", *arguments).code, fake.requests) == (2, [])


def test_a_real_daemon_takes_it(daemon: Daemon) -> None:
    daemon.replayctl("target", "nobody.test", "--rate", "5/s")
    refused = daemon.replayctl("target", "a/b", "--rate", "5/s", exit_code=4)
    assert "[INVALID_OPTIONS]" in refused.stderr
