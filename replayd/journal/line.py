"""The line in which batches stand: whose replay is next, and of which to read on. Plain data: no
lock, no store, no clock.

Batches stand by their rank. What of a batch changes while it stands in line (it has nothing
ready any more, it was paused, it got another rank) is found out when its turn comes, so that
no change costs more the longer the line is.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count, islice

from replayd.journal.batch import Batch

_Stand = tuple[int, int, Batch]
"""A rank, a number that no other has, and who stands there."""

Room = Callable[[Batch, int], int]
"""Tells how many replays of a batch may be read, when so many are wanted."""


class Line:
    """The batches that have something ready, and those to be read on, by rank."""

    takes_turns = False
    """Whether serving a batch may make it another one's turn."""

    def __init__(self, *, strict_order: bool = True) -> None:
        """`strict_order`: nothing is taken that stands behind a batch that is still open."""
        self._strict_order = strict_order
        self._standing: list[_Stand] = []
        """A heap."""
        self._unread: list[_Stand] = []
        """A heap."""
        self._open: dict[Batch, None] = {}
        """Those that are open, in strict order."""
        self._numbers = count()

    # Standing in line

    def enter(self, batch: Batch) -> None:
        """Something of a batch is ready."""
        if batch.stands_at != batch.rank:
            batch.stands_at = batch.rank
            heappush(self._standing, (batch.rank, next(self._numbers), batch))

    def enter_unread(self, batch: Batch) -> None:
        """There is more to read of a batch, or it is open."""
        if self._strict_order and batch.open_ended:
            self._open[batch] = None
        if batch.unread_at != batch.rank:
            batch.unread_at = batch.rank
            heappush(self._unread, (batch.rank, next(self._numbers), batch))

    def close(self, batch: Batch) -> None:
        """A batch is not open any more."""
        self._open.pop(batch, None)

    def move(self, batch: Batch) -> None:
        """A batch has another rank, or was resumed."""
        self.enter(batch)
        self.enter_unread(batch)

    # Whose turn it is

    def first(self) -> Batch | None:
        """Returns the batch whose replay is next; None: nothing may be taken."""
        standing = self._standing
        while standing:
            rank, _, batch = standing[0]
            if rank == batch.rank and _is_ready(batch):
                return None if self._open and self._is_held_up(rank) else batch
            heappop(standing)
            if batch.stands_at == rank:
                batch.stands_at = None
        return None

    def served(self, batch: Batch) -> None:
        """A replay of the batch whose turn it was is taken."""

    def to_read(self, limit: int, room: Room) -> Batch | None:
        """Returns the batch to read on, of those that have room, when fewer than `limit` are
        ready before what it has.
        """
        batch = self._next_unread()
        if batch is None or self._has_enough(batch, limit):
            return None
        if room(batch, limit) > 0:
            return batch
        others = _in_order(self._unread, _is_unread)
        return next((each for each in others if room(each, limit) > 0), None)

    def _has_enough(self, batch: Batch, limit: int) -> bool:
        """Whether `limit` are ready up to a batch, or it is held up."""
        if self._open and self._is_held_up(batch.rank):
            return True
        if self._standing:
            # As a rule the first one has enough.
            rank, _, first = self._standing[0]
            if rank == first.rank <= batch.rank and len(first.ready) >= limit and not first.paused:
                return True
        for each in self.batches():
            if each.rank > batch.rank:
                break
            limit -= len(each.ready)
            if limit <= 0:
                return True
        return False

    def batches(self) -> Iterator[Batch]:
        """Yields those that have something ready, in order."""
        return _in_order(self._standing, _is_ready)

    def guess(self, limit: int) -> Iterator[tuple[Batch, int]]:
        """Yields batches whose turn is soon, and how many of each may be taken then."""
        for batch in self.batches():
            yield batch, limit

    def count_ready(self, limit: int) -> int:
        """Counts what is ready, up to a limit."""
        found = 0
        for batch in self.batches():
            found += len(batch.ready)
            if found >= limit:
                break
        return min(found, limit)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it can be taken, nor read; asked once there is no `first`."""
        return not self._standing and not self._open and self._next_unread() is None

    def first_beside(self, batch: Batch) -> Iterator[Batch]:
        """Yields the first ones that are not this one, of those that have something ready and
        of those to be read on.
        """
        for standing in (self.batches(), _in_order(self._unread, _is_unread)):
            yield from islice((each for each in standing if each is not batch), 1)

    def holds_up(self, batch: Batch) -> bool:
        """Whether others stand behind an open batch, of which everything has run, and none
        before it.
        """
        if batch.paused or batch not in self._open:
            return False
        waiting = self._next_unread() or next(self.batches(), None)
        return waiting is not None and batch.rank < waiting.rank

    def _is_held_up(self, rank: int) -> bool:
        """Whether an open batch stands before a rank."""
        return any(batch.rank < rank and not batch.paused for batch in self._open)

    def _next_unread(self) -> Batch | None:
        unread = self._unread
        while unread:
            rank, _, batch = unread[0]
            if rank == batch.rank and _is_unread(batch):
                return batch
            heappop(unread)
            if batch.unread_at == rank:
                batch.unread_at = None
        return None


def _is_ready(batch: Batch) -> bool:
    return bool(batch.ready) and not batch.paused


def _is_unread(batch: Batch) -> bool:
    return not batch.read_so_far and not batch.paused


def _in_order(heap: list[_Stand], counts: Callable[[Batch], bool]) -> Iterator[Batch]:
    """Yields the batches of a heap that stand where they are, and count, the first one first."""
    found = [(heap[0], 0)] if heap else []
    last = None
    while found:
        (rank, _, batch), at = heappop(found)
        # Who was moved away and back stands there twice.
        if rank == batch.rank and batch is not last and counts(batch):
            yield batch
            last = batch
        for after in range(2 * at + 1, min(2 * at + 3, len(heap))):
            heappush(found, (heap[after], after))
