from flowreplay.v1.history_pb2 import Batch, ListBatchesRequest, ListBatchesResponse
from flowreplay.v1.replay_pb2 import BatchControls

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_a_line_a_batch(fake: FakeDaemon) -> None:
    controls = BatchControls(paused=True, priority=3, owner="ci\x1b")
    fake.answers["ListBatches"] = ListBatchesResponse(
        batches=[
            Batch(batch_id="b1", label="mine", queued_count=2, failed_count=1, controls=controls),
            Batch(batch_id="b2", open=True),
        ]
    )
    assert replayctl(fake.address, "batches").stdout.splitlines() == [
        "b1  2 queued, 1 failed  paused  priority 3  (mine)  for ci\\x1b",
        "b2  empty  still being read",
    ]
    replayctl(fake.address, "batches", "--all")
    assert fake.requests == [ListBatchesRequest(unfinished=True), ListBatchesRequest()]
