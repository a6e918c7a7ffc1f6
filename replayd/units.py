"""Sizes and durations as people write them in options."""

import re

_SIZE = re.compile(r"(\d+)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SIZE_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_DURATION_FACTORS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

LARGEST = 1 << 60
"""Bytes that a size may have: more than any disk."""
LONGEST_DAYS = 36_500
"""A duration may have so many: some hundred years, which clocks and timers can still count."""


def parse_size(text: str) -> int:
    """Reads bytes: `512`, `64k`, `64m`, `1g` (factors of 1024). Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write bytes, or a number with k, m or g")
    size = int(match[1]) * _SIZE_FACTORS[match[2].lower()]
    if size > LARGEST:
        raise ValueError(f"{text!r} is more than any disk has; write {LARGEST >> 30}g at most")
    return size


def parse_duration(text: str) -> float:
    """Reads seconds: `10`, `10s`, `500ms`, `2m`, `1h`, `7d`. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is not a duration; write seconds, or a number with ms, s, m, h or d"
        )
    seconds = float(match[1]) * _DURATION_FACTORS[match[2] or "s"]
    if seconds > LONGEST_DAYS * _DURATION_FACTORS["d"]:
        raise ValueError(f"{text!r} is longer than {LONGEST_DAYS}d, which is the limit")
    return seconds
