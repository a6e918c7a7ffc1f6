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


def program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Puts a GoReplay of our own on the path; returns where it was found."""
    path = folder / "gor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    found = goreplay.goreplay()
    assert found == str(path)
    return found


def test_the_targets_count_is_its_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It does not end with its file.
    found = program(tmp_path, "exec sleep 60", monkeypatch)
    counts = iter([7, 8, 60, 107])
    monkeypatch.setattr(Target, "requests", lambda _self: next(counts))
    rate = goreplay.replay_rate(found, Target("none", 9, 9, tmp_path), GET_32, 100, 32)
    assert rate > 0
    assert next(counts, None) is None


def test_one_that_ends_early_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(tmp_path, "exit 3", monkeypatch)
    monkeypatch.setattr(Target, "requests", lambda _self: 7)
    with pytest.raises(PeerFailed, match="left out 100 of 100"):
        goreplay.replay_rate(found, Target("none", 9, 9, tmp_path), GET_32, 100)
