"""What one client may take up: calls at once, and what of it waits in the queue.

A batch is its client's until its last replay has ended. That is looked up only when there
seems to be too much, so that most calls cost nothing. What was queued before the daemon's last
start is nobody's.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from replayd.errors import ReplaydError
from replayd.model.replay import Counts
from replayd.reasons import Reason

_LOOK_AT = 64
"""Batches of a client after which those that have ended are forgotten, whatever the limits."""


class ClientLimits(NamedTuple):
    """Of each client; 0: none."""

    calls: int = 0
    """Enqueues at once."""
    queued: int = 0
    """Replays that wait or run."""
    size: int = 0
    """Bytes of batches that have something left to do, as the journal stores them."""


class _Share(NamedTuple):
    """What a batch, or a call, takes up."""

    replays: int = 0
    size: int = 0

    def plus(self, other: "_Share") -> "_Share":
        return _Share(self.replays + other.replays, self.size + other.size)


class _Account:
    """What one client takes up."""

    def __init__(self) -> None:
        self.calls: dict[Claim, _Share] = {}
        self.batches: dict[str, _Share] = {}
        self.kept = _Share()
        """Of all batches."""
        self.look_at = _LOOK_AT

    @property
    def share(self) -> _Share:
        whole = self.kept
        for each in self.calls.values():
            whole = whole.plus(each)
        return whole


class Claim:
    """One call."""

    def __init__(self, quotas: "Quotas", client: str) -> None:
        self.batch_id = ""
        """The batch that it fills."""
        self._quotas = quotas
        self.client = client

    def take(self, replays: int, size: int) -> None:
        """Takes up more; raises ReplaydError QUOTA_EXCEEDED. From any thread."""
        self._quotas.take(self, self.client, _Share(replays, size))


class Quotas:
    """The quotas of all clients. Safe from any thread."""

    def __init__(self, count: Callable[[str], Counts], limits: ClientLimits) -> None:
        """`count` counts a batch, and raises ReplaydError where there is none (any more)."""
        self._count = count
        self._limits = limits
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()

    @contextmanager
    def call(self, client: str) -> Iterator[Claim]:
        """One call of a client; raises ReplaydError QUOTA_EXCEEDED when it makes too many."""
        claim = Claim(self, client)
        with self._lock:
            account = self._accounts.setdefault(client, _Account())
            limit = self._limits.calls
            if limit and len(account.calls) >= limit:
                raise _exceeded(
                    client, "Enqueues at once", len(account.calls) + 1, limit, "enqueues"
                )
            account.calls[claim] = _Share()
        try:
            yield claim
        finally:
            with self._lock:
                share = account.calls.pop(claim)
                if share.replays and (self._limits.queued or self._limits.size):
                    account.batches[claim.batch_id] = share
                    account.kept = account.kept.plus(share)
                    if len(account.batches) >= account.look_at:
                        self._look(account)
                if not account.calls and not account.batches:
                    self._accounts.pop(client, None)

    def take(self, claim: Claim, client: str, more: _Share) -> None:
        """See `Claim.take`."""
        limits = self._limits
        with self._lock:
            account = self._accounts[client]
            account.calls[claim] = account.calls[claim].plus(more)
            if not self._over(account):
                return
            self._look(account)
            if not self._over(account):
                return
            share = account.share
            if limits.queued and share.replays > limits.queued:
                raise _exceeded(client, "queued replays", share.replays, limits.queued, "queued")
            raise _exceeded(client, "bytes queued", share.size, limits.size, "bytes")

    def _over(self, account: _Account) -> bool:
        share, limits = account.share, self._limits
        return bool(
            (limits.queued and share.replays > limits.queued)
            or (limits.size and share.size > limits.size)
        )

    def _look(self, account: _Account) -> None:
        """Looks what is left of its batches."""
        account.kept = _Share()
        for batch_id, before in list(account.batches.items()):
            left = self._left(batch_id)
            if left:
                account.batches[batch_id] = share = before._replace(replays=left)
                account.kept = account.kept.plus(share)
            else:
                del account.batches[batch_id]
        account.look_at = max(_LOOK_AT, 2 * len(account.batches))

    def _left(self, batch_id: str) -> int:
        try:
            counts = self._count(batch_id)
        except ReplaydError:
            return 0  # Nothing of it was queued, or retention has removed it.
        return counts.queued + counts.running


def _exceeded(client: str, what: str, wanted: int, limit: int, option: str) -> ReplaydError:
    return ReplaydError(
        Reason.QUOTA_EXCEEDED,
        f"{client} would have {wanted} {what}; the daemon's --client-{option} is {limit}: try "
        "again when some have ended",
        caller=client,
        quota=option,
        limit=limit,
    )
