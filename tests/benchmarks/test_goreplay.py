import io
import os
import stat
from pathlib import Path

import pytest

from benchmarks import goreplay
from benchmarks.peers import PeerFailed
from benchmarks.targets import Target
from benchmarks.workloads import GET_32, POST_32
from replayd.formats import read_capture
from replayd.model.flow import Flow


def test_its_file_is_read_as_one() -> None:
    file = io.BytesIO(b"".join(goreplay.record(POST_32, 8080, index) for index in range(3)))
    flows = [flow for flow in read_capture(file, format=None) if isinstance(flow, Flow)]
    assert [flow.request and flow.request.path for flow in flows] == [
        b"/small/0", b"/small/1", b"/small/2",
    ]  # fmt: skip


def test_one_that_ends_early_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "gor"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(Target, "requests", lambda _self: 7)
    target = Target("none", 9, 9, tmp_path)
    found = goreplay.goreplay()
    assert found == str(program)
    with pytest.raises(PeerFailed, match="left out 100 of 100"):
        goreplay.replay_rate(found, target, GET_32, 100)
