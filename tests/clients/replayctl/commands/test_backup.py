"""A copy under load: whole, and its books balance."""

import json
from contextlib import closing
from pathlib import Path

from flowreplay_client import connect, request_flow

from tests.support.daemon import Daemon
from tests.support.recorder import Recorder


def test_a_copy_of_a_daemon_at_work(
    start_daemon: type[Daemon], target: Recorder, tmp_path: Path
) -> None:
    daemon = start_daemon("--concurrency", "8")
    get = request_flow("GET", f"http://{target.address}/")
    post = request_flow("POST", f"http://{target.address}/", content=b"x" * 300_000)
    with connect(daemon.address) as client:
        client.enqueue([get, post] * 4)
        with closing(daemon.replayctl_process("backup", str(tmp_path / "copy"))) as copying:
            accepted = 8
            while copying.running and accepted < 300:
                client.enqueue([get, post])
                accepted += 2
            assert copying.wait() == 0, copying.describe()
            assert copying.stdout[0].startswith(f"copied to {tmp_path}/copy: ")
    (said,) = daemon.replayctl("backup", str(tmp_path / "copy"), exit_code=4).stderr.splitlines()
    assert "is not empty; name one that is not there yet [INVALID_OPTIONS]" in said
    copy = start_daemon("--data-dir", str(tmp_path / "copy"))
    status = json.loads(copy.replayctl("--output", "json", "status").stdout)
    counts = json.loads(copy.replayctl("--output", "json", "count").stdout)
    balance = sum(int(counts.get(name, 0)) for name in counts if name.endswith("Count"))
    balance -= int(counts.get("parkedCount", 0)) + int(counts.get("openBatchCount", 0))
    assert 8 <= balance <= accepted
    original = json.loads(daemon.replayctl("--output", "json", "status").stdout)
    assert status["storeId"] != original["storeId"]
