"""`make soak`, for seconds: the books balance, and a leak is caught."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.tools import run_tool

SHORT = "--minutes=0.06 --sample=0.25 --watchers=5 --seed=7 --more=50 --growth=24"
LEAK = ["--leak", "30000000"]


def soak(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_tool("tools.soak", *SHORT.split(), f"--out={home}/soak.json", *options, home=home)


def test_it_passes_a_daemon_that_keeps_nothing_and_catches_one_that_leaks(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("good", "leaking")]
    for home in homes:
        home.mkdir()
    with ThreadPoolExecutor(2) as pool:
        good, leaking = pool.map(lambda home, more: soak(home, *more), homes, ([], LEAK))
    assert good.returncode == 0, good.stdout + good.stderr
    report = json.loads((homes[0] / "soak.json").read_text())
    assert report["findings"] == [], report["samples"]
    assert report["seed"] == 7
    assert report["flows"] > 0
    assert len(report["samples"]) > 2
    assert leaking.returncode == 1, leaking.stdout
    assert "FOUND: memory grew by" in leaking.stdout
