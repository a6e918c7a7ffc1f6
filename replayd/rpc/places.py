"""How many may watch at once: all together, and each client.

The user of the Unix socket counts as no client: whoever may open it is the daemon's own user,
and has the places that there are.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from replayd.access.roles import LOCAL, Caller
from replayd.errors import ReplaydError
from replayd.reasons import Reason


class Places:
    """The watchers' places. Lives on one event loop."""

    def __init__(self, most: int, most_of_one: int) -> None:
        """`most_of_one`: 0 is no limit."""
        self._most = most
        self._most_of_one = most_of_one
        self._clients: Counter[str] = Counter()
        self.count = 0
        """How many are taken."""

    @contextmanager
    def taken(self, caller: Caller) -> Iterator[None]:
        """Takes a place; raises ReplaydError TOO_MANY_WATCHERS."""
        if self.count >= self._most:
            raise self._full(f"{self._most} watchers are connected", "--max-watchers", self._most)
        limited = caller is not LOCAL and self._most_of_one
        if limited and self._clients[caller.name] >= self._most_of_one:
            raise self._full(
                f"{self._most_of_one} watchers of {caller.name} are connected",
                "--client-watchers",
                self._most_of_one,
            )
        self.count += 1
        self._clients[caller.name] += 1
        try:
            yield
        finally:
            self.count -= 1
            self._clients[caller.name] -= 1
            if not self._clients[caller.name]:
                del self._clients[caller.name]

    def _full(self, what: str, option: str, limit: int) -> ReplaydError:
        return ReplaydError(
            Reason.TOO_MANY_WATCHERS,
            f"{what}, which is the limit; try again later, or raise the daemon's {option}",
            limit=limit,
        )
