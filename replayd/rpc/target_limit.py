"""SetTargetLimit: what targets are asked to bear, changed while the daemon runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flowreplay.v1 import replay_pb2

from replayd.errors import ConfigError, FieldError, ReplaydError
from replayd.planning.target_limits import MAX_RATE, SECOND
from replayd.planning.target_rules import Pattern
from replayd.reasons import Reason
from replayd.rpc.told import told_by_thread

if TYPE_CHECKING:
    from replayd.rpc.service import Thread

MIN_RATE = 0.001
"""Replays a second: one in a quarter of an hour."""


async def set_target_limit(thread: "Thread", request: replay_pb2.SetTargetLimitRequest) -> None:
    """Returns once it holds. Raises ReplaydError INVALID_OPTIONS, DAEMON_STOPPING."""
    pattern = _pattern(request.pattern)
    interval = _interval(request.rate_limit) if request.HasField("rate_limit") else None
    if interval is None and not request.close_breaker:
        raise FieldError("rate_limit", "is unset, and close_breaker, too: nothing is to be changed")

    def ask(told: Callable[[None], object], missed: Callable[[], object]) -> None:
        thread.limit_targets(
            pattern, interval, lambda: told(None), missed, close_breakers=request.close_breaker
        )

    await told_by_thread(ask)


def _pattern(text: str) -> Pattern | None:
    try:
        return Pattern.parse(text, "pattern") if text else None
    except ConfigError as error:
        raise ReplaydError(Reason.INVALID_OPTIONS, str(error), field="pattern") from error


def _interval(rate: float) -> int:
    # Not a number is in no range either.
    if not (rate == 0 or MIN_RATE <= rate <= MAX_RATE):
        raise FieldError("rate_limit", f"is neither 0 nor from {MIN_RATE} to {MAX_RATE}")
    return int(SECOND / rate) if rate else 0
