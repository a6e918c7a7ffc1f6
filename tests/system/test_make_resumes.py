"""`make resumes`, for seconds: nothing is missed or repeated, and what is gets found."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.tools import run_tool

FEW = ["--resumes", "200", "--walkers", "8", "--size", "100k", "--seed", "7"]
SPOILT = ["--drop", "50", "--repeat", "50"]


def resumes(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_tool("tools.watchers.resumes", *FEW, *options, home=home)


def test_it_passes_the_daemon_and_catches_a_watcher_that_loses_events(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        good, spoilt = pool.map(lambda more: resumes(tmp_path, *more), ([], SPOILT))
    assert good.returncode == 0, good.stdout + good.stderr
    assert "0 missed, 0 repeated, 0 different" in good.stdout
    assert spoilt.returncode == 1, spoilt.stdout
    assert " was sent " in spoilt.stdout
    assert "again, after" in spoilt.stdout
    assert "right after" in spoilt.stdout
