from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2
from flowreplay.v1.replay_pb2 import RetryRequest, RetryResponse

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def asked(fake: FakeDaemon) -> list[RetryRequest]:
    """What was asked for, without the ids that were made up."""
    requests = []
    for request in fake.requests:
        assert isinstance(request, RetryRequest)
        assert request.request_id
        request.request_id = ""
        requests.append(request)
    return requests


def test_batches_and_the_replays_of_each_batch(fake: FakeDaemon) -> None:
    fake.answers["Retry"] = RetryResponse(batch_id="new\x1b", accepted_count=2, duplicate=True)
    ended = replayctl(fake.address, "retry", "a.1", "c", "b.1", "a.2", "a.1")
    again = "batch new\\x1b: 2 to retry (retried before under this request id)\n"
    assert ended.stdout == f"c: {again}a: {again}b: {again}"
    assert asked(fake) == [
        RetryRequest(batch_id="c"),
        RetryRequest(replay_ids=["a.1", "a.2"]),
        RetryRequest(replay_ids=["b.1"]),
    ]


def test_other_outcomes_and_nothing_to_do(fake: FakeDaemon) -> None:
    fake.answers["Retry"] = RetryResponse()
    arguments = ("retry", "a", "--state", "killed", "--state", "interrupted", "--wait")
    ended = replayctl(fake.address, *arguments)
    assert (ended.code, ended.stdout) == (0, "a: nothing to retry\n")
    states = [event_pb2.REPLAY_STATE_KILLED, event_pb2.REPLAY_STATE_INTERRUPTED]
    assert asked(fake) == [RetryRequest(batch_id="a", states=states)]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a", "--state", "queued"],
        ["a.1", "--state", "failed"],
        ["a", "b", "--request-id", "x"],
        ["a", "--fail-on", "status"],
        ["a", "b", "--save", "x.har"],
    ],
)
def test_what_makes_no_sense_sends_nothing(fake: FakeDaemon, arguments: list[str]) -> None:
    ended = replayctl(fake.address, "retry", *arguments)
    assert (ended.code, fake.requests) == (2, [])


def test_it_waits_and_fails_as_enqueue_does(daemon: Daemon, captures: Path) -> None:
    nobody = ("--connect-to", "=127.0.0.1:9")
    told = daemon.replayctl(
        "enqueue", *nobody, str(captures / "rec-basic.mitm"), "--wait", exit_code=1
    ).stdout
    batch = told.split("batch ")[1].split(":")[0]
    told = daemon.replayctl("retry", batch, "--wait", exit_code=1).stdout
    first, new, *_ = told.splitlines()
    assert first.startswith(f"{batch}: batch ")
    assert new.endswith("failed")
    listed = daemon.replayctl("list", "--batch", first.split()[2].rstrip(":")).stdout
    assert f"sends {batch}.0 again" in listed
