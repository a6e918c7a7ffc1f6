import io
import json
from pathlib import Path

import grpc
import pytest
from flowreplay.v1.history_pb2 import ExportRequest, ExportResponse

from tests.support.captures import flows_of
from tests.support.daemon import Daemon
from tests.support.fake_daemon import STOPPING, FakeDaemon, Refuse
from tests.support.har_schema import check_har
from tests.support.recorder import Recorder
from tests.support.replayctl import replayctl, replayctl_on_terminal

BEGUN = ExportResponse()
CHUNK = ExportResponse(chunk=b"bytes", exported_count=1)
LAST = ExportResponse(exported_count=1, left_out_count=2)
FILTERED = ExportResponse(exported_count=1, left_out_count=2, filtered_count=3)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.har"


def test_it_saves_the_capture_and_says_so(fake: FakeDaemon, out: Path) -> None:
    fake.exports.append([BEGUN, CHUNK, LAST])
    ended = replayctl(fake.address, "export", "b1", str(out))
    assert ended.stdout == f"{out}: 1 replay of batch b1, 2 left out\n"
    assert out.read_bytes() == b"bytes"
    assert out.stat().st_mode & 0o777 == 0o600
    assert fake.requests == [ExportRequest(batch_id="b1", format=2)]


def test_a_filter_is_asked_for_and_what_it_leaves_out_is_told(fake: FakeDaemon, out: Path) -> None:
    fake.exports.append([BEGUN, CHUNK, FILTERED])
    ended = replayctl(fake.address, "export", "b1", str(out), "--filter", "~m GET")
    assert ended.stdout == f"{out}: 1 replay of batch b1, 2 left out, 3 filtered out\n"
    assert fake.requests == [ExportRequest(batch_id="b1", format=2, filter="~m GET")]


def test_json(fake: FakeDaemon, out: Path) -> None:
    fake.exports.append([BEGUN, CHUNK, LAST])
    ended = replayctl(fake.address, "--output", "json", "export", "b1", str(out))
    assert json.loads(ended.stdout) == {
        "batchId": "b1",
        "path": str(out),
        "format": "har",
        "exportedCount": 1,
        "leftOutCount": 2,
        "filteredCount": 0,
    }


def test_stdout_has_the_bytes_alone(fake: FakeDaemon) -> None:
    fake.exports.append([BEGUN, CHUNK, LAST])
    ended = replayctl(fake.address, "export", "b1", "-", "--format", "goreplay")
    assert (ended.stdout, ended.code) == ("bytes", 0)
    assert ended.stderr == "replayctl: -: 1 replay of batch b1, 2 left out\n"


def test_a_terminal_gets_no_bytes(fake: FakeDaemon) -> None:
    shown = replayctl_on_terminal(fake.address, "export", "b1", "-", "--format", "har")
    assert "stdout (-) is a terminal" in shown
    assert fake.requests == []


def test_what_breaks_off_leaves_no_file(fake: FakeDaemon, out: Path) -> None:
    out.write_text("of old")
    fake.exports.append([BEGUN, CHUNK, STOPPING])
    ended = replayctl(fake.address, "export", "b1", str(out))
    assert (ended.code, ended.stdout) == (3, "")
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.read_text() == "of old"


def test_the_daemon_s_refusal(fake: FakeDaemon, out: Path) -> None:
    fake.exports.append([Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND", "no batch 'b1'")])
    ended = replayctl(fake.address, "export", "b1", str(out))
    assert (ended.code, ended.stderr) == (4, "replayctl: no batch 'b1' [BATCH_NOT_FOUND]\n")
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["out.zip"], "the format to write is not known: let out.zip end in one of .mitm, .dump"),
        (["-"], "the format to write is not known"),
        (["/"], "can't write /: it is a folder"),
        (["/nonexistent/a.har"], "can't write /nonexistent/a.har: its folder is not there"),
        (["/proc/a.har"], "can't write /proc/a.har: "),
        (["a.har", "--format", "zip"], "'zip' is not one of"),
    ],
)
def test_wrong_usage(fake: FakeDaemon, given: list[str], message: str) -> None:
    fake.exports.append([BEGUN, CHUNK, LAST])
    ended = replayctl(fake.address, "export", "b1", *given)
    assert ended.code == 2
    assert message in ended.stderr


def test_a_real_batch_in_every_format(
    daemon: Daemon, target: Recorder, captures: Path, tmp_path: Path
) -> None:
    rules = [
        "--connect-to",
        f"http://={target.address}",
        "--connect-to",
        f"https://={target.address}",
    ]
    capture = str(captures / "rec-basic.mitm")
    told = daemon.replayctl("--output", "json", "enqueue", *rules, "--wait", capture).stdout
    batch_id = json.loads(told.splitlines()[0])["batchId"]
    expected = [flow.request for flow in flows_of(io.BytesIO(Path(capture).read_bytes()))]
    for suffix in ("mitm", "har", "gor"):
        out = tmp_path / f"out.{suffix}"
        told = daemon.replayctl("export", batch_id, str(out)).stdout
        assert told == f"{out}: {len(expected)} replays of batch {batch_id}\n"
        found = [flow.request for flow in flows_of(io.BytesIO(out.read_bytes()))]
        assert [one and (one.method, one.path, one.content) for one in found] == [
            one and (one.method, one.path, one.content) for one in expected
        ]
    check_har(json.loads((tmp_path / "out.har").read_text()))
