"""In flight at `kill -9`: each policy of a batch, with requests that are idempotent or not.

The daemon, the kill and the server are real: the server has every request before the kill,
and counts how often each came.
"""

import json
from collections import Counter
from collections.abc import Callable

import pytest
from flowreplay.v1 import event_pb2, reason_pb2, replay_pb2

from tests.support.calls import enqueue, events, flow, outcomes, payload
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Exchange, Recorder

POLICIES = {
    "auto": replay_pb2.ON_INTERRUPT_AUTO,
    "resend": replay_pb2.ON_INTERRUPT_RESEND,
    "park": replay_pb2.ON_INTERRUPT_PARK,
    "fail": replay_pb2.ON_INTERRUPT_FAIL,
}
SENT_AGAIN = {("auto", b"GET"), ("resend", b"GET"), ("resend", b"POST")}


def path_of(exchange: Exchange) -> bytes:
    return exchange.request.start_line.split(b" ")[1]


def count(daemon: Daemon, batch_id: str = "") -> replay_pb2.CountResponse:
    return daemon.stub().Count(replay_pb2.CountRequest(batch_id=batch_id), timeout=DEADLINE)


def test_every_policy_holds_at_a_kill(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    cases = [(name, method) for name in POLICIES for method in (b"GET", b"POST")]
    came: Counter[bytes] = Counter()

    def second_time(exchange: Exchange) -> None:
        came[path_of(exchange)] += 1
        if came[path_of(exchange)] == 1:
            exchange.hang()
        exchange.reply()

    recorder = start_recorder(second_time)
    daemon = start_daemon("--concurrency", str(len(cases)))
    batches = {
        (name, method): enqueue(
            daemon.stub(),
            [flow(f"http://{recorder.address}/{name}/{method.decode()}", method=method)],
            on_interrupt=POLICIES[name],
        ).batch_id
        for name, method in cases
    }
    recorder.wait_for(len(cases))
    daemon.kill()
    daemon.restart()
    seen = events(daemon.stub())
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
    ended = outcomes(seen)
    assert {len(found) for found in ended.values()} == {1}
    for case in cases:
        name, method = case
        (outcome,) = ended[f"{batches[case]}.0"]
        sent = came[f"/{name}/{method.decode()}".encode()]
        if case in SENT_AGAIN:
            assert (payload(outcome), outcome.attempt, sent) == ("response", 2, 2), case
            continue
        state = event_pb2.REPLAY_STATE_FAILED if name == "fail" else None
        assert outcome.error.state == (state or event_pb2.REPLAY_STATE_INTERRUPTED), case
        assert outcome.error.reason == reason_pb2.REASON_INTERRUPTED
        assert (outcome.attempt, sent) == (1, 1), case
    counted = count(daemon)
    assert (counted.succeeded_count, counted.interrupted_count, counted.failed_count) == (3, 3, 2)
    assert counted.parked_count == 3


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_what_kills_the_daemon_three_times_is_parked(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder], method: bytes
) -> None:
    recorder = start_recorder(Exchange.hang)
    daemon = start_daemon()
    enqueue(
        daemon.stub(),
        [flow(f"http://{recorder.address}/", method=method)],
        on_interrupt=replay_pb2.ON_INTERRUPT_RESEND,
    )
    for attempt in (1, 2, 3):
        recorder.wait_for(attempt)
        daemon.kill()
        daemon.restart()
    seen = events(daemon.stub())
    kinds = [event.update.kind for event in seen if payload(event) == "update"]
    assert kinds == [event_pb2.UPDATE_KIND_QUEUED, *[event_pb2.UPDATE_KIND_REQUEUED] * 2]
    (ended,) = [event for event in seen if payload(event) == "error"]
    assert (ended.error.reason, ended.attempt) == (reason_pb2.REASON_POISON, 3)
    assert len(recorder.requests) == 3


def test_what_is_parked_is_found_and_resolved_once_also_across_kills(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    came: Counter[bytes] = Counter()

    def second_time(exchange: Exchange) -> None:
        came[path_of(exchange)] += 1
        if came[path_of(exchange)] == 1:
            exchange.hang()
        exchange.reply()

    recorder = start_recorder(second_time)
    daemon = start_daemon("--concurrency", "3")
    flows = [flow(f"http://{recorder.address}/{i}", method=b"POST", content=b"x") for i in range(3)]
    batch = enqueue(daemon.stub(), flows).batch_id
    recorder.wait_for(3)
    daemon.kill()
    daemon.restart()
    events(daemon.stub())
    assert "3 replays are parked" in daemon.log
    found = [
        json.loads(x)
        for x in daemon.replayctl("--output", "json", "list", "--parked").stdout.splitlines()
    ]
    assert [(each["replayId"], each["state"]) for each in found] == [
        (f"{batch}.{index}", "REPLAY_STATE_INTERRUPTED") for index in range(3)
    ]
    daemon.replayctl("pause")
    sent = daemon.replayctl("resolve", f"{batch}.0", f"{batch}.2", "resend").stdout
    again = sent.split()[-1]
    assert sent == f"2 replays sent again as batch {again}\n"
    daemon.kill()
    daemon.restart()
    assert (count(daemon).queued_count, count(daemon).parked_count) == (2, 1)
    assert (
        "ALREADY_RESOLVED"
        in daemon.replayctl("resolve", f"{batch}.2", "resend", exit_code=4).stderr
    )
    assert daemon.replayctl("resolve", "--batch", batch, "drop").stdout == "1 replay dropped\n"
    daemon.kill()
    daemon.restart()
    daemon.replayctl("resume")
    ended = outcomes(events(daemon.stub(), batch_id=again))
    assert {name: (len(each), payload(each[0])) for name, each in ended.items()} == {
        f"{again}.0": (1, "response"),
        f"{again}.2": (1, "response"),
    }
    assert ended[f"{again}.2"][0].response.resends_replay_id == f"{batch}.2"
    assert came == {b"/0": 2, b"/1": 1, b"/2": 2}
    assert count(daemon).parked_count == 0


def test_a_strict_session_waits_for_what_is_parked_of_it(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    came: list[bytes] = []

    def hang_first(exchange: Exchange) -> None:
        came.append(path_of(exchange))
        if came == [b"/0"]:
            exchange.hang()
        exchange.reply()

    recorder = start_recorder(hang_first)
    daemon = start_daemon()
    flows = [
        flow(f"http://{recorder.address}/{index}", method=method, session_id=session)
        for index, (method, session) in enumerate([(b"POST", "a"), (b"GET", "a"), (b"GET", "b")])
    ]
    batch = enqueue(daemon.stub(), flows, strict_session=True).batch_id
    recorder.wait_for(1)
    daemon.kill()
    daemon.restart()
    recorder.wait_for(2)
    assert "1 sessions wait until what is parked of them is resolved" in daemon.log
    (waits,) = daemon.replayctl("list", "--state", "queued").stdout.splitlines()
    assert waits.endswith(f"waits for {batch}.0")
    assert "1 sessions wait for parked replays" in daemon.replayctl("status").stdout
    daemon.replayctl("resolve", f"{batch}.0", "resend")
    events(daemon.stub())
    assert came == [b"/0", b"/2", b"/0", b"/1"]
