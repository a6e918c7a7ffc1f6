"""How long to wait before a call is made again. Pure but for the dice."""

import random
from collections.abc import Iterator

FIRST_DELAY = 0.1
"""Seconds before the first repetition: a restart of the daemon takes about as long."""

MAX_DELAY = 5.0
"""Seconds between repetitions at most: people wait for a watcher to come back."""


def delays() -> Iterator[float]:
    """Yields seconds to wait, for ever: doubling up to `MAX_DELAY`, shortened by up to half.

    The dice keep many clients from coming back in the same instant.
    """
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        delay = min(delay * 2, MAX_DELAY)
