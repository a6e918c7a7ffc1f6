import pytest
from flowreplay.v1.replay_pb2 import CountResponse

from benchmarks.replays import check_books, flows_of
from benchmarks.watcher import Seen
from benchmarks.workloads import POST_32

SEEN = Seen(events=21, missing=0, outcomes=10, p50=0.0, p99=0.0, ended=0.0)
COUNTS = CountResponse(succeeded_count=10)


def test_books_that_balance_pass() -> None:
    check_books(10, 10, COUNTS, [SEEN, SEEN], 10)


@pytest.mark.parametrize(
    ("accepted", "succeeded", "seen", "arrived", "said"),
    [
        (9, 10, SEEN, 10, "accepted by the daemon: 9"),
        (10, 9, SEEN, 10, "succeeded in its count: 9"),
        (10, 10, SEEN._replace(outcomes=11), 10, "outcomes seen by watcher 2: 11"),
        (10, 10, SEEN._replace(missing=1), 10, "events missing at watcher 2: 1"),
        (10, 10, SEEN, 11, "requests counted by the target: 11"),
    ],
)
def test_each_account_counts(
    accepted: int, succeeded: int, seen: Seen, arrived: int, said: str
) -> None:
    counts = CountResponse(succeeded_count=succeeded)
    with pytest.raises(SystemExit, match=said):
        check_books(10, accepted, counts, [SEEN, seen], arrived)


def test_flows_are_the_workloads_requests() -> None:
    flows = flows_of(POST_32, 8080, 300)
    request = flows[5].request
    fields = b"".join(b"%b: %b\r\n" % (field.name, field.value) for field in request.headers)
    head = b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method, request.path, fields)
    assert head + request.content == POST_32.request(8080, 5)
    assert flows[0].session_id == flows[256].session_id != flows[1].session_id
