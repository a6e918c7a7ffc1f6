"""Reads how people say when replays are due, and which part of a capture is meant."""

import re
from datetime import datetime, timedelta
from typing import TypedDict

from flowreplay.v1.replay_pb2 import EnqueueOptions, Pace


class PaceSettings(TypedDict, total=False):
    """When the replays of an Enqueue are due, and which part of the capture is taken."""

    pace: str
    """`asap`, `recorded` (as the recorded requests began), `recorded*SPEED`, or `RATE/s` (also /m
    and /h); empty: asap."""
    max_gap: float | None
    """The longest time between two recorded requests that is kept, in seconds; None: any."""
    from_time: str
    """Take only flows whose request began then or later: a time such as `2026-05-01T12:00:00Z`,
    or seconds after the first flow; empty: all."""
    to_time: str
    """Take only flows whose request began before that; empty: all."""
    repeat: int
    """How often the flows are replayed, one run after the other; 0: once."""


_RECORDED = re.compile(r"recorded(?:\*(?P<speed>[0-9.]+))?")
_RATE = re.compile(r"(?P<rate>[0-9.]+)/(?P<unit>[smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_OFFSET = re.compile(r"[0-9]+(?:\.[0-9]+)?")

MOST_SECONDS = 315_576_000_000
"""As a Duration may say: 10,000 years."""


def parse_pace(text: str, max_gap: float | None = None) -> Pace:
    """Reads `asap`, `recorded`, `recorded*SPEED` or `RATE/s` (also /m and /h); `max_gap`: the
    longest time between two recorded requests that is kept, in seconds. Empty: asap.

    Raises ValueError.
    """
    pace = Pace()
    recorded, rate = _RECORDED.fullmatch(text), _RATE.fullmatch(text)
    if recorded:
        pace.recorded_speed = _number(recorded["speed"] or "1", text)
    elif rate:
        pace.rate = _number(rate["rate"], text) / _SECONDS[rate["unit"]]
    elif text not in ("", "asap"):
        raise ValueError(
            f"{text!r} is not a pace; write asap, recorded, recorded*SPEED such as recorded*10, "
            "or RATE/s such as 100/s, also /m and /h"
        )
    if max_gap is not None:
        if not recorded:
            raise ValueError("a longest gap has a meaning only with the pace recorded")
        if not 0 <= max_gap <= MOST_SECONDS:
            raise ValueError(f"the longest gap {max_gap} is not from 0 to {MOST_SECONDS} seconds")
        pace.max_gap_duration.FromTimedelta(timedelta(seconds=max_gap))
    return pace


def fill_pace(options: EnqueueOptions, settings: PaceSettings) -> None:
    """Sets an Enqueue's options by its settings; raises ValueError."""
    pace, max_gap = settings.get("pace", ""), settings.get("max_gap")
    if pace or max_gap is not None:
        options.pace.CopyFrom(parse_pace(pace, max_gap))
    options.repeat_count = settings.get("repeat", 0)
    start, end = settings.get("from_time", ""), settings.get("to_time", "")
    bounds = (
        (start, options.window_start_time, options.window_start_duration),
        (end, options.window_end_time, options.window_end_duration),
    )
    for text, time, offset in bounds:
        if _OFFSET.fullmatch(text) and float(text) <= MOST_SECONDS:
            offset.FromTimedelta(timedelta(seconds=float(text)))
            offset.SetInParent()
        elif text:
            time.FromDatetime(_moment(text))
            time.SetInParent()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{text!r} is no time; write one such as 2026-05-01T12:00:00Z, or seconds after the "
            "first flow"
        )
    return moment


def _number(digits: str, text: str) -> float:
    try:
        number = float(digits)
    except ValueError:
        number = 0
    if number <= 0:
        raise ValueError(f"{digits!r} in {text!r} is not a number above 0")
    return number
