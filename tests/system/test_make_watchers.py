"""`make watchers` with few of them: all get every event, and the limits are held to."""

import subprocess
from pathlib import Path

from tests.support.tools import run_tool

FEW = ["--watchers", "30", "--silent", "10", "--seconds", "0.5", "--rate", "60", "--burst", "50"]


def watchers(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_tool("tools.watchers", *FEW, *options, home=home)


def test_all_get_every_event_and_a_limit_is_held_to(tmp_path: Path) -> None:
    done = watchers(tmp_path, "--memory", "1", "--enqueue-ms", "0")
    assert (done.returncode, done.stderr) == (1, "")
    found = [line for line in done.stdout.splitlines() if line.startswith("FOUND: ")]
    assert [line.split(";")[1] for line in found] == [" 1 are allowed", " 0 are allowed"]
    assert "30 watchers, 10 of them never read" in done.stdout
    assert " 0 wrong" in done.stdout
