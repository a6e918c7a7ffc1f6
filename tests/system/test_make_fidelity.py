"""`make fidelity` replays, judges and counts; beside it mitmproxy, where it is found."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.captures import CAPTURES, FOLDER
from tests.support.certificates import Authority
from tests.support.programs import find
from tests.support.tools import run_tool
from tools.fidelity import __main__ as command
from tools.fidelity import score
from tools.fidelity.judge import Verdict
from tools.fidelity.theirs import Mitmproxy

FEW = ["rec-odd.mitm", "rec-h2.mitm", "mut-no-version.mitm", "har/rec-bodies.har"]
FEW += ["goreplay/gor-odd-tracked.gor"]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    folder.mkdir()
    for name in FEW:
        shutil.copy(FOLDER / name, folder)
    return folder


def run(folder: Path, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_tool("tools.fidelity", str(folder), *options, home=home, TMPDIR=str(home))


def test_it_counts_what_arrived(few: Path, tmp_path: Path) -> None:
    done = run(few, tmp_path, "--no-mitmproxy", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads(done.stdout)
    seen = {each["name"]: each for each in report["captures"]}
    counts = {
        name: (each["flows"], each["replayd"]["identical"], each["replayd"]["changes"])
        for name, each in seen.items()
    }
    assert counts == {
        "gor-odd-tracked.gor": (13, 11, {"CHUNK_SIZES": 1}),
        "mut-no-version.mitm": (0, 0, {}),
        "rec-bodies.har": (19, 17, {"CHUNK_SIZES": 1, "CONTENT_LENGTH": 1}),
        "rec-h2.mitm": (16, 0, {"CONTENT_LENGTH": 1, "HTTP_VERSION": 16}),
        "rec-odd.mitm": (30, 28, {"CHUNK_SIZES": 1}),
    }
    assert "'version' is missing" in seen["mut-no-version.mitm"]["error"]
    assert seen["rec-odd.mitm"]["refused"] == {"MISSING_CONTENT": 1}
    assert report["totals"][-1]["replayd"]["else"] == 0
    assert report["mitmproxy"] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["captures"]


def test_http2_flows_are_replayed_over_http2_too(few: Path, tmp_path: Path) -> None:
    find("node")
    for name in ("har/mut-har-http-versions.har", "har/mitmproxy-firefox.har"):
        shutil.copy(FOLDER / name, few)
    done = run(few, tmp_path, "--no-mitmproxy", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    seen = {each["name"]: each["http2"] for each in json.loads(done.stdout)["captures"]}
    judged = {name: side for name, side in seen.items() if side}
    assert {name: (side["identical"], side["changes"]) for name, side in judged.items()} == {
        "rec-h2.mitm": (16, {}),
        # Without TLS, and in the form of HTTP/1.
        "mut-har-http-versions.har": (0, {"FIELD_REMOVED": 3, "LOWER_CASE": 3}),
        # HTTP/3, which Firefox writes down in the form of HTTP/1.
        "mitmproxy-firefox.har": (
            0,
            {"FIELD_REMOVED": 8, "HTTP_VERSION": 8, "LOWER_CASE": 8},
        ),
    }
    assert not any(side["else"] for side in judged.values())


def test_what_was_said_on_websockets_is_judged_too(few: Path, tmp_path: Path) -> None:
    for name in ("rec-ws-node.mitm", "har/rec-ws.har"):
        shutil.copy(FOLDER / name, few)
    done = run(few, tmp_path, "--no-mitmproxy", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    seen = {each["name"]: each["websockets"] for each in json.loads(done.stdout)["captures"]}
    judged = {name: side for name, side in seen.items() if side}
    assert {name: (side["identical"], side["else"]) for name, side in judged.items()} == {
        "rec-ws-node.mitm": (4, 0),
        "rec-ws.har": (4, 0),
    }


def test_a_folder_without_captures_is_wrong_usage(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there are no captures in" in done.stderr


def test_anything_else_ends_it_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(score, "judge", lambda *_: Verdict(wrong="a byte too many"))
    path = str(CAPTURES["rec-tcp"].path)
    monkeypatch.setattr(sys, "argv", ["fidelity", path, "--no-mitmproxy", "--verbose"])
    assert command.main() == 1
    assert "replayd, flow 2: a byte too many" in capsys.readouterr().out


@pytest.fixture(scope="module")
def mitmproxy(authority: Authority) -> Iterator[Mitmproxy]:
    with Mitmproxy(find("mitmdump"), authority) as mitmproxy:
        yield mitmproxy


def test_mitmproxy_sends_what_its_witness_saw_it_send(mitmproxy: Mitmproxy) -> None:
    capture = CAPTURES["rec-https"]
    run = mitmproxy.replay(capture.path)
    assert run.error == ""
    sizes = [len(sent.raw) for sent in run.flows]
    assert sizes == [seen["sent"][0] for seen in capture.flows]
    assert mitmproxy.version.startswith("mitmproxy ")


def test_mitmproxy_goes_on_after_a_capture_that_ended_it(mitmproxy: Mitmproxy) -> None:
    assert "KeyError" in mitmproxy.replay(CAPTURES["rec-mitmproxy-2.0.2-mixa"].path).error
    unfit = mitmproxy.replay(CAPTURES["mut-content-length-wrong-missing-both-double"].path)
    assert unfit.error == ""
    assert [[each.whole for each in sent.arrived] for sent in unfit.flows[:2]] == [
        [True, False]
    ] * 2
    assert all(sent.error and not sent.arrived for sent in unfit.flows[2:])
    refused = mitmproxy.replay(CAPTURES["rec-tcp"].path)
    assert [bool(sent.refused) for sent in refused.flows] == [True, True, False]
