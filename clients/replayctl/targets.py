"""What is known of a target, for people. Pure but for the local time zone."""

from datetime import date

from flowreplay.v1.replay_pb2 import BreakerState, TargetStatus

from replayctl.events import clock_time
from replayctl.printable import printable


def target_line(target: TargetStatus, today: date) -> str:
    """Returns the line that tells of a target."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    told = [f"{target.running_count} running"]
    if target.waiting_session_count:
        told.append(f"{target.waiting_session_count} waiting")
    if target.rate_limit:
        told.append(f"at most {target.rate_limit:g}/s")
    if target.failure_count:
        told.append(f"{target.failure_count} failed in a row")
    if target.breaker == BreakerState.BREAKER_STATE_OPEN:
        told.append(f"left alone until {clock_time(target.probe_time, today)}")
    elif target.breaker == BreakerState.BREAKER_STATE_PROBING:
        told.append("one replay tries it")
    return f"{printable(host)}:{target.port}  {', '.join(told)}"
