"""The end of a daemon: told in order, soon, and so that nothing is in doubt without need."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.calls import enqueue, flow, wait_for
from tests.support.daemon import CHANNEL_OPTIONS, Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Exchange, Recorder

NEVER = "60s"
"""A drain that is longer than a test may take: `DEADLINE` ends one that waits for it."""


def counts(daemon: Daemon) -> replay_pb2.CountResponse:
    return daemon.stub().Count(replay_pb2.CountRequest(), timeout=DEADLINE)


def terminated(daemon: Daemon, *numbers: signal.Signals) -> float:
    """Sends signals and waits for the end; returns how long that took."""
    began = time.monotonic()
    for number in numbers:
        daemon.process.signal(number)
    assert daemon.process.wait() == 0
    return time.monotonic() - began


def test_a_manager_hears_of_start_and_stop(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(DEADLINE)
        manager.bind(str(tmp_path / "notify"))
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        daemon = start_daemon("--ephemeral", environment=environment)
        assert manager.recv(100) == b"READY=1"
        assert daemon.terminate() == 0
        assert manager.recv(100) == b"STOPPING=1"


def test_work_is_refused_while_it_drains_and_the_log_is_left_short(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    answer = threading.Event()

    def once_told(exchange: Exchange) -> None:
        answer.wait(DEADLINE)
        exchange.reply()

    recorder = start_recorder(once_told)
    daemon = start_daemon()
    stub = daemon.stub()
    enqueue(stub, [flow(f"http://{recorder.address}/{i}", method=b"POST") for i in range(2)])
    recorder.wait_for(1)
    with grpc.insecure_channel(daemon.address, options=CHANNEL_OPTIONS) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=DEADLINE
        )
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        daemon.process.signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError, match="the daemon is stopping") as caught:
            enqueue(stub, [flow(f"http://{recorder.address}/late")])
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        running = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
        assert (running.queued_count, running.running_count) == (1, 1)
        answer.set()
    assert daemon.process.wait() == 0
    data = daemon.folder / "data"
    assert not (data / "journal.db-wal").exists(), "all of it is in the database"
    daemon.options.append("--paused")
    daemon.restart()
    counted = counts(daemon)
    assert (counted.queued_count, counted.succeeded_count, counted.interrupted_count) == (1, 1, 0)


def test_what_outlives_the_drain_is_as_after_a_crash(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder(Exchange.hang)
    daemon = start_daemon("--drain-timeout", "300ms")
    enqueue(daemon.stub(), [flow(f"http://{recorder.address}/", method=b"POST")])
    recorder.wait_for(1)
    assert terminated(daemon, signal.SIGTERM) >= 0.3
    daemon.restart()
    assert counts(daemon).interrupted_count == 1


@pytest.mark.parametrize("wait", [True, False])
def test_a_second_signal_ends_it_at_once(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder], wait: bool
) -> None:
    recorder = start_recorder(Exchange.hang)
    daemon = start_daemon("--drain-timeout", NEVER)
    stub = daemon.stub()
    enqueue(stub, [flow(f"http://{recorder.address}/", method=b"POST")])
    recorder.wait_for(1)
    if wait:
        daemon.process.signal(signal.SIGTERM)
        daemon.process.wait_for_output(lambda: "stopping" in daemon.log, "the stop")
        terminated(daemon, signal.SIGTERM)
    else:
        terminated(daemon, signal.SIGTERM, signal.SIGINT)
    daemon.restart()
    assert counts(daemon).interrupted_count == 1


def test_a_watcher_that_reads_nothing_holds_up_no_stop(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    content = bytes(64 << 10)
    recorder = start_recorder(lambda exchange: exchange.reply(content=content))
    daemon = start_daemon("--ephemeral", "--drain-timeout", "0s")
    stub = daemon.stub()
    request = replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START)
    silent = stub.WatchEvents(request, timeout=DEADLINE)
    next(silent)
    enqueue(stub, [flow(f"http://{recorder.address}/{index}") for index in range(200)])
    wait_for(stub, "response", 200)
    terminated(daemon, signal.SIGTERM)
    silent.cancel()


def test_a_paused_queue_and_half_an_enqueue_hold_up_no_stop(
    start_daemon: Callable[..., Daemon],
) -> None:
    daemon = start_daemon("--paused", "--drain-timeout", NEVER)
    stub = daemon.stub()
    enqueue(stub, [flow("http://127.0.0.1:9/")])
    begun, never = threading.Event(), threading.Event()

    def half() -> Iterator[replay_pb2.EnqueueRequest]:
        some = replay_pb2.FlowBatch(flows=[flow("http://127.0.0.1:9/")] * 3)
        yield replay_pb2.EnqueueRequest(flow_batch=some)
        begun.set()
        never.wait(DEADLINE)

    call = stub.Enqueue.future(half(), timeout=DEADLINE)
    try:
        assert begun.wait(DEADLINE)
        terminated(daemon, signal.SIGTERM)
        # Cancelled by gRPC itself, when it had not yet handed the call to anybody.
        assert call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    finally:
        never.set()
    daemon.restart()
    status = json.loads(daemon.replayctl("--output", "json", "count").stdout)
    assert (status["queuedCount"], status["paused"]) == ("1", True)
