"""Which of the running exchanges is late. Pure: is told what time it is.

There is no heap. Exchanges are few (the concurrency) and come by the thousand a second,
their deadlines move with every byte and are hardly ever reached: so each keeps its own as
a plain attribute, and all are looked at only when the earliest that was ever announced
since the last look has come. Moving a deadline later, the usual case, costs nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

NEVER = 1 << 62


class Timed(Protocol):
    """Something with a deadline."""

    deadline: int


T = TypeVar("T", bound=Timed)


class Deadlines:
    """The earliest moment at which something may be late."""

    def __init__(self) -> None:
        self.next = NEVER

    def announce(self, deadline: int) -> None:
        """Something has, or now has, this deadline."""
        self.next = min(self.next, deadline)

    def due(self, running: Iterable[T], now: int) -> Iterator[T]:
        """Yields what is late, in no order; looks only when something may be."""
        if now < self.next:
            return
        late: list[T] = []
        self.next = NEVER
        for each in running:
            if each.deadline <= now:
                late.append(each)
            else:
                self.announce(each.deadline)
        for each in late:
            # One before it may have moved it on: whoever waited for its dial has begun anew.
            if each.deadline <= now:
                yield each
