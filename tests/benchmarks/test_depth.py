"""The books of a queue that is cleared; what fills and replays it is in tests/system."""

import pytest
from flowreplay.v1.replay_pb2 import CountResponse

from benchmarks.depth import check_cleared, check_seen
from benchmarks.watcher import Seen

SEEN = Seen(events=10, missing=0, outcomes=4, p50=0.0, p99=0.0, ended=0.0)


def test_books_that_balance_pass() -> None:
    check_cleared(10, CountResponse(succeeded_count=4, cleared_count=6), 4)
    check_seen(4, SEEN)


@pytest.mark.parametrize(
    ("succeeded", "cleared", "arrived"), [(4, 6, 5), (4, 6, 3), (4, 5, 4), (5, 5, 4)]
)
def test_each_account_counts(succeeded: int, cleared: int, arrived: int) -> None:
    counts = CountResponse(succeeded_count=succeeded, cleared_count=cleared)
    with pytest.raises(SystemExit, match=f"10 accepted, {arrived} requests arrived"):
        check_cleared(10, counts, arrived)


@pytest.mark.parametrize("seen", [SEEN._replace(missing=1), SEEN._replace(outcomes=5)])
def test_a_watchers_books_count_too(seen: Seen) -> None:
    with pytest.raises(SystemExit, match="4 requests arrived, a watcher saw"):
        check_seen(4, seen)
