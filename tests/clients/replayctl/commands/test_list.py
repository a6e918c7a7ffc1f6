import json

from flowreplay.v1 import event_pb2, reason_pb2
from flowreplay.v1.history_pb2 import ListReplaysRequest, ListReplaysResponse, Replay

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl

QUEUED = Replay(
    replay_id="b.0",
    state=event_pb2.REPLAY_STATE_QUEUED,
    method=b"GET",
    url=b"http://h/\x1b",
    resends_replay_id="a.0",
    awaited_replay_id="b.9",
)
INTERRUPTED = Replay(
    replay_id="b.1",
    state=event_pb2.REPLAY_STATE_INTERRUPTED,
    attempt=2,
    method=b"POST",
    url=b"http://h/pay",
    reason=reason_pb2.REASON_INTERRUPTED,
    resolution=event_pb2.RESOLUTION_RESEND,
    resent_replay_id="c.1",
)
SUCCEEDED = Replay(
    replay_id="b.2",
    state=event_pb2.REPLAY_STATE_SUCCEEDED,
    method=b"GET",
    url=b"u",
    status_code=404,
    recorded_status_code=200,
)


def test_a_line_for_each_replay_of_every_page(fake: FakeDaemon) -> None:
    SUCCEEDED.end_time.FromSeconds(86400)
    fake.pages.append(ListReplaysResponse(replays=[QUEUED, INTERRUPTED], next_page_token="t"))
    fake.pages.append(ListReplaysResponse(replays=[SUCCEEDED]))
    lines = replayctl(fake.address, "list", "--batch", "b").stdout.splitlines()
    assert (
        lines[0] == r"b.0           QUEUED       GET http://h/\x1b  waits for b.9, sends a.0 again"
    )
    request, outcome = lines[1].rsplit("  ", 1)
    assert request == "b.1           INTERRUPTED  POST http://h/pay"
    assert outcome == "INTERRUPTED, attempt 2, resolved: RESEND c.1"
    assert lines[2].startswith("b.2           SUCCEEDED    GET u  404 (recorded 200)  1970-01-0")
    assert fake.requests == [
        ListReplaysRequest(batch_id="b"),
        ListReplaysRequest(batch_id="b", page_token="t"),
    ]


def test_what_is_wanted_is_asked_for(fake: FakeDaemon) -> None:
    fake.pages.append(ListReplaysResponse(replays=[INTERRUPTED]))
    options = ["--state", "failed", "--state", "interrupted", "--parked", "--filter", "~q"]
    shown = replayctl(fake.address, "--output", "json", "list", *options).stdout
    assert json.loads(shown)["resentReplayId"] == "c.1"
    assert fake.requests == [ListReplaysRequest(states=[4, 7], parked=True, filter="~q")]
    assert replayctl(fake.address, "list", "--state", "odd").code == 2
