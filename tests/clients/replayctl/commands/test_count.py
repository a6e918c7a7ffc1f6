import json

from tests.support.daemon import Daemon
from tests.support.programs import ROOT

CAPTURE = str(ROOT / "tests/data/captures/mut-unknown-key.mitm")


def test_a_number_alone_or_each_count(start_daemon: type[Daemon]) -> None:
    daemon = start_daemon("--ephemeral", "--paused")
    batch = json.loads(daemon.replayctl("--output", "json", "enqueue", CAPTURE).stdout)
    assert batch["acceptedCount"] == "3"
    daemon.replayctl("enqueue", CAPTURE)
    assert daemon.replayctl("count").stdout == "6\n"
    assert daemon.replayctl("count", "--batch", batch["batchId"]).stdout == "3\n"
    counts = json.loads(daemon.replayctl("--output", "json", "count").stdout)
    assert (counts["queuedCount"], counts["failedCount"], counts["paused"]) == ("6", "0", True)


def test_an_unknown_batch_is_refused(daemon: Daemon) -> None:
    assert "BATCH_NOT_FOUND" in daemon.replayctl("count", "--batch", "x", exit_code=4).stderr
