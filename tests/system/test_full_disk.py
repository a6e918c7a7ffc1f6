"""A disk that is full: nothing is lost, nothing hangs, and all goes on once there is room."""

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import event_pb2, reason_pb2, replay_pb2

from tests.support.calls import Stub, enqueue, events, flow, outcomes
from tests.support.daemon import Daemon
from tests.support.mounts import fill, small_disk
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder

MIB = 1 << 20


def refused(stub: Stub, url: str) -> str:
    with pytest.raises(grpc.RpcError) as error:
        enqueue(stub, [flow(url)])
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return error.value.details() or ""


def wait_for_log(stub: Stub, cursor: str, text: str) -> None:
    """Returns once a `log` event about the disk has a text."""
    request = replay_pb2.WatchEventsRequest(cursor=cursor, kinds=[event_pb2.EVENT_KIND_LOG])
    call = stub.WatchEvents(request, timeout=DEADLINE)
    for answer in call:
        for event in answer.events:
            if event.log.reason == reason_pb2.REASON_DISK_FULL and text in event.log.message:
                call.cancel()
                return


def count(stub: Stub) -> replay_pb2.CountResponse:
    return stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)


def rested(stub: Stub) -> replay_pb2.CountResponse:
    """The counts, once nothing runs any more."""
    until = time.monotonic() + DEADLINE
    while (counted := count(stub)).running_count:
        assert time.monotonic() < until, counted
    return counted


def test_a_disk_fills_and_is_freed(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        recorder = start_recorder()
        daemon = start_daemon("--data-dir", str(disk / "data"), "--disk-floor", "2m", "--paused")
        stub = daemon.stub()
        url = f"http://{recorder.address}/"
        enqueue(stub, [flow(url) for _ in range(20)])

        filler = fill(disk, left=MIB)
        assert "2048 KiB are needed" in refused(stub, url)
        stub.Resume(replay_pb2.ResumeRequest(), timeout=DEADLINE)
        assert len(outcomes(events(stub))) == 20, "what is queued goes on below the floor"

        filler.unlink()
        stub.Pause(replay_pb2.PauseRequest(), timeout=DEADLINE)
        large = [flow(url, method=b"POST", content=bytes(60_000)) for _ in range(60)]
        for _ in range(2):
            cursor = enqueue(stub, large).cursor
        fill(disk)
        stub.Resume(replay_pb2.ResumeRequest(), timeout=DEADLINE)
        wait_for_log(stub, cursor, "is full: nothing is sent")
        refused(stub, url)
        left = rested(stub)
        assert left.queued_count > 0
        cleared = stub.Clear(replay_pb2.ClearRequest(), timeout=DEADLINE)
        assert cleared.cleared_count == left.queued_count

        filler.unlink()
        wait_for_log(stub, cursor, "has room again")
        assert enqueue(stub, [flow(url)]).accepted_count == 1
        seen = events(stub)
        assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
        assert {len(found) for found in outcomes(seen).values()} == {1}
        sent = len(recorder.requests)
        assert (count(stub).succeeded_count, count(stub).cleared_count) == (
            sent,
            cleared.cleared_count,
        )
        assert sent + cleared.cleared_count == 20 + 120 + 1
        assert daemon.terminate() == 0
