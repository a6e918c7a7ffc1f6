"""What was accepted survives: `kill -9` at its worst moment, a drain, a restart.

Queued stays queued; what ran is sent again where that is safe, and is INTERRUPTED where
it is not; sequences go on and cursors hold.
"""

import signal
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from flowreplay.v1 import event_pb2, reason_pb2, replay_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.calls import Event, enqueue, events, flow, outcomes, payload, wait_for
from tests.support.daemon import CHANNEL_OPTIONS, Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Exchange, Recorder


def first_hangs(exchange: Exchange) -> None:
    """Never answers the first connection, answers all others."""
    if exchange.request.connection == 0:
        exchange.hang()
    exchange.reply()


def gapless(seen: list[Event]) -> bool:
    """Whether these are all events from the first on."""
    return [event.sequence for event in seen] == list(range(1, len(seen) + 1))


def killed_while_running(
    start_daemon: Callable[..., Daemon], recorder: Recorder, method: bytes
) -> tuple[Daemon, list[Event], str]:
    """Kills a daemon whose first of five replays waits for an answer, and starts it again.

    Returns it with the events before the kill and the cursor after them.
    """
    daemon = start_daemon("--drain-timeout", "1s")
    stub = daemon.stub()
    url = f"http://{recorder.address}"
    first = flow(f"{url}/0", method=method, content=b"once" if method == b"POST" else b"")
    enqueue(stub, [first, *(flow(f"{url}/{index}") for index in range(1, 5))])
    recorder.wait_for(1)
    before = wait_for(stub, "request")
    cursor = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE).cursor
    counted = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert (counted.queued_count, counted.running_count) == (4, 1)
    daemon.kill()
    daemon.restart()
    return daemon, before, cursor


def test_an_interrupted_post_is_not_sent_again(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder(first_hangs)
    daemon, before, cursor = killed_while_running(start_daemon, recorder, b"POST")
    stub = daemon.stub()
    after = events(stub, cursor)
    everything = events(stub)
    assert everything == before + after, "the cursor misses nothing and repeats nothing"
    assert gapless(everything)
    ended = outcomes(everything)
    assert {len(found) for found in ended.values()} == {1}
    (interrupted,) = [found[0] for found in ended.values() if payload(found[0]) == "error"]
    assert interrupted.error.state == event_pb2.REPLAY_STATE_INTERRUPTED
    assert interrupted.error.reason == reason_pb2.REASON_INTERRUPTED
    counted = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert (counted.succeeded_count, counted.interrupted_count) == (4, 1)
    paths = [request.start_line.split(b" ")[1] for request in recorder.requests]
    assert paths == [b"/0", b"/1", b"/2", b"/3", b"/4"]


def test_an_interrupted_get_is_sent_again_as_attempt_2(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder(first_hangs)
    daemon, _, cursor = killed_while_running(start_daemon, recorder, b"GET")
    stub = daemon.stub()
    after = events(stub, cursor)
    (requeued,) = [e for e in after if e.update.kind == event_pb2.UPDATE_KIND_REQUEUED]
    # Intents of idempotent requests are written ahead, so more than the one that ran may
    # count as begun; never less.
    assert requeued.update.ranges[0].first_index == 0
    ended = outcomes(after)
    assert len(ended) == 5
    assert {len(found) for found in ended.values()} == {1}
    attempts = [found[0].attempt for found in ended.values()]
    assert attempts.count(2) == requeued.update.replay_count
    assert attempts[0] == 2
    paths = [request.start_line.split(b" ")[1] for request in recorder.requests]
    assert paths == [b"/0", b"/0", b"/1", b"/2", b"/3", b"/4"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_drains_what_runs_and_keeps_what_waits(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    number: signal.Signals,
) -> None:
    def answer_once_told(exchange: Exchange) -> None:
        if exchange.request.start_line.startswith(b"GET /0 "):
            # The daemon is stopping once its health says so; then the answer comes.
            watch_health_until_not_serving(daemon.address)
        exchange.reply()

    recorder = start_recorder(answer_once_told)
    daemon = start_daemon()
    stub = daemon.stub()
    enqueue(stub, [flow(f"http://{recorder.address}/{index}") for index in range(3)])
    watcher = stub.WatchEvents(
        replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START), timeout=DEADLINE
    )
    # It watches, and something runs, before the signal comes.
    next(watcher)
    recorder.wait_for(1)
    assert daemon.terminate(number) == 0
    seen, status = read_to_the_end(watcher)
    assert status == grpc.StatusCode.UNAVAILABLE
    assert seen[-1].update.kind == event_pb2.UPDATE_KIND_STOPPING
    assert [payload(found[0]) for found in outcomes(seen).values()] == ["response"]
    assert len(recorder.requests) == 1

    daemon.restart()
    stub = daemon.stub()
    assert len(outcomes(events(stub))) == 3
    assert len(recorder.requests) == 3


def watch_health_until_not_serving(address: str) -> None:
    """Returns once the daemon's health is not SERVING, or its stream has ended."""
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=DEADLINE
        )
        try:
            for answer in call:
                if answer.status != health_pb2.HealthCheckResponse.SERVING:
                    return
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - ended by the stop


def read_to_the_end(call: grpc.Call) -> tuple[list[Event], grpc.StatusCode]:
    """The events of a stream and the status that it ended with."""
    seen: list[Event] = []
    try:
        for response in call:
            seen += response.events
    except grpc.RpcError as error:
        return seen, error.code()
    return seen, grpc.StatusCode.OK


def test_a_pause_lasts_across_restarts(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon("--paused")
    enqueue(daemon.stub(), [flow(f"http://{recorder.address}/")])
    daemon.kill()
    daemon.options.remove("--paused")
    daemon.restart()
    stub = daemon.stub()
    counted = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert counted.paused
    assert counted.queued_count == 1
    assert stub.Resume(replay_pb2.ResumeRequest(), timeout=DEADLINE).changed
    assert len(outcomes(events(stub))) == 1


def test_a_kill_in_the_middle_of_a_stream_keeps_what_was_queued(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon()
    flows = [flow(f"http://{recorder.address}/{index}") for index in range(5)]
    never = threading.Event()

    def half() -> Iterator[replay_pb2.EnqueueRequest]:
        options = replay_pb2.EnqueueOptions(stream=True, request_id="r")
        yield replay_pb2.EnqueueRequest(options=options)
        yield replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=flows[:2]))
        recorder.wait_for(2)
        # Nothing runs the next ones before the kill, and the last one is never sent.
        stub.Pause(replay_pb2.PauseRequest(), timeout=DEADLINE)
        yield replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=flows[2:4]))
        never.wait(DEADLINE)

    stub = daemon.stub()
    call = stub.Enqueue.future(half(), timeout=DEADLINE)
    try:
        wait_for(stub, "update", 3)
        # Not only sent: an outcome that is not durable would be lost.
        wait_for(stub, "response", 2)
        before = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
        assert (before.queued_count, before.open_batch_count) == (2, 1)
        daemon.kill()
        assert call.exception().code() is grpc.StatusCode.UNAVAILABLE
    finally:
        never.set()
    daemon.restart()
    stub = daemon.stub()
    counted = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert (counted.queued_count, counted.open_batch_count) == (2, 0)
    with pytest.raises(grpc.RpcError, match="and stream broke off"):
        enqueue(stub, flows, stream=True, request_id="r")
    stub.Resume(replay_pb2.ResumeRequest(), timeout=DEADLINE)
    assert len(outcomes(events(stub))) == 4
    paths = [request.start_line.split(b" ")[1] for request in recorder.requests]
    assert paths == [b"/0", b"/1", b"/2", b"/3"]
