"""Fair turns: a line in which the batches of several clients have their turns one after the
other, whatever each has queued. Plain data: no lock, no store, no clock.

A client is the owner of batches; where nobody said whose they are, those of a label belong
together, and one without a label is for itself. Of one client the batches are in a `Line`.
Whose turn it was stands behind the others of the same priority; a client that comes, or comes
back, stands at the end.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from replayd.journal.batch import Batch
from replayd.journal.line import Line, Room

_Key = tuple[int, str, str]
"""A level, whether an owner, a label or a batch's id follows, and that. The level is the priority,
and below that the number of what was put to the front, which so comes before all turns.
"""

_FRONT_BITS = 32


class _Client(Line):
    """The batches of one client on the same level."""

    def __init__(self, key: _Key, *, strict_order: bool) -> None:
        super().__init__(strict_order=strict_order)
        self.key = key


class FairLine(Line):
    """The batches that have something ready, and those to be read on, in fair turns."""

    takes_turns = True

    def __init__(self, *, strict_order: bool = True) -> None:
        """`strict_order`: nothing of a client is taken that stands behind a batch of it that is
        still open.
        """
        super().__init__(strict_order=strict_order)
        self._clients: dict[_Key, _Client] = {}
        self._rounds: dict[int, deque[_Client]] = {}
        """By level: its clients, the one whose turn it is first."""
        self._homes: dict[Batch, _Client] = {}
        """Where the open batches stand."""

    # Standing in line

    def enter(self, batch: Batch) -> None:
        """Something of a batch is ready."""
        self._client(batch).enter(batch)

    def enter_unread(self, batch: Batch) -> None:
        """There is more to read of a batch, or it is open."""
        client = self._client(batch)
        if batch.open_ended:
            home = self._homes.pop(batch, client)
            if home is not client:
                home.close(batch)
            self._homes[batch] = client
        client.enter_unread(batch)

    def close(self, batch: Batch) -> None:
        """A batch is not open any more."""
        home = self._homes.pop(batch, None)
        if home is not None:
            home.close(batch)

    def _client(self, batch: Batch) -> _Client:
        owner, label = batch.controls.owner, batch.label
        key = (
            (batch.controls.priority << _FRONT_BITS) + batch.controls.front,
            *(
                ("owner", owner)
                if owner
                else ("label", label)
                if label
                else ("batch", batch.batch_id)
            ),
        )
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = _Client(key, strict_order=self._strict_order)
            self._rounds.setdefault(key[0], deque()).append(client)
        return client

    # Whose turn it is

    def first(self) -> Batch | None:
        """Returns the batch whose replay is next; None: nothing may be taken."""
        for level in sorted(self._rounds, reverse=True):
            turns = self._rounds[level]
            passed = 0
            while passed < len(turns):
                client = turns[passed]
                batch = client.first()
                if batch is not None:
                    return batch
                if client.is_empty:
                    del turns[passed], self._clients[client.key]
                else:
                    passed += 1
            if not turns:
                del self._rounds[level]
        return None

    def served(self, batch: Batch) -> None:
        """A replay of a batch is taken: its client's turn is over."""
        client = self._client(batch)
        turns = self._rounds[client.key[0]]
        if turns[0] is not client:
            turns.remove(client)
            turns.appendleft(client)
        turns.rotate(-1)

    def to_read(self, limit: int, room: Room) -> Batch | None:
        """Returns the batch to read on: each client has to have its share of `limit` ready."""
        found = 0
        for share in sorted({-(-limit // max(len(self._clients), 1)), limit}):
            found = 0
            for client in self._in_turn():
                batch = client.to_read(share, room)
                if batch is not None:
                    return batch
                found += client.count_ready(share)
                if found >= limit:
                    return None
        return None

    def batches(self) -> Iterator[Batch]:
        """Yields those that have something ready, client by client."""
        for client in self._in_turn():
            yield from client.batches()

    def guess(self, limit: int) -> Iterator[tuple[Batch, int]]:
        """Yields batches whose turn is soon, and how many of each may be taken then."""
        clients = list(islice(self._in_turn(), limit))
        for client in clients:
            for batch in islice(client.batches(), 1):
                yield batch, -(-limit // len(clients))

    def first_beside(self, batch: Batch) -> Iterator[Batch]:
        """Yields the first ones of each client that are not this one."""
        for client in self._in_turn():
            yield from client.first_beside(batch)

    def holds_up(self, batch: Batch) -> bool:
        """Whether others of its client wait for nothing but the end of an open batch."""
        home = self._homes.get(batch)
        return home is not None and home.holds_up(batch)

    def _in_turn(self) -> Iterator[_Client]:
        for level in sorted(self._rounds, reverse=True):
            yield from self._rounds[level]
