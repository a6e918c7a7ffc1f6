import json

import pytest
from click.testing import CliRunner
from flowreplay.v1.replay_pb2 import START_POSITION_NOW, START_POSITION_START, WatchEventsRequest
from flowreplay_client import connect, request_flow
from replayctl.cli import cli

from tests.support.daemon import Daemon
from tests.support.fake_daemon import COMPACTED, FOREIGN, STOPPING, FakeDaemon, events
from tests.support.recorder import Exchange, Recorder
from tests.support.replayctl import replayctl, replayctl_on_terminal


def evil(exchange: Exchange) -> None:
    """Answers with what a terminal would obey."""
    exchange.reply(404, b"\x1b]0;owned\x07 and \x1b[2J", (b"Content-Type", b"text/plain"))


def enqueue(daemon: Daemon, target: Recorder, count: int = 1) -> list[str]:
    """Enqueues flows; returns the options that follow them to their end."""
    url = f"http://{target.address}/a"
    flows = [request_flow("POST", url, content=b"hello") for _ in range(count)]
    with connect(daemon.address) as client:
        batch = client.enqueue(flows, label="mine")
    return ["--from", batch.cursor, "--batch", batch.batch_id, "--until-idle"]


def test_people_get_one_line_a_replay(daemon: Daemon, target: Recorder) -> None:
    follow = enqueue(daemon, target, 2)
    queued, *lines = replayctl(daemon.address, "watch", *follow).stdout.splitlines()
    assert queued.endswith(f"  {follow[3]}      queued 2 replays (mine)")
    assert len(lines) == 2
    for index, line in enumerate(lines):
        time, replay, method, url, status, *_ = line.split()
        assert (len(time), method, status) == (12, "POST", "200")
        assert replay == f"{follow[3]}.{index}"
        assert url == f"http://{target.address}/a"


def test_programs_get_every_event_as_a_line(daemon: Daemon, target: Recorder) -> None:
    follow = enqueue(daemon, target)
    ended = replayctl(daemon.address, "--output", "json", "watch", *follow)
    shown = [json.loads(line) for line in ended.stdout.splitlines()]
    sequences = [int(event["sequence"]) for event in shown]
    assert sequences == sorted(set(sequences))
    assert [next(k for k in ("update", "request", "response") if k in e) for e in shown] == [
        "update",
        "request",
        "response",
    ]
    assert shown[2]["response"]["recordedStatusCode"] == 0


def test_kinds_are_chosen(daemon: Daemon, target: Recorder) -> None:
    follow = enqueue(daemon, target)
    options = ["--kind", "request", "--kind", "error"]
    (line,) = replayctl(daemon.address, "watch", *follow, *options).stdout.splitlines()
    assert "sending 5 B" in line


def test_bodies_are_shown_and_harmless(daemon: Daemon, start_recorder: type[Recorder]) -> None:
    follow = enqueue(daemon, start_recorder(evil))
    shown = replayctl_on_terminal(daemon.address, "watch", "--bodies", *follow)
    assert "    hello" in shown
    assert "1b 5d 30 3b 6f 77 6e 65 64 07" in shown
    assert "\x07" not in shown
    assert "\x1b[2J" not in shown
    assert "\x1b[33m404\x1b[0m" in shown


def test_a_terminal_may_decline_colours(daemon: Daemon, target: Recorder) -> None:
    follow = enqueue(daemon, target)
    shown = replayctl_on_terminal(daemon.address, "watch", *follow, environment={"NO_COLOR": "1"})
    assert "200" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("options", "start"),
    [([], START_POSITION_NOW), (["--from", "start"], START_POSITION_START), (["--from", "c"], "c")],
)
def test_it_starts_where_it_is_told(fake: FakeDaemon, options: list[str], start: str | int) -> None:
    fake.watches.append([events()])
    assert replayctl(fake.address, "watch", *options).code == 0
    (request,) = fake.requests
    assert isinstance(request, WatchEventsRequest)
    assert (request.cursor or request.position) == start


def test_a_filter_is_asked_for(fake: FakeDaemon) -> None:
    fake.watches.append([events()])
    assert replayctl(fake.address, "watch", "--filter", "~m POST").code == 0
    (request,) = fake.requests
    assert isinstance(request, WatchEventsRequest)
    assert request.filter == "~m POST"


def test_a_restart_is_told_and_survived(fake: FakeDaemon) -> None:
    fake.watches.append([events(cursor="c"), STOPPING])
    fake.watches.append([events(cursor="c"), events(1)])
    ended = replayctl(fake.address, "--output", "json", "watch")
    assert json.loads(ended.stdout)["sequence"] == "1"
    assert ended.stderr.splitlines() == [
        f"replayctl: lost the daemon at {fake.address} (DAEMON_STOPPING), trying again",
        f"replayctl: the daemon at {fake.address} is back",
    ]


@pytest.mark.parametrize(
    ("options", "followed"),
    [([], "the queue goes on"), (["--batch", "b"], "`replayctl watch --batch b --from 7 --until")],
)
def test_who_waits_for_the_end_gives_up_when_the_daemon_stays_away(
    fake: FakeDaemon, monkeypatch: pytest.MonkeyPatch, options: list[str], followed: str
) -> None:
    monkeypatch.setattr("replayctl.absence.PATIENCE", 0)
    fake.watches.append([events(cursor="7"), STOPPING])
    arguments = ["--address", fake.address, "watch", "--until-idle", *options]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 3
    assert followed in result.stderr
    assert f"gave up: no daemon at {fake.address}" in result.stderr


def test_who_waits_for_no_end_never_gives_up(
    fake: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replayctl.absence.PATIENCE", 0)
    fake.watches.append([events(cursor="c"), STOPPING])
    fake.watches.append([STOPPING])
    fake.watches.append([events(cursor="c")])
    result = CliRunner().invoke(cli, ["--address", fake.address, "watch"])
    assert result.exit_code == 0
    assert result.stderr.count("\n") == 2


def test_compaction_has_its_own_code_and_a_way_out(fake: FakeDaemon) -> None:
    fake.watches.append([COMPACTED])
    ended = replayctl(fake.address, "watch", "--from", "c")
    assert ended.code == 5
    assert "--skip-gaps" in ended.stderr
    fake.watches.append([COMPACTED])
    fake.watches.append([events(cursor="4"), events(5)])
    ended = replayctl(fake.address, "--output", "json", "watch", "--from", "c", "--skip-gaps")
    assert ended.code == 0
    assert json.loads(ended.stdout)["sequence"] == "5"
    assert "events 1 to 4 are gone" in ended.stderr


def test_a_foreign_cursor_is_refused(fake: FakeDaemon) -> None:
    fake.watches.append([FOREIGN])
    ended = replayctl(fake.address, "watch", "--from", "c")
    assert (ended.code, ended.stderr) == (4, "replayctl: another journal [CURSOR_FOREIGN]\n")


def test_a_paused_queue_is_told_to_who_waits_for_its_end(fake: FakeDaemon) -> None:
    fake.watches.append([events(paused=True)])
    assert "the queue is paused" in replayctl(fake.address, "watch", "--until-idle").stderr
