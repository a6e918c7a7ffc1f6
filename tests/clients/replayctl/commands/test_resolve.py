import json

import grpc
from flowreplay.v1.event_pb2 import RESOLUTION_DROP, RESOLUTION_RESEND
from flowreplay.v1.replay_pb2 import ResolveRequest, ResolveResponse

from tests.support.fake_daemon import FakeDaemon, Refuse
from tests.support.replayctl import replayctl


def test_replays_are_sent_again_batch_by_batch(fake: FakeDaemon) -> None:
    fake.answers["Resolve"] = ResolveResponse(resolved_count=2, resent_batch_id="new\x1b")
    ended = replayctl(fake.address, "resolve", "a.1", "b.1", "a.2", "resend")
    assert ended.stdout == "2 replays sent again as batch new\\x1b\n" * 2
    assert fake.requests == [
        ResolveRequest(replay_ids=["a.1", "a.2"], resolution=RESOLUTION_RESEND),
        ResolveRequest(replay_ids=["b.1"], resolution=RESOLUTION_RESEND),
    ]


def test_a_batch_is_dropped(fake: FakeDaemon) -> None:
    fake.answers["Resolve"] = ResolveResponse(resolved_count=1, cursor="c")
    assert replayctl(fake.address, "resolve", "--batch", "b", "drop").stdout == (
        "1 replay dropped\n"
    )
    assert fake.requests == [ResolveRequest(batch_id="b", resolution=RESOLUTION_DROP)]
    shown = replayctl(fake.address, "--output", "json", "resolve", "b.0", "drop").stdout
    assert json.loads(shown)["resolvedCount"] == "1"
    fake.answers["Resolve"] = ResolveResponse()
    assert (
        replayctl(fake.address, "resolve", "--batch", "b", "drop").stdout == "nothing is parked\n"
    )


def test_what_makes_no_sense_sends_nothing(fake: FakeDaemon) -> None:
    for arguments in (["resend"], ["b.1", "keep"], ["--batch", "b", "b.1", "drop"], []):
        ended = replayctl(fake.address, "resolve", *arguments)
        assert (ended.code, fake.requests) == (2, []), ended


def test_what_was_resolved_before_is_refused(fake: FakeDaemon) -> None:
    refuse = Refuse(
        grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_RESOLVED", "replay 'b.1' was dropped"
    )
    fake.answers["Resolve"] = refuse
    ended = replayctl(fake.address, "resolve", "b.1", "resend")
    assert (ended.code, ended.stderr) == (
        4,
        "replayctl: replay 'b.1' was dropped [ALREADY_RESOLVED]\n",
    )
