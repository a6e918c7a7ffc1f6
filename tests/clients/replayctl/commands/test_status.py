import json
import re

from click.testing import CliRunner
from flowreplay.v1.replay_pb2 import GetStatusResponse, RunningReplay
from replayctl.cli import cli

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon


def test_people_read_one_fact_a_line(fake: FakeDaemon) -> None:
    fake.answers["GetStatus"] = GetStatusResponse(
        version="1.2",
        journal="sqlite",
        store_id="s",
        oldest_sequence=3,
        latest_sequence=9,
        concurrency=4,
        watcher_count=2,
        paused=True,
        running_replays=[RunningReplay(replay_id="r\x1b", attempt=2)],
    )
    shown = CliRunner().invoke(cli, ["--address", fake.address, "status"]).stdout
    for fact in ("version:     1.2", "journal:     sqlite s", "queue:       paused"):
        assert fact in shown
    assert "events:      3 to 9" in shown
    assert re.search(
        r"^  r\\x1b since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}, attempt 2$", shown, re.M
    )


def test_a_real_daemon_tells(daemon: Daemon) -> None:
    status = json.loads(daemon.replayctl("--output", "json", "status").stdout)
    assert (status["journal"], status["concurrency"]) == ("memory", 1)
