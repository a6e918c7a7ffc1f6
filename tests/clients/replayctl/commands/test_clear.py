import json

from tests.support.daemon import Daemon
from tests.support.programs import ROOT

CAPTURE = str(ROOT / "tests/data/captures/mut-unknown-key.mitm")


def test_what_waits_is_taken_off_all_or_of_one_batch(start_daemon: type[Daemon]) -> None:
    daemon = start_daemon("--ephemeral", "--paused")
    enqueued = [
        json.loads(daemon.replayctl("--output", "json", "enqueue", CAPTURE).stdout)
        for _ in range(2)
    ]
    assert daemon.replayctl("clear", "--batch", enqueued[0]["batchId"]).stdout == "3\n"
    cleared = json.loads(daemon.replayctl("--output", "json", "clear").stdout)
    assert cleared["clearedCount"] == "3"
    assert cleared["ranges"][0]["batchId"] == enqueued[1]["batchId"]
    assert daemon.replayctl("count").stdout == "0\n"
