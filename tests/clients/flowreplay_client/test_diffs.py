"""What differs, as an iterator."""

import grpc
import pytest
from flowreplay.v1.history_pb2 import DiffRequest, DiffResponse, ReplayDiff
from flowreplay_client import Client, ReplaydClientError, Unreachable, connect

from tests.support.fake_daemon import HANG, STOPPING, FakeDaemon, Refuse

BEGUN = DiffResponse(cursor="c")
FIRST = DiffResponse(diffs=[ReplayDiff(replay_id="b.0"), ReplayDiff(replay_id="b.3")])
LAST = DiffResponse(compared_count=9, different_count=2, left_out_count=1)
UNKNOWN = Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND")


def test_it_yields_what_differs_and_counts(client: Client, fake: FakeDaemon) -> None:
    fake.diffs.append([BEGUN, FIRST, LAST])
    with client.diff("b", ignored_differences=["status"]) as diffs:
        assert [diff.replay_id for diff in diffs] == ["b.0", "b.3"]
    counts = (diffs.compared_count, diffs.different_count, diffs.left_out_count)
    assert counts == (9, 2, 1)
    assert fake.requests == [DiffRequest(batch_id="b", ignored_differences=["status"])]


def test_what_breaks_off_does_not_look_whole(client: Client, fake: FakeDaemon) -> None:
    fake.diffs.append([BEGUN, FIRST, STOPPING])
    with pytest.raises(Unreachable, match="stopping"):
        list(client.diff("b"))


def test_what_is_wrong_is_known_at_once(client: Client, fake: FakeDaemon) -> None:
    fake.diffs.append([UNKNOWN])
    with pytest.raises(ReplaydClientError) as caught:
        client.diff("b")
    assert caught.value.reason == "BATCH_NOT_FOUND"
    fake.diffs.append([HANG])
    with (
        connect(fake.address, timeout=0.1) as hasty,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        hasty.diff("b")
