"""The line that tells of a target."""

from datetime import date

from flowreplay.v1.replay_pb2 import BreakerState, TargetStatus
from replayctl.targets import target_line

TODAY = date(2026, 1, 2)


def test_what_there_is_to_tell_and_nothing_else() -> None:
    plain = TargetStatus(host="::1", port=80, running_count=1)
    assert target_line(plain, TODAY) == "[::1]:80  1 running"
    busy = TargetStatus(
        host="a\x1b", port=1, waiting_session_count=7, rate_limit=0.5, failure_count=3
    )
    busy.breaker = BreakerState.BREAKER_STATE_OPEN
    line = target_line(busy, TODAY)
    begin = "a\\x1b:1  0 running, 7 waiting, at most 0.5/s, 3 failed in a row, left alone until 19"
    assert line.startswith(begin)
    busy.breaker = BreakerState.BREAKER_STATE_PROBING
    assert target_line(busy, TODAY).endswith(", one replay tries it")
