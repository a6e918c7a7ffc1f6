import json
import re
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from flowreplay.v1 import reason_pb2
from flowreplay.v1.replay_pb2 import (
    BreakerState,
    CountResponse,
    GetStatusResponse,
    RunningReplay,
    TargetStatus,
)
from flowreplay_client import connect
from replayctl.cli import cli

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon


def test_people_read_one_fact_a_line(fake: FakeDaemon) -> None:
    fake.answers["GetStatus"] = status = GetStatusResponse(
        version="1.2",
        journal="sqlite",
        store_id="s",
        oldest_sequence=3,
        latest_sequence=9,
        concurrency=4,
        watcher_count=2,
        paused=True,
        upstream="socks5://p:1080",
        connection_limit=2,
        held_session_count=3,
        running_replays=[RunningReplay(replay_id="r\x1b", attempt=2)],
    )
    status.certificate_expire_time.FromSeconds(1_700_000_000)
    fake.answers["Count"] = CountResponse(queued_count=17, running_count=1, parked_count=2)
    shown = CliRunner().invoke(cli, ["--address", fake.address, "status"]).stdout
    facts = dict(line.split(":", 1) for line in shown.splitlines() if not line.startswith(" "))
    assert {name: value.strip() for name, value in facts.items() if name != "started"} == {
        "address": fake.address,
        "version": "1.2",
        "journal": "sqlite s",
        "queue": "paused, 17 waiting, 2 parked",
        "held": "3 sessions wait for parked replays",
        "certificate": "until 2023-11-14 22:13 UTC",
        "concurrency": "4",
        "connections": "at most 2 a target",
        "upstream": "socks5://p:1080",
        "events": "3 to 9",
        "watchers": "2",
        "running": "1",
    }
    assert re.search(
        r"^  r\\x1b since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}, attempt 2$", shown, re.M
    )


def test_a_real_daemon_tells(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--ephemeral", "--upstream", "http://user:secret@127.0.0.1:9")
    told = daemon.replayctl("--output", "json", "status").stdout
    status = json.loads(told)
    assert (status["journal"], status["concurrency"]) == ("memory", 1)
    assert status["upstream"] == "http://127.0.0.1:9"
    shown = daemon.replayctl("status").stdout
    assert "queue:       open, 0 waiting\n" in shown
    assert "concurrency: 1 (strict order)\n" in shown
    assert "connections: no limit\n" in shown
    assert "upstream:    http://127.0.0.1:9\n" in shown
    assert "secret" not in told + shown


def test_targets_are_told_where_anything_is_limited(fake: FakeDaemon) -> None:
    fake.answers["GetStatus"] = GetStatusResponse(
        targets=[
            TargetStatus(host="::1", port=80, running_count=1, rate_limit=0.5),
            TargetStatus(
                host="a\x1b",
                port=443,
                waiting_session_count=7,
                failure_count=3,
                breaker=BreakerState.BREAKER_STATE_PROBING,
            ),
        ]
    )
    fake.answers["Count"] = CountResponse()
    shown = CliRunner().invoke(cli, ["--address", fake.address, "status"]).stdout
    assert shown.endswith(
        "targets:\n"
        "  [::1]:80  1 running, at most 0.5/s\n"
        "  a\\x1b:443  0 running, 7 waiting, 3 failed in a row, one replay tries it\n"
    )


def test_a_real_daemon_leaves_a_target_alone(
    start_daemon: Callable[..., Daemon], captures: Path
) -> None:
    options = ("--target-rate", "127.0.0.0/8=1000/s", "--breaker", "2:1h")
    daemon = start_daemon("--ephemeral", *options)
    capture = str(captures / "rec-basic.mitm")
    daemon.replayctl("enqueue", capture, "--connect-to", "=127.0.0.1:1")
    with connect(daemon.address) as client, client.watch(start="start", kinds=["log"]) as watch:
        assert next(watch).log.reason == reason_pb2.REASON_BREAKER_OPEN
    shown = daemon.replayctl("status").stdout
    assert re.search(
        r"^  127\.0\.0\.1:1  0 running, at most 1000/s, 2 failed in a row, left alone until ",
        shown,
        re.M,
    )
    assert "queue:       open, 21 waiting\n" in shown
