"""A disk that fails under a running daemon: it sends and promises nothing more, and ends."""

import os
from collections.abc import Callable

import grpc
import pytest
from flowreplay.v1 import replay_pb2

from tests.support.calls import enqueue, events, flow, outcomes, wait_for
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Exchange, Recorder
from tests.support.strace import SYNCS, injecting


def first_hangs(exchange: Exchange) -> None:
    """Never answers the first connection, answers all others."""
    if exchange.request.connection == 0:
        exchange.hang()
    exchange.reply()


def test_a_failed_fsync_ends_the_daemon_at_once(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder(first_hangs)
    daemon = start_daemon("--drain-timeout", "1h")
    stub = daemon.stub()
    flows = [flow(f"http://{recorder.address}/{index}") for index in range(5)]
    batch = enqueue(stub, flows)
    seen = wait_for(stub, "request")
    watching = stub.WatchEvents(
        replay_pb2.WatchEventsRequest(cursor=batch.cursor), timeout=DEADLINE
    )
    recorder.wait_for(1)
    with injecting(daemon.process.pid, SYNCS, "error=EIO"):
        with pytest.raises(grpc.RpcError) as refused:
            enqueue(stub, flows, request_id="again")
        with pytest.raises(grpc.RpcError) as told:
            list(watching)
        assert daemon.process.wait() == os.EX_IOERR
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert told.value.code() is grpc.StatusCode.UNAVAILABLE
    for said in (refused.value.details(), told.value.details(), daemon.process.stderr[-1]):
        assert "journal.db failed to store" in (said or "")
    assert len(recorder.requests) == 1, "what was ready to be sent was not"

    daemon.restart()
    stub = daemon.stub()
    again = enqueue(stub, flows, request_id="again")
    everything = events(stub)
    assert everything[: len(seen)] == seen
    assert [event.sequence for event in everything] == list(range(1, len(everything) + 1))
    ended = outcomes(everything)
    assert {name.split(".")[0] for name in ended} == {batch.batch_id, again.batch_id}
    assert len(ended) == 10
    assert {len(found) for found in ended.values()} == {1}
