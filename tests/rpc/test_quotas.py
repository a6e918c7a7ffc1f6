"""Quotas of clients: each its own, given back as batches end."""

from contextlib import ExitStack

import pytest

from replayd.errors import ReplaydError
from replayd.journal.ledger import not_found
from replayd.model.replay import Counts
from replayd.reasons import Reason
from replayd.rpc.quotas import ClientLimits, Quotas


class Journal:
    """Counts what a test says of each batch."""

    def __init__(self) -> None:
        self.queued: dict[str, int] = {}
        self.asked = 0

    def count(self, batch_id: str) -> Counts:
        self.asked += 1
        if batch_id not in self.queued:
            raise not_found(batch_id)
        return Counts(queued=self.queued[batch_id])


def enqueue(quotas: Quotas, journal: Journal, client: str, batch: str, count: int) -> None:
    with quotas.call(client) as claim:
        claim.batch_id = batch
        claim.take(count, 100 * count)
    journal.queued[batch] = count


def exceeded() -> "pytest.RaisesExc[ReplaydError]":
    return pytest.raises(ReplaydError, match="--client-")


def test_calls_at_once_are_each_clients_own() -> None:
    quotas = Quotas(Journal().count, ClientLimits(calls=2))
    with ExitStack() as stack:
        for client in ("a", "a", "b"):
            stack.enter_context(quotas.call(client))
        with exceeded() as caught, quotas.call("a"):
            raise AssertionError("there was room")
        assert caught.value.reason is Reason.QUOTA_EXCEEDED
        assert caught.value.metadata == {"caller": "a", "quota": "enqueues", "limit": "2"}
        with quotas.call("b"):
            pass
    with quotas.call("a"):
        pass
    assert quotas._accounts == {}


def test_what_is_queued_counts_until_it_has_run() -> None:
    journal = Journal()
    quotas = Quotas(journal.count, ClientLimits(queued=10))
    enqueue(quotas, journal, "a", "b1", 6)
    enqueue(quotas, journal, "a", "b2", 4)
    assert journal.asked == 0, "nobody is asked while there is room"
    with exceeded() as caught:
        enqueue(quotas, journal, "a", "b3", 1)
    assert caught.value.metadata["quota"] == "queued"
    enqueue(quotas, journal, "b", "b4", 10)
    journal.queued["b1"] = 3
    enqueue(quotas, journal, "a", "b5", 3)
    with exceeded():
        enqueue(quotas, journal, "a", "b6", 1)
    del journal.queued["b2"]
    enqueue(quotas, journal, "a", "b7", 4)


def test_bytes_count_until_a_batch_has_ended() -> None:
    journal = Journal()
    quotas = Quotas(journal.count, ClientLimits(size=1000))
    enqueue(quotas, journal, "a", "b1", 9)
    journal.queued["b1"] = 1
    with exceeded() as caught:
        enqueue(quotas, journal, "a", "b2", 2)
    assert caught.value.metadata["quota"] == "bytes"
    journal.queued["b1"] = 0
    enqueue(quotas, journal, "a", "b3", 10)


def test_calls_under_way_count_together() -> None:
    quotas = Quotas(Journal().count, ClientLimits(queued=10))
    with quotas.call("a") as one, quotas.call("a") as other:
        one.take(6, 0)
        with exceeded():
            other.take(5, 0)


def test_what_was_given_up_is_given_back() -> None:
    journal = Journal()
    quotas = Quotas(journal.count, ClientLimits(queued=10))
    with quotas.call("a") as claim:
        claim.batch_id = "never"
        claim.take(10, 0)
    enqueue(quotas, journal, "a", "b1", 10)


def test_batches_that_ended_are_forgotten_without_a_limit_in_reach() -> None:
    journal = Journal()
    quotas = Quotas(journal.count, ClientLimits(queued=10**9))
    for number in range(1000):
        enqueue(quotas, journal, "a", f"b{number}", 1)
        journal.queued[f"b{number}"] = 0
    assert len(quotas._accounts["a"].batches) < 100
