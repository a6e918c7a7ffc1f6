"""Log lines that clients can cause: whoever makes a thousand bad calls gets no thousand lines."""

import time
from collections.abc import Callable

LOG_SECONDS = 1.0
"""Between two lines of one kind."""


class Seldom:
    """Lets one line of a kind through at a time, and counts the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged = -LOG_SECONDS
        self._left_out = 0

    def others(self) -> str | None:
        """Returns what a line has to say of those that were left out since the last one; None:
        it is to be left out, too.
        """
        now = self._clock()
        if now - self._logged < LOG_SECONDS:
            self._left_out += 1
            return None
        others = f" (and {self._left_out} more since the last such line)" if self._left_out else ""
        self._logged, self._left_out = now, 0
        return others
