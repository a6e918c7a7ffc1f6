"""A daemon with tiny limits removes what has ended, and nothing else."""

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2, replay_pb2_grpc

from tests.support.calls import enqueue, events, flow, outcomes
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder

SECRET = b"session=a-canary-in-a-cookie"


def counted(stub: replay_pb2_grpc.ReplayServiceStub) -> tuple[int, int]:
    """How many replays wait or run, and how many succeeded."""
    counts = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    return counts.queued_count + counts.running_count, counts.succeeded_count


def exists(stub: replay_pb2_grpc.ReplayServiceStub, batch_id: str) -> bool:
    try:
        stub.Count(replay_pb2.CountRequest(batch_id=batch_id), timeout=DEADLINE)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return False
    return True


def wait_until_removed(stub: replay_pb2_grpc.ReplayServiceStub, batch_id: str) -> None:
    until = time.monotonic() + DEADLINE
    while exists(stub, batch_id):
        assert time.monotonic() < until, "it was not removed"


def test_a_restart_with_limits_removes_what_had_ended(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon()
    stub = daemon.stub()
    url = f"http://{recorder.address}"
    old = enqueue(stub, [flow(f"{url}/{n}", method=b"POST", content=SECRET) for n in range(9)])
    last = events(stub)[-1].sequence
    stub.Pause(replay_pb2.PauseRequest(), timeout=DEADLINE)
    waiting = enqueue(stub, [flow(f"{url}/later")])
    daemon.kill()
    daemon.options += ["--retention-age", "1ms"]
    daemon.restart()

    stub = daemon.stub()
    wait_until_removed(stub, old.batch_id)
    with pytest.raises(grpc.RpcError) as caught:
        events(stub, old.cursor)
    assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
    assert "removed by retention" in caught.value.details()
    assert counted(stub) == (1, 9)

    cursor = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE).cursor
    stub.Resume(replay_pb2.ResumeRequest(), timeout=DEADLINE)
    (ended,) = outcomes(events(stub, cursor))[f"{waiting.batch_id}.0"]
    assert ended.sequence > last
    assert counted(stub) == (0, 10)
    assert len(recorder.requests) == 10
    assert daemon.terminate() == 0
    assert "retention removed" in daemon.log
    for file in Path(daemon.folder, "data").iterdir():
        assert file.is_dir() or SECRET not in file.read_bytes(), file
