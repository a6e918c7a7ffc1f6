import json

from tests.support.daemon import Daemon
from tests.support.programs import ROOT

CAPTURE = str(ROOT / "tests/data/captures/mut-unknown-key.mitm")
NOBODY = ["--connect-to", "=127.0.0.1:1"]


def test_a_batch_is_summed_up_and_judged(daemon: Daemon) -> None:
    enqueued = daemon.replayctl(
        "--output", "json", "enqueue", "--wait", *NOBODY, CAPTURE, exit_code=1
    )
    batch_id = json.loads(enqueued.stdout.splitlines()[0])["batchId"]
    told = daemon.replayctl("summary", batch_id)
    assert told.stdout.startswith(f"batch {batch_id}: 3 failed\n  errors: CONNECT_FAILED x3\n")
    judged = daemon.replayctl("summary", batch_id, "--fail-on", "error>2, p95>1s", exit_code=1)
    assert judged.stdout.splitlines()[-1].startswith("  error>2: 3 of 3 (")
    as_json = daemon.replayctl("--output", "json", "summary", batch_id, "--fail-on", "error>3")
    assert json.loads(as_json.stdout)["failedAssertions"] == []


def test_what_can_not_be_is_refused(daemon: Daemon) -> None:
    assert "BATCH_NOT_FOUND" in daemon.replayctl("summary", "x", exit_code=4).stderr
    wrong = daemon.replayctl("summary", "x", "--fail-on", "speed>1", exit_code=4)
    assert "there is no speed" in wrong.stderr
    assert "nothing" in daemon.replayctl("summary", "x", "--fail-on", ",", exit_code=2).stderr
    early = daemon.replayctl("enqueue", "--wait", "--fail-on", "speed>1", CAPTURE, exit_code=2)
    assert "there is no speed" in early.stderr
    assert daemon.replayctl("list").stdout.count("speed") == 0
