import signal

import pytest
from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.history_pb2 import SummarizeRequest, SummarizeResponse
from flowreplay.v1.replay_pb2 import EnqueueResponse, WatchEventsRequest
from flowreplay_client import Client, EventsCompacted, Unreachable
from replayctl.waiting import outcomes

from tests.support.daemon import Daemon
from tests.support.fake_daemon import COMPACTED, STOPPING, FakeDaemon, events
from tests.support.programs import ROOT

BATCH = EnqueueResponse(batch_id="b", accepted_count=2, cursor="c")


def test_it_follows_the_batch_from_its_cursor(
    client: Client, fake: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    response = pb.ResponseEvent(head=pb.ResponseHead(status_code=204))
    answered = events(1, 2)
    for event in answered.events:
        event.response.CopyFrom(response)
    fake.watches.append([events(cursor="c"), STOPPING])
    fake.watches.append([events(cursor="c"), answered])
    fake.answers["Summarize"] = told = SummarizeResponse(cursor="d")
    assert list(outcomes(client, [BATCH], ["p95>1s"])) == [told]
    assert fake.requests[-1] == SummarizeRequest(batch_id="b", assertions=["p95>1s"])
    request = fake.requests[0]
    assert isinstance(request, WatchEventsRequest)
    assert (request.cursor, request.batch_id, request.until_idle) == ("c", "b", True)
    lost, back = capsys.readouterr().err.splitlines()
    assert "lost the daemon at" in lost
    assert "is back" in back


@pytest.mark.parametrize("pause_comes", ["before", "after"])
def test_a_paused_queue_is_told(
    client: Client, fake: FakeDaemon, capsys: pytest.CaptureFixture[str], pause_comes: str
) -> None:
    paused = events(1, paused=True)
    paused.events[0].update.kind = pb.UPDATE_KIND_PAUSED
    steps = {"before": [events(paused=True)], "after": [events(), paused]}
    fake.watches.append([*steps[pause_comes]])
    fake.answers["Summarize"] = SummarizeResponse()
    list(outcomes(client, [BATCH], []))
    assert capsys.readouterr().err.count("the queue is paused") == 1


def test_an_error_says_how_to_follow_each_batch_further(
    client: Client, fake: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.watches.append([COMPACTED])
    with pytest.raises(EventsCompacted):
        list(outcomes(client, [BATCH, EnqueueResponse(batch_id="d", cursor="e")], []))
    first, second = capsys.readouterr().err.splitlines()
    assert "replayctl watch --batch b --from c --until-idle" in first
    assert "replayctl watch --batch d --from e --until-idle" in second


def test_it_gives_up_when_the_daemon_stays_away(
    client: Client,
    fake: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("replayctl.absence.PATIENCE", 0)
    fake.watches.append([events(cursor="c"), STOPPING])
    with pytest.raises(Unreachable, match="gave up"):
        list(outcomes(client, [BATCH], []))
    assert "batch b goes on in the daemon" in capsys.readouterr().err


def test_ctrl_c_leaves_the_batch_to_the_daemon(start_daemon: type[Daemon]) -> None:
    daemon = start_daemon("--ephemeral", "--paused")
    capture = ROOT / "tests/data/captures/mut-unknown-key.mitm"
    process = daemon.replayctl_process("enqueue", "--wait", str(capture))
    try:
        process.wait_for_output(lambda: bool(process.stderr), "the note on the pause")
        process.signal(signal.SIGINT)
        assert process.wait() == 130
        assert "the queue is paused" in process.stderr[0]
        assert "goes on in the daemon" in process.stderr[1]
    finally:
        process.close()
    assert daemon.replayctl("count").stdout == "3\n"
