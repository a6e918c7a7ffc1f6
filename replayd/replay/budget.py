"""How much of the responses under way may be in memory at once, over all replays. Pure but
for the one call that it posts.

A transfer is charged for what it holds of a response that does not come whole at once. Where
there is no room left it stops reading, so that its server has to wait, and is told when it
may go on, in order of arrival. So that somebody always can, the oldest one that holds
something never has to stop: half of the budget is free for it at most, and a quarter for what
is on its way when the others stop.
"""

from collections.abc import Callable
from itertools import islice
from typing import Protocol


class Holder(Protocol):
    """Who holds something of a response."""

    def on_room(self) -> None:
        """There may be room now: charges once more, and goes on if it can."""


class Budget:
    """One budget. Used from one thread."""

    def __init__(
        self, limit: int, largest: int, post: Callable[[Callable[[], None]], None]
    ) -> None:
        """`limit`: bytes in all; `largest`: bytes of the largest response that there may be;
        `post` has a call made soon, in a turn of its own.
        """
        self.tight = False
        """There is no room but for the oldest."""
        self.held = 0
        """Bytes that all hold."""
        self._shared = limit - min(largest, limit // 2) - limit // 4
        """Bytes for all but the oldest."""
        self._post = post
        self._holders: dict[Holder, int] = {}
        self._waiting: dict[Holder, None] = {}
        self._told = False

    def charge(self, holder: Holder, held: int) -> bool:
        """Notes how much somebody holds now; False: it has to wait until `on_room`."""
        self._note(holder, held)
        if self.admits(holder):
            self._waiting.pop(holder, None)
            return True
        self._waiting[holder] = None
        return False

    def admits(self, holder: Holder) -> bool:
        """Whether somebody may read on. Who holds nothing yet always may."""
        return not self.tight or holder not in self._holders or holder is self._oldest

    def release(self, holder: Holder) -> None:
        """Somebody holds nothing any more. Idempotent."""
        self._waiting.pop(holder, None)
        if holder in self._holders:
            self._note(holder, 0)
            del self._holders[holder]
            self._look()

    def _note(self, holder: Holder, held: int) -> None:
        self.held += held - self._holders.get(holder, 0)
        self._holders[holder] = held
        self._look()

    def _look(self) -> None:
        """Looks whether there is room; the oldest may be another one than before."""
        oldest = self._oldest
        held = self._holders[oldest] if oldest is not None else 0
        self.tight = self.held - held > self._shared
        if self._waiting and not self._told and (not self.tight or oldest in self._waiting):
            self._told = True
            self._post(self._tell)

    @property
    def _oldest(self) -> Holder | None:
        return next(islice(self._holders, 1), None)

    def _tell(self) -> None:
        """Lets one after the other try, in order; those for whom there is no room wait on."""
        for holder in list(self._waiting):
            if self.tight and holder is not self._oldest:
                continue
            if holder in self._waiting:
                holder.on_room()
        self._told = False
        self._look()
