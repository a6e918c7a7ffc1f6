"""The daemon's absence while a command follows events: when it is told, how long it may last.

Each loss is said once and its end once, however many tries lie between. Knows no gRPC:
the watch calls it after each failed try and when it is connected again.
"""

import time
from collections.abc import Callable

from flowreplay_client import EventsCompacted, ReplaydClientError, Unreachable

from replayctl.output import note

PATIENCE = 60.0
"""Seconds without a daemon after which a script is better off with an error: a restart
takes less, even with a large journal."""


class Absence:
    """Whether the daemon is gone, and for how long; for one watch."""

    def __init__(
        self, address: str, *, gives_up: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = address
        self._gives_up = gives_up
        self._clock = clock
        self._since: float | None = None

    def interrupted(self, error: ReplaydClientError) -> None:
        """Takes note of a failed try or a gap; raises Unreachable after too many seconds."""
        if isinstance(error, EventsCompacted):
            note(f"skipping events that are gone: {error.message}")
            return
        now = self._clock()
        if self._since is None:
            self._since = now
            why = f" ({error.reason})" if error.reason else ""
            note(f"lost the daemon at {self._address}{why}, trying again")
        if self._gives_up and now - self._since >= PATIENCE:
            message = f"gave up: no daemon at {self._address} for {PATIENCE:.0f} seconds"
            raise Unreachable(error.reason, message, error.metadata, error.code) from None

    def returned(self) -> None:
        """Takes note of a watch that goes on."""
        if self._since is not None:
            self._since = None
            note(f"the daemon at {self._address} is back")
