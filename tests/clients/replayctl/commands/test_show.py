import json
from pathlib import Path

from flowreplay.v1.history_pb2 import (
    REPLAY_CONTENT_RESPONSE,
    ContentPiece,
    GetReplayRequest,
    GetReplayResponse,
    ReplayDetails,
)

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon
from tests.support.recorder import Recorder
from tests.support.replayctl import replayctl

DETAILS = GetReplayResponse(details=ReplayDetails(recorded_messages_truncated=True))


def response(**fields: object) -> GetReplayResponse:
    piece = ContentPiece(content=REPLAY_CONTENT_RESPONSE, **fields)  # type: ignore[arg-type]
    return GetReplayResponse(piece=piece)


def test_raw_prints_the_bytes_and_nothing_else(fake: FakeDaemon) -> None:
    fake.kept.append([DETAILS, response(data=b"a\n"), response(data=b"b", last=True)])
    ended = replayctl(fake.address, "show", "b.1", "--raw", "response", "--secrets")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "a\nb", "")
    assert fake.requests == [
        GetReplayRequest(replay_id="b.1", contents=[REPLAY_CONTENT_RESPONSE], reveal_secrets=True)
    ]


def test_raw_says_when_they_are_not_the_bytes_or_not_all(fake: FakeDaemon) -> None:
    for fields, said in (
        ({"data": b"x", "redacted": True}, "secrets are left out"),
        ({"data": b"x", "truncated": True}, "not all of it"),
    ):
        fake.kept.append([DETAILS, response(last=True, **fields)])
        ended = replayctl(fake.address, "show", "b.1", "--raw", "response")
        assert (ended.code, ended.stdout) == (0, "x")
        assert said in ended.stderr


def test_json_is_the_messages(fake: FakeDaemon) -> None:
    fake.kept.append([DETAILS, response(data=b"x", last=True)])
    shown = replayctl(fake.address, "--output", "json", "show", "b.1", "--bodies").stdout
    details, piece = map(json.loads, shown.splitlines())
    assert details["recordedMessagesTruncated"] is piece["last"] is True


def test_a_real_daemon_shows(daemon: Daemon, target: Recorder, captures: Path) -> None:
    rule = ("--connect-to", f"={target.address}")
    capture = str(captures / "rec-basic.mitm")
    told = daemon.replayctl("enqueue", *rule, capture, "--wait").stdout
    replay = told.split("batch ")[1].split(":")[0] + ".0"
    shown = daemon.replayctl("show", replay, "--bodies").stdout
    lines = shown.splitlines()
    assert lines[0] == f"{replay}: SUCCEEDED"
    assert f"  to {target.address}" in lines
    assert "recorded: 200 OK" in lines
    assert any(line.startswith("response: HTTP/1.1 200") for line in lines)
    assert daemon.replayctl("show", "none.0", exit_code=4).stderr.count("BATCH_NOT_FOUND") == 1
